"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // The chunks, in the order of the page. Text is read when it is first searched: there may be thousands.
  const chunks = all(".chunk").map((element) => {
    const [x, pace, wer] = element.dataset.point.split(" ").map(Number); // "-" is NaN, which is near nothing
    return { element, group: element.dataset.group, chapter: element.dataset.chapter, x, pace, wer };
  });
  const folded = (text) => text.toLowerCase().replace(/[‘’]/g, "'").replace(/[“”]/g, '"').replace(/\s+/g, " ");
  const textOf = (chunk) => (chunk.text ??= folded(chunk.element.textContent));

  // 1. One player for all takes, so that only one is ever heard.
  const player = new Audio();
  let sounding = null; // the .player whose take is loaded
  const waveOf = (box) => one(".wave", box);
  const lengthOf = (box) => Number(one("audio", box).dataset.duration);

  function load(box) {
    if (sounding === box) return;
    player.pause();
    if (sounding) show(sounding, false);
    sounding = box;
    player.src = one("audio", box).src;
  }
  function toggle(box) {
    load(box);
    if (player.paused) player.play().catch(() => show(box));
    else player.pause();
  }
  function seek(box, seconds) {
    load(box);
    player.currentTime = Math.min(Math.max(seconds, 0), lengthOf(box));
    show(box);
  }
  function show(box, loaded = true) {
    const wave = waveOf(box), length = lengthOf(box), button = one(".play", box);
    const at = loaded ? Math.min(player.currentTime, length) : 0, playing = loaded && !player.paused;
    wave.classList.toggle("on", loaded);
    wave.style.setProperty("--at", `${(100 * at) / length}%`);
    wave.setAttribute("aria-valuenow", at.toFixed(1));
    wave.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${length.toFixed(1)} s`);
    one(".time", box).textContent = `${at.toFixed(1)} / ${length.toFixed(1)} s`;
    button.classList.toggle("on", playing);
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, playing ? "Pause" : "Play"));
  }
  function follow() {
    if (!sounding) return;
    show(sounding);
    if (!player.paused) requestAnimationFrame(follow);
  }
  for (const event of ["play", "pause", "ended", "seeked"]) player.addEventListener(event, follow);

  // 2. The current chunk.
  let current = null;
  function choose(chunk, go = true) {
    if (current) current.element.removeAttribute("aria-current");
    current = chunk;
    chunk.element.setAttribute("aria-current", "true");
    if (!go) return;
    one("details", chunk.element).open = true;
    chunk.element.focus({ preventScroll: true });
    chunk.element.scrollIntoView({ block: "start", behavior: "instant" });
  }
  function step(by) {
    const listed = chunks.filter((chunk) => !chunk.element.hidden);
    const at = listed.indexOf(current);
    const next = listed[at < 0 ? 0 : at + by];
    if (next) choose(next);
  }
  const chunkOf = (node) => chunks.find((chunk) => chunk.element === node.closest(".chunk"));
  function boxOfCurrent() {
    if (!current) step(1);
    if (!current) return null;
    if (sounding && current.element.contains(sounding)) return sounding;
    return one(".take.accepted .player", current.element) ?? one(".player", current.element);
  }
  function playNextTake() {
    const box = boxOfCurrent();
    if (!box) return;
    const boxes = all(".player", current.element);
    const next = boxes[(boxes.indexOf(sounding) + 1) % boxes.length];
    if (next !== sounding) seek(next, 0);
    if (player.paused) toggle(next);
  }

  // 3. Filters.
  const form = one(".filters"), none = one(".none");
  function filter() {
    const groups = new Set(all("[name=group]:checked", form).map((box) => box.value));
    const chapter = form.elements.chapter.value, words = folded(form.elements.words.value).trim();
    let listed = 0;
    for (const chunk of chunks) {
      const here = groups.has(chunk.group) && (!chapter || chunk.chapter === chapter) && (!words || textOf(chunk).includes(words));
      if (chunk.element.hidden === here) chunk.element.hidden = !here;
      listed += here;
    }
    one(".count", form).textContent = `${listed.toLocaleString("en")} of ${chunks.length.toLocaleString("en")} chunks`;
    none.hidden = listed > 0;
  }
  function unfilter() {
    form.reset();
    filter();
  }
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  // 4. The plots: the nearest point, as the eye sees it.
  function nearest(field, event) {
    const box = field.getBoundingClientRect(), which = field.parentElement.dataset.plot;
    let best = null, least = 30 * 30; // pixels
    for (const chunk of chunks) {
      const dx = (chunk.x / 1000) * box.width - (event.clientX - box.left);
      const dy = (chunk[which] / 100) * box.height - (event.clientY - box.top);
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [chunk, distance];
    }
    return best;
  }
  const readout = one(".readout");
  const FACTS = ".badge, h3, .chapter, .start, .manner, .figures > span";
  const factsOf = (chunk) => all(FACTS, one("summary", chunk.element)).map((part) => part.textContent).join(" · ");
  for (const field of all(".field")) {
    const mark = one(".mark", field), which = field.parentElement.dataset.plot;
    field.addEventListener("pointermove", (event) => {
      const chunk = nearest(field, event);
      mark.classList.toggle("on", Boolean(chunk));
      readout.textContent = chunk ? factsOf(chunk) : "\u00a0";
      if (!chunk) return;
      mark.style.left = `${chunk.x / 10}%`;
      mark.style.top = `${chunk[which]}%`;
    });
    field.addEventListener("pointerleave", () => mark.classList.remove("on"));
    field.addEventListener("click", (event) => {
      const chunk = nearest(field, event);
      if (!chunk) return;
      if (chunk.element.hidden) unfilter();
      choose(chunk);
    });
  }

  // 5. Clicks and keys.
  async function copy(button) {
    const code = one("code", button.parentElement);
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch { // no clipboard for this page: the old way
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const chunk = at(".chunk");
    if (chunk) choose(chunkOf(chunk), false);
    if (at(".play")) toggle(at(".player"));
    else if (at(".copy")) copy(at(".copy"));
    else if (at(".all")) unfilter();
    else if (at(".help")) one("dialog").showModal();
  });
  document.addEventListener("pointerdown", (event) => {
    const wave = event.target.closest(".wave");
    if (!wave || event.button) return;
    const to = (move) => {
      const box = wave.getBoundingClientRect();
      seek(wave.parentElement, (lengthOf(wave.parentElement) * (move.clientX - box.left)) / box.width);
    };
    to(event);
    wave.setPointerCapture(event.pointerId);
    wave.addEventListener("pointermove", to);
    wave.addEventListener("lostpointercapture", () => wave.removeEventListener("pointermove", to), { once: true });
  });
  function jump() {
    const chunk = chunks.find((one) => `#${one.element.id}` === location.hash);
    if (!chunk) return;
    if (chunk.element.hidden) unfilter();
    choose(chunk);
  }
  addEventListener("hashchange", jump);

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    t: playNextTake,
    " ": () => { const box = boxOfCurrent(); if (box) toggle(box); },
    ArrowLeft: () => { const box = boxOfCurrent(); if (box) seek(box, (sounding === box ? player.currentTime : 0) - 1); },
    ArrowRight: () => { const box = boxOfCurrent(); if (box) seek(box, (sounding === box ? player.currentTime : 0) + 1); },
    "/": () => form.elements.words.focus(),
    "?": () => one("dialog").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog").open) return;
    const typing = event.target.closest("input[type=search], select");
    if (event.key === "Escape" && typing) return typing.blur();
    if (typing || (event.key === " " && event.target.closest("button, summary, input, a"))) return;
    const wave = event.target.closest(".wave");
    if (wave) {
      choose(chunkOf(wave), false);
      if (event.key === " " || event.key.startsWith("Arrow")) load(wave.parentElement);
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  filter();
  jump();
})();
