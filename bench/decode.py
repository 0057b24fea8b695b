"""How fast the frame decoder is beside the usual loop, on both backends, with random weights and a real book's lengths.

    python -m bench.decode [BOOK.epub] [--only NAME ...] [--shorten N] [--json]

Ours is what an engine runs: the decoder on B slots, prefill, penalty, draw and refill included, over 10 x B chunks that
lie evenly over the book. The usual loop is what one writes first: `generate()` of the library (transformers, or
llama-cpp-python), one chunk at a time, with the same temperature, top-p and penalty, whatever else the library adds
(top-k 50; or top-k 40, min-p 0.05 and a penalty over 64 tokens), and the whole vocabulary scored. It is slow, so it
says a few of the same chunks, of every length, and both are counted in tokens a second. For llama.cpp a third runs: a
bare `llama_decode` loop over the very batches that ours made, no score of which is read.

All run on the same threads, one for each core as the engines do, and take turns after every chunk, so that a machine
that slows down or warms up favours none. A take ends by its length alone: the time of its text at 14 characters a
second. At that length a run would take an hour, so speech and prompt of every chunk are shortened alike;
`--shorten 1` leaves them as they are.
"""

from __future__ import annotations

import json
import math
import os
import platform
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.decode_hf import Hf, Shape
from bench.pipeline import _processor, _shortest_novel, read_and_plan
from bench.stopwatch import Cost, now
from rhapsode.engines.machine import CORES
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.decoder import FrameDecoder, Line
from rhapsode.engines.maya1.prompt import BUDGET_S_PER_CHARACTER, MIN_FRAMES
from rhapsode.engines.maya1.sampler import Draw
from rhapsode.engines.maya1.voices import load_voices
from rhapsode.settings import ConvertRequest, EngineName

GOALS = {"hf_b8": 10.0, "hf_b32": 22.0, "gguf_b8": 1.9, "gguf_b8_bare": 0.9, "gguf_b32": 2.3, "gguf_b32_bare": 0.9}
"""The least ratio of tokens a second, by backend and slots; `_bare` is over the bare loop instead of `generate()`."""
OCCUPANCY_GOAL = 0.9  # the least share of computed slots that hold a take
SHAPE = Shape()
CONTEXT = 8192  # tokens
CHUNKS_A_SLOT = 10
SHORTEN = 5
CHARACTERS_A_TOKEN = 4  # of English, in the vocabulary of Llama 3
TEXT_IDS = 128_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison. `other_*` is what ours is compared with: `ratio` times as many tokens a second are ours.

    Attributes:
        cpu_ratio: The same by processor time, for machines that have other work; waiting threads count in it.
        occupancy: The share of computed slots that had a take in them.
    """

    name: str
    ratio: float
    cpu_ratio: float
    goal: float
    tokens_per_s: float
    other: str
    other_tokens_per_s: float
    chunks: int
    tokens: int
    other_chunks: int
    other_tokens: int
    occupancy: float
    slots: int
    threads: int
    shortened: int
    machine: str
    load: float


@dataclass(slots=True)
class Side:
    """One of those that take turns: what it has cost, and how many tokens it has given to each line."""

    cost: Cost = field(default_factory=Cost)
    said: dict[int, int] = field(default_factory=dict)

    @contextmanager
    def turn(self) -> Iterator[None]:
        start = now()
        yield
        self.cost += now() - start

    @property
    def tokens(self) -> int:
        return sum(self.said.values())


def lines_of(texts: Sequence[str], shorten: int) -> list[Line]:
    """One line a text: its length is real, its words are noise. All are said by one voice, so prompts begin alike."""

    def noise(characters: int, seed: int) -> list[int]:
        count = math.ceil(characters / CHARACTERS_A_TOKEN / shorten)
        ids: list[int] = np.random.default_rng(seed).integers(0, TEXT_IDS, count).tolist()
        return ids

    voice = noise(len(load_voices()[0].description), seed=0)
    seconds_a_character = BUDGET_S_PER_CHARACTER / 2  # the budget is twice the usual pace
    lines = []
    for number, text in enumerate(texts, start=1):
        prompt = (v.SOH, v.BOS, *voice, *noise(len(text), number), v.EOT, v.EOH, v.SOA, v.CODE_START)
        frames = max(MIN_FRAMES, round(len(text) * seconds_a_character / v.FRAME_DURATION_S / shorten))
        lines.append(Line(number, prompt, number, Draw(), min_frames=frames, max_frames=frames))
    return lines


def take_turns(backend: Any, slots: int, lines: Sequence[Line]) -> tuple[Side, Side, Side, float]:
    """Ours, the usual loop and the bare loop (where there is one), chunk by chunk; and the occupancy of the slots.

    Raises:
        AssertionError: A take is not as long as its line asks for, on whatever side.
    """
    ours, usual, bare = Side(), Side(), Side()
    asked = {line.number: line.max_frames * v.FRAME_TOKENS for line in lines}
    backbone = backend.backbone(slots, max(len(line.prompt) + asked[line.number] for line in lines))
    bare_loop = backend.bare_loop(backbone)
    waiting = deque(_of_every_length(lines, backend.usual_chunks))
    shortest = replace(lines[0], min_frames=1, max_frames=1)
    assert len(list(FrameDecoder(backbone).decode([shortest]))) == 1  # the first of anything is slow
    backend.usual(shortest)
    if bare_loop:
        bare_loop.catch_up()
    turns = len(waiting)
    decoder = FrameDecoder(backbone)
    takes = decoder.decode(lines)
    while True:
        with ours.turn():
            take = next(takes, None)
        if bare_loop:
            with bare.turn():
                bare_loop.catch_up()
        if take is None:
            break
        ours.said[take.line.number] = len(take.token_ids)
        while waiting and 2 * turns * len(ours.said) >= (2 * len(usual.said) + 1) * len(lines):
            with usual.turn():
                usual.said[waiting[0].number] = backend.usual(waiting[0])
            waiting.popleft()
    if bare_loop:
        bare_loop.close()
    backbone.close()
    assert ours.said == asked, "a take of ours ended of itself"
    assert usual.said.items() <= asked.items() and len(usual.said) == turns, "a take of the usual loop ended of itself"
    bare.said = ours.said
    return ours, usual, bare, decoder.occupancy


def _of_every_length(lines: Sequence[Line], count: int) -> list[Line]:
    """Lines from the middle of each of so many groups of like length, long and short ones in turn."""
    ascending, count = sorted(lines, key=lambda line: line.max_frames), min(count, len(lines))
    middles = [ascending[(2 * i + 1) * len(lines) // (2 * count)] for i in range(count)]
    return middles[::2] + middles[1::2]


def run(book: Path, names: Sequence[str], shorten: int) -> Iterator[Figure]:
    """Measures what is named, backend by backend."""
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        for kind in ("hf", "gguf"):
            backend: Any = None
            for slots in (8, 32):
                figures = [name for name in names if name.startswith(f"{kind}_b{slots}")]
                if not figures:
                    continue
                lines = lines_of(_spread(book, int(CHUNKS_A_SLOT * slots)), shorten)
                backend = backend or open_backend(kind, Path(folder))
                yield from _figures(backend, figures, slots, lines, shorten)


def _figures(backend: Any, names: Sequence[str], slots: int, lines: Sequence[Line], shorten: int) -> Iterator[Figure]:
    load = os.getloadavg()[0]
    ours, usual, bare, occupancy = take_turns(backend, slots, lines)
    for name in names:
        of_bare = name.endswith("_bare")
        other = bare if of_bare else usual
        speed, other_speed = (side.tokens / side.cost.wall_s for side in (ours, other))
        yield Figure(
            name=name,
            ratio=speed / other_speed,
            cpu_ratio=(ours.tokens / ours.cost.cpu_s) / (other.tokens / other.cost.cpu_s),
            goal=GOALS[name],
            tokens_per_s=speed,
            other="bare llama_decode" if of_bare else backend.usual_name,
            other_tokens_per_s=other_speed,
            chunks=len(ours.said),
            tokens=ours.tokens,
            other_chunks=len(other.said),
            other_tokens=other.tokens,
            occupancy=occupancy,
            slots=slots,
            threads=CORES,
            shortened=shorten,
            machine=machine(),
            load=load,
        )


def machine() -> str:
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def open_backend(kind: str, folder: Path) -> Any:
    """The model `hf` or `gguf`, on all sides; `folder` is for its file."""
    if kind == "hf":
        return Hf(SHAPE, CONTEXT, CORES)
    from bench.decode_gguf import Gguf  # noqa: PLC0415  an extra of its own

    return Gguf(SHAPE, CONTEXT, CORES, folder)


def _spread(book: Path, count: int) -> list[str]:
    """The texts of so many chunks, evenly over the book; of a book with fewer, some come again."""
    _, plan = read_and_plan(ConvertRequest(epub=str(book), engine=EngineName.TONE))
    return [plan.chunks[i * len(plan.chunks) // count].spoken for i in range(count)]


def table_row(figure: Figure) -> str:
    f, verdict = figure, "reached" if figure.ratio >= figure.goal and figure.occupancy >= OCCUPANCY_GOAL else "missed"
    return (
        f"{f.name:16}{f.tokens_per_s:10.1f}{f.other_tokens_per_s:10.1f}{f.ratio:8.2f}{f.goal:7.1f} {verdict:9}"
        f"{f.cpu_ratio:8.2f}{f.occupancy:8.1%}  "
        f"{f.tokens} tokens in {f.chunks} chunks; {f.other}: {f.other_tokens} in {f.other_chunks}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    names = [name for name in GOALS if not name.startswith("gguf") or find_spec("llama_cpp")]
    parser = ArgumentParser(prog="python -m bench.decode", description="The frame decoder beside the usual loop.")
    parser.add_argument("book", nargs="?", type=Path, help="an EPUB; default: the shortest novel at hand")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--shorten", type=int, default=SHORTEN, metavar="N", help=f"default: {SHORTEN}")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    asked = parser.parse_args(arguments)
    if not asked.json:
        print(f"{machine()}, load {os.getloadavg()[0]:.1f}; {CORES} threads on every side; lengths / {asked.shorten}")
        print(f"{'tokens a second':16}{'ours':>10}{'other':>10}{'ratio':>8}{'goal':>7}{'':10}{'by CPU':>8}{'full':>8}")
    for figure in run(asked.book or _shortest_novel(), asked.only, asked.shorten):
        print(json.dumps(asdict(figure)) if asked.json else table_row(figure), flush=True)


if __name__ == "__main__":
    main()
