"""What the gate costs a finished book: measuring its levels while it is read back, and looking at its chapter marks.

    python -m bench.gate [--hours 5] [--chapters 40]

A few sentences of the embedded voice are repeated until the book is as long as asked for. Two threads look at the
marks, as they do when a book is published, so their seconds of all processors count twice on the wall at most.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import Mock, patch

import numpy as np

from bench.stopwatch import Cost, now
from rhapsode.audio import readback
from rhapsode.audio.encode import Mark, Tags, encode_m4b
from rhapsode.audio.likeness import likeness
from rhapsode.audio.readback import excerpt, marks_of, read_back
from rhapsode.engines.registry import load_engine, sampling_of, voice_of
from rhapsode.model import Samples
from rhapsode.quality.recogniser import load_recogniser
from rhapsode.recipe import utterance
from rhapsode.settings import AudioSettings, EngineName
from rhapsode.stages.gate import COMPARED_S, LISTENERS, RECOGNISER, WINDOW_S, chosen

SENTENCES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom.",
    "There were two clocks on the quay, and only one of them had ever been right.",
    "She had expected a thief; what stood in the doorway was a very small boy with a lamp.",
)


@dataclass(frozen=True, slots=True)
class Report:
    """What each part cost. `levels` comes on top of reading back, which is there without a gate."""

    duration_s: float
    chapters: int
    listened: int
    read_back: Cost
    levels: Cost
    decode_marks: Cost
    compare: Cost
    load: Cost
    listen: Cost

    @property
    def gate(self) -> Cost:
        return self.levels + self.decode_marks + self.compare + self.load + self.listen


def run(hours: float, chapters: int, listens: bool = True) -> Report:
    """Encodes a book of the embedded voice and checks it."""
    wave, rate = _speech()
    length = round(hours * 3600 * rate / chapters)
    marks = [Mark(f"Chapter {number}", (number - 1) * length, length) for number in range(1, chapters + 1)]
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        file = Path(folder) / "book.m4b"
        sent = []
        with patch("rhapsode.audio.encode.read_back", lambda _, what: sent.append(what)):
            encode_m4b(file, _blocks(wave, length, chapters), marks, Tags("A Book"), None, rate, AudioSettings())
        with_levels = _timed(lambda: read_back(file, sent[0]))
        with patch.object(readback, "Meter", Mock()), patch.object(readback, "PeakMeter", Mock()):
            bare = _timed(lambda: read_back(file, sent[0]))
        starts = [mark.start / 1e6 for mark in marks_of(file)]
        found = [excerpt(file, start, WINDOW_S, rate) for start in starts[:1]]
        sought = wave[: round(COMPARED_S * rate)]
        with ThreadPoolExecutor(LISTENERS) as pool:
            decode = _timed(lambda: list(pool.map(lambda start: excerpt(file, start, WINDOW_S, rate), starts)))
            compare = _timed(lambda: list(pool.map(lambda _: likeness(found[0].samples, sought), starts)))
            load = listen = Cost()
            if listens:
                load = _timed(lambda: load_recogniser(RECOGNISER, LISTENERS))
                recogniser = load_recogniser(RECOGNISER, LISTENERS)
                listen = _timed(lambda: list(pool.map(lambda _: recogniser.hear(found[0]), chosen(chapters))))
    return Report(
        duration_s=length * chapters / rate,
        chapters=chapters,
        listened=len(chosen(chapters)) if listens else 0,
        read_back=bare,
        levels=with_levels - bare,
        decode_marks=decode,
        compare=compare,
        load=load,
        listen=listen,
    )


def _speech() -> tuple[Samples, int]:
    engine = load_engine(EngineName.HIBARI)
    voice, sampling, stack = voice_of(engine, ""), sampling_of(engine, None), engine.stack
    asked = [utterance(text, voice, sampling, stack.weights_digest, stack.precision, take=1) for text in SENTENCES]
    with engine.session() as session:
        takes = [take.audio.samples for take in session.speak(asked) if take.audio]
    return np.concatenate(takes), engine.sample_rate_hz


def _blocks(wave: Samples, length: int, chapters: int) -> Iterator[Samples]:
    for _ in range(chapters):
        yield from islice(cycle([wave]), length // len(wave))
        yield wave[: length % len(wave)]


def _timed(work: Callable[[], object]) -> Cost:
    start = now()
    work()
    return now() - start


def lines(report: Report) -> Iterator[str]:
    """The figures for people."""
    yield f"{report.duration_s / 3600:.2f} h in {report.chapters} chapters, {report.listened} of them listened to"
    yield f"{'':24}{'wall s':>10}{'CPU s':>10}"
    rows = {
        "read back, as ever": report.read_back,
        "loudness and peak": report.levels,
        "decode at the marks": report.decode_marks,
        "compare with the takes": report.compare,
        "load the recogniser": report.load,
        "listen": report.listen,
        "the gate": report.gate,
    }
    for label, cost in rows.items():
        yield f"{label:24}{cost.wall_s:10.2f}{cost.cpu_s:10.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.gate", description="The cost of checking a finished book.")
    parser.add_argument("--hours", type=float, default=5.0)
    parser.add_argument("--chapters", type=int, default=40)
    asked = parser.parse_args(arguments)
    print("\n".join(lines(run(asked.hours, asked.chapters))))


if __name__ == "__main__":
    main()
