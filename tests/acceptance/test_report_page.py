"""The page of the listening report, in a real browser: opened from a file, used by keyboard, mouse and finger."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from rhapsode.report.listening import write_report
from tests.unit.report.listening_sample import HOSTILE, chunk, report, sample, sound, take

TEXTS = (
    "p, h1, h2, h3, h4, dt, dd, li, a, code, kbd, label, select, input, del, ins, .other, .badge, .figures, "
    "summary span, button:not(.play)"
)
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SOON_MS = 5000  # on a busy machine; what is waited for takes milliseconds
PHONE = {"width": 360, "height": 740}

CONTRAST = """selector => {
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    throw new Error("no background");
  };
  return [...document.querySelectorAll(selector)].map(element => {
    const pair = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""
"""WCAG 2.2, contrast (minimum): the ratio of each element's text to what is behind it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = [path for name in (os.environ.get("CHROMIUM"), *NAMES) if name and (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium: install one, or name it in $CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("listening") / "report.html"
    write_report(target, sample(), lambda take: sound(take.duration_s))
    return target


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    """Opens the report in a browser set like a person's; no page may complain or load anything but itself."""
    contexts, faults, loaded = [], [], []

    def call(path: Path = file, **person: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **person})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(path.as_uri())
        return page

    yield call
    for context in contexts:
        context.close()
    assert not faults
    assert {url.split(":")[0] for url in loaded} <= {"file", "data"}
    assert all(url.split("#")[0].endswith(".html") for url in loaded if url.startswith("file:"))


def current(page: Page) -> str | None:
    return page.locator(".chunk[aria-current]").get_attribute("id")


def position(page: Page, name: str) -> Callable[[], float]:
    wave = page.get_by_role("slider", name=f"Position in {name}", exact=True)
    return lambda: float(wave.get_attribute("aria-valuenow") or "nan")


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    end = monotonic() + SOON_MS / 1000
    while not condition():
        assert monotonic() < end
        page.wait_for_timeout(20)


def listed(page: Page) -> list[str]:
    return [text.removeprefix("Chunk ") for text in page.locator(".chunk:visible h3").all_text_contents()]


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_it_is_heard_by_keyboard_alone(opened: Callable[..., Page]) -> None:
    page = opened()
    page.keyboard.press("j")
    assert current(page) == "chunk-2"
    page.keyboard.press("j")
    assert current(page) == "chunk-4"
    page.keyboard.press("k")
    assert current(page) == "chunk-2"
    page.keyboard.press("j")
    page.keyboard.press("Space")
    heard = position(page, "take 2 of chunk 4")  # the one in the book
    expect(button(page, "Pause take 2 of chunk 4")).to_be_visible()
    wait_until(page, lambda: heard() > 0.3)
    page.keyboard.press("Space")
    expect(button(page, "Play take 2 of chunk 4")).to_be_visible()
    stopped = heard()
    page.wait_for_timeout(200)
    assert heard() == stopped
    page.keyboard.press("ArrowRight")
    wait_until(page, lambda: heard() == pytest.approx(min(stopped + 1, 2.0), abs=0.15))
    page.keyboard.press("t")
    other = position(page, "take 3 of chunk 4")
    wait_until(page, lambda: other() > 0.1)
    assert heard() == 0
    assert page.locator(".play.on").count() == 1


def test_a_take_ends_and_can_be_heard_again(opened: Callable[..., Page]) -> None:
    page = opened()
    play = button(page, "Play take 1 of chunk 5")
    play.click()
    assert current(page) == "chunk-5"
    pause = button(page, "Pause take 1 of chunk 5")
    expect(pause).to_be_visible()
    expect(play).to_be_visible(timeout=SOON_MS)
    play.click()
    expect(pause).to_be_visible()
    wait_until(page, lambda: 0 < position(page, "take 1 of chunk 5")() < 1.5)


def test_a_click_on_the_waveform_goes_there(opened: Callable[..., Page]) -> None:
    page = opened()
    wave = page.get_by_role("slider", name="Position in take 1 of chunk 3")
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": 0.75 * box["width"], "y": 10})
    wait_until(page, lambda: position(page, "take 1 of chunk 3")() == pytest.approx(1.5, abs=0.05))
    assert page.locator(".play.on").count() == 0


def test_the_list_is_narrowed_by_verdict_chapter_and_words(opened: Callable[..., Page]) -> None:
    page = opened()
    assert listed(page) == ["2", "4", "5", "6", "3", "1", "7", "8"]
    count = page.locator("output")
    expect(count).to_have_text("8 of 8 chunks")
    page.get_by_label("Failed").uncheck()
    expect(count).to_have_text("6 of 8 chunks")
    assert listed(page) == ["5", "6", "3", "1", "7", "8"]
    page.keyboard.press("j")
    assert current(page) == "chunk-5"
    page.get_by_label("Chapter").select_option("2")
    expect(count).to_have_text("4 of 8 chunks")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("a sample is heard,” j")  # in the search, j and quotes are letters
    expect(count).to_have_text("0 of 8 chunks")
    page.keyboard.press("Backspace")
    expect(count).to_have_text("1 of 8 chunks")
    assert listed(page) == ["7"]
    page.get_by_label("Words").fill("nowhere")
    button(page, "Show all").click()
    assert len(listed(page)) == 8


def test_a_point_of_a_plot_leads_to_its_chunk(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_label("Failed").uncheck()
    expect(page.locator("output")).to_have_text("6 of 8 chunks")
    field = page.locator("[data-plot=wer] .field")
    box = field.bounding_box()
    assert box is not None
    at = [float(part) for part in page.locator("#chunk-4").get_attribute("data-point").split()]
    x, y = box["x"] + at[0] / 1000 * box["width"] + 3, box["y"] + at[2] / 100 * box["height"] - 3
    page.mouse.move(x, y)
    expect(page.locator(".readout")).to_contain_text("Chunk 4")
    page.mouse.click(x, y)
    assert current(page) == "chunk-4"
    assert page.locator("#chunk-4").is_visible()
    top = page.locator("#chunk-4").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 450


def test_a_named_exception_is_a_link_to_it(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("link", name="4", exact=True).click()
    wait_until(page, lambda: current(page) == "chunk-4")


def test_the_command_that_redoes_a_chunk_is_copied(opened: Callable[..., Page]) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#chunk-3 .copy").click()
    expect(page.locator("#chunk-3 .copy")).to_have_text("Copied")
    command = "rhapsode redo the-tide-clock-0123456789ab --chunks 3 --library 'my library'"
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_help_tells_the_keys(opened: Callable[..., Page]) -> None:
    page = opened()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")  # belongs to the dialog now
    assert page.locator(".chunk[aria-current]").count() == 0
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_hostile_text_is_text_and_markup_that_slipped_through_would_do_nothing(opened: Callable[..., Page]) -> None:
    page = opened()
    assert page.title() == f"The Tide Clock {' '.join(HOSTILE.split())}: listening report"
    assert HOSTILE in page.locator("#chunk-6 .words").text_content()
    assert page.locator("img").count() == 0


def test_the_policy_stops_what_would_slip_through(browser: Browser, file: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(file.as_uri())
        page.evaluate("hostile => document.querySelector('h1').innerHTML = hostile", HOSTILE)
        wait_until(page, lambda: len(refused) > 0)
        page.wait_for_timeout(100)
        assert page.locator("img").count() == 1
        assert page.title() != "owned"
        assert "Content Security Policy" in refused[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(opened: Callable[..., Page], scheme: str) -> None:
    page = opened(color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
    ratios = page.evaluate(CONTRAST, TEXTS)
    assert len(ratios) > 150
    assert min(ratios) >= 4.5


def test_it_fits_a_phone(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    right_edges = "[...document.querySelectorAll('body :not(.sr)')].map(one => one.getBoundingClientRect().right)"
    assert max(page.evaluate(right_edges)) <= PHONE["width"]
    play = button(page, "Play take 1 of chunk 5")
    box = play.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44  # a fingertip
    play.tap()
    wait_until(page, lambda: position(page, "take 1 of chunk 5")() > 0.1)


def test_without_scripts_it_is_read_and_heard_all_the_same(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    expect(page.locator("#chunk-4 .words").first).to_be_visible()
    assert page.locator("#chunk-4 audio[controls]:visible").count() == 3
    assert page.locator(".filters, .play, .copy").first.is_hidden()
    expect(page.locator("#chunk-8 .source")).to_be_hidden()
    page.locator("#chunk-8 summary").click()
    expect(page.locator("#chunk-8 .source")).to_be_visible()


def test_everything_that_can_be_used_has_a_name_and_shows_its_focus(opened: Callable[..., Page]) -> None:
    page = opened()
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    used = [
        (node["role"]["value"], node["name"]["value"])
        for node in tree
        if node.get("role", {}).get("value") in ("button", "slider", "checkbox", "combobox", "searchbox", "link")
    ]
    assert {role for role, _ in used} == {"button", "slider", "checkbox", "combobox", "searchbox", "link"}
    assert all(name for _, name in used)
    for _ in range(12):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "(() => { const at = document.activeElement, switched = at.closest('.switch');"
            " return getComputedStyle(switched ?? at).outlineStyle; })()"
        )
        assert shown == "solid"


def test_a_book_of_six_thousand_chunks_stays_quick(opened: Callable[..., Page], tmp_path: Path) -> None:
    words = "The lamps were lit along the harbour wall, and nobody had yet asked who would pay for the oil. " * 2
    path = tmp_path / "long.html"
    write_report(
        path, report(tuple(chunk(n, take(said=words), text=words) for n in range(1, 6001))), lambda take: sound()
    )
    started = monotonic()
    page = opened(path)
    page.keyboard.press("j")
    assert current(page) == "chunk-1"
    assert monotonic() - started < 15
    started = monotonic()
    page.locator("[name=words]").fill("chunk 5999")  # by label would search 100,000 elements
    expect(page.locator("output")).to_have_text("1 of 6,000 chunks", timeout=10_000)
    page.locator("[data-plot=pace] .field").click()
    wait_until(page, lambda: current(page) in {f"chunk-{n}" for n in range(2990, 3011)})  # five a pixel
    page.keyboard.press("k")
    assert monotonic() - started < 10
