"""The gate at work: what the pure checks of `quality/gate.py` are to know of a book is found out here.

The objects are verified when they are rendered, and the files are decoded whole when they are read back; neither is
done again. What is left is to open the finished files where the chapters begin, as a player does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from rhapsode.audio.encode import Encoded
from rhapsode.audio.joins import LEAD_IN_S
from rhapsode.audio.likeness import Likeness, likeness
from rhapsode.audio.loudness import HEADROOM_DB, Gain, dbfs, integrated_lufs
from rhapsode.audio.peaks import FULL_SCALE, limit
from rhapsode.audio.readback import excerpt, marks_of
from rhapsode.errors import EngineUnavailable
from rhapsode.model import Audio, Book, Flaw, GateCheck, GateReport, Placed, Reading, Timeline
from rhapsode.quality.gate import (
    Opening,
    Place,
    check_files,
    check_ledger,
    check_loudness,
    check_marks,
    check_openings,
    check_peak,
    check_takes,
    refuse_failed,
)
from rhapsode.quality.recogniser import Recogniser, load_recogniser, understands
from rhapsode.settings import AudioSettings, EngineName
from rhapsode.stages.plan import load_plan
from rhapsode.stages.progress import Phase, tell
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import get_audio

RECOGNISER = "tiny.en"
LISTENERS = 2
MOST_HEARD = 60
"""Chapters of a book that are listened to: all of most novels. Of a book with more, the first, the last and others
between them, evenly; at all marks the sound is held against the take, which costs a tenth of listening."""

WINDOW_S = 6.0  # the lead-in, a breath and the first words
COMPARED_S = 3.0
_SLACK_S = 0.1  # a seek may land a frame of the codec, 48 ms at most, beside its aim


class Gate:
    """What a book has to pass before it is published: first what goes into its files, then the files."""

    def __init__(
        self,
        reading: Reading,
        book: Book,
        accepted: Sequence[TakeRow],
        exceptions: Sequence[Flaw],
        timelines: Sequence[Timeline],
    ) -> None:
        self._reading = reading
        self._book = book
        self._accepted = accepted
        self._exceptions = exceptions
        self._timelines = timelines
        self._passed: list[GateCheck] = []

    def admit_takes(self) -> None:
        """What is said: every word of the book, by accepted takes or in named exceptions.

        Raises:
            GateFailed: Something is missing.
        """
        chunks = load_plan(self._reading).chunks
        accepted = {row.chunk: row.sha256 for row in self._accepted}
        placed = [place for timeline in self._timelines for place in timeline.placed]
        self._pass(check_ledger(self._book, chunks), check_takes(chunks, accepted, placed, self._exceptions))

    def admit_files(
        self, files: Sequence[Encoded], settings: AudioSettings, gain: Gain, recogniser: str | None
    ) -> GateReport:
        """What came out, after `admit_takes`: the files of the rendered book, which were read back.

        Args:
            recogniser: Who listens at the chapter marks; None: nobody.

        Raises:
            GateFailed, ReadBackMismatch: A file is not what it should be.
        """
        tell(Phase("Checking the finished book"))
        blocks: Counter[float] = Counter()
        for file in files:
            blocks.update(file.levels.loudness_blocks)
        loudness_lufs = integrated_lufs(blocks)
        true_peak_dbtp = dbfs(max(file.levels.true_peak for file in files))
        places, surplus = find_places([file.path for file in files], self._timelines)
        self._pass(  # what takes no time comes first
            check_files([(file.path.name, file.size_bytes, file.path.stat().st_size) for file in files]),
            check_loudness(loudness_lufs, gain),
            check_peak(true_peak_dbtp, settings.ceiling_dbtp),
            check_marks(places, surplus),
        )
        ceiling = FULL_SCALE * 10 ** ((settings.ceiling_dbtp - HEADROOM_DB) / 20)
        looker = Looker(open_library(self._reading.library), 10 ** (gain.gain_db / 20), ceiling)
        self._pass(self._check_openings(looker, places, files, recogniser))
        return GateReport(tuple(self._passed), loudness_lufs, true_peak_dbtp)

    def _check_openings(
        self, looker: Looker, places: Sequence[Place], files: Sequence[Encoded], recogniser: str | None
    ) -> GateCheck:
        listens, why_not = listener(self._reading.engine, self._book.metadata.language, recogniser)
        at, named = chosen(len(places)), {flaw.chunk for flaw in self._exceptions}
        good: dict[int, list[TakeRow]] = defaultdict(list)
        for row in self._accepted:
            if row.chunk not in named:
                good[row.chapter].append(row)

        def look(index: int) -> Opening:
            file, timeline = files[index if len(files) > 1 else 0].path, self._timelines[index]
            ears = listens if index in at else None
            return looker.look(file, places[index], timeline, good.get(timeline.chapter, []), ears)

        with ThreadPoolExecutor(LISTENERS) as pool:
            return check_openings(list(pool.map(look, range(len(places)))), why_not)

    def _pass(self, *checks: GateCheck) -> None:
        refuse_failed(checks)
        self._passed += checks


def listener(engine: str, language: str, name: str | None) -> tuple[Recogniser | None, str]:
    """Who listens at the chapter marks; or nobody, and why.

    Args:
        name: Of the recogniser; None: nobody shall listen.
    """
    if name is None:
        return None, "it was not asked for"
    if engine == EngineName.TONE:
        return None, "tone does not speak"
    if not understands(language):
        return None, f"the book is in {language!r}, and the recogniser understands English"
    try:
        return load_recogniser(name, LISTENERS), ""
    except EngineUnavailable as error:
        return None, error.message


def chosen(chapters: int) -> set[int]:
    """Which chapters are listened to, counted from 0."""
    if chapters <= MOST_HEARD:
        return set(range(chapters))
    return {round(number * (chapters - 1) / (MOST_HEARD - 1)) for number in range(MOST_HEARD)}


def find_places(files: Sequence[Path], timelines: Sequence[Timeline]) -> tuple[list[Place], int]:
    """Where the chapters begin in the finished files, and how many marks there are beyond those of the chapters.

    Args:
        files: An M4B with all chapters, or a file for each.
    """
    lengths = [timeline.length / timeline.sample_rate_hz for timeline in timelines]
    starts = [0.0, *accumulate(lengths)][: len(lengths)]
    named = [(timeline.chapter, timeline.title) for timeline in timelines]
    if files[0].suffix != ".m4b":  # a file begins where its chapter does
        return [Place(*name, 0.0, 0.0, start) for name, start in zip(named, starts, strict=True)], 0
    marks = [mark.start / 1e6 for mark in marks_of(files[0])]
    there = [*marks, *[None] * len(starts)]
    places = [Place(*name, start, mark, start) for name, start, mark in zip(named, starts, there, strict=False)]
    return places, max(0, len(marks) - len(starts))


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at chapter marks.

    Attributes:
        gain, ceiling: What rendering did to the takes: a factor, and the limiter's level in 16-bit steps.
    """

    library: Library
    gain: float
    ceiling: float

    def look(
        self, file: Path, place: Place, timeline: Timeline, good: Sequence[TakeRow], recogniser: Recogniser | None
    ) -> Opening:
        """Decodes a finished file at the mark of a chapter, listens to it and holds it against the first good take.

        Args:
            good: The accepted takes of the chapter but for the named exceptions. They say what belongs there, and not
                the cue sheet, for the file was made by that.

        Raises:
            ReadBackMismatch: The file does not decode there.
            NotInLibrary, ObjectDamaged: The take has gone, or is another one than its evidence says.
        """
        mark_s = place.start_s if place.mark_s is None else place.mark_s
        if not good:
            excerpt(file, mark_s, WINDOW_S, timeline.sample_rate_hz)
            return Opening(place, said="", heard=None, likeness=None)
        first = next(place for place in timeline.placed if place.number == good[0].chunk)
        # Further on than the mark only if no good take is nearer.
        begin_s = mark_s + first.start / timeline.sample_rate_hz - LEAD_IN_S
        found = excerpt(file, begin_s, WINDOW_S, timeline.sample_rate_hz)
        heard = recogniser.hear(found).text if recogniser else None
        return Opening(place, _said(good), heard, self._likeness(found, first))

    def _likeness(self, found: Audio, first: Placed) -> Likeness | None:
        take, rate = get_audio(self.library, first.key, first.sha256), found.sample_rate_hz
        heard = take.samples[first.trim_start : first.trim_end][: round(COMPARED_S * rate)]
        sought = limit(heard * np.float32(self.gain), self.ceiling, rate)
        begin = round((LEAD_IN_S - _SLACK_S) * rate)
        return likeness(found.samples[begin : begin + len(sought) + round(2 * _SLACK_S * rate)], sought)


def _said(rows: Sequence[TakeRow]) -> str:
    """The words of a chapter as far as they may lie in what is decoded."""
    said: list[str] = []
    duration_s = 0.0
    for row in rows:
        if duration_s > WINDOW_S:
            break
        said.append(row.spoken)
        duration_s += row.duration_s
    return " ".join(said)
