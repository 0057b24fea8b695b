"""A job's takes, measured and listened to: what verdicts are computed from.

Measures are a function of the take alone, so they may be taken in any order. Who is listened to is a function of the
job's takes: a sample chosen by the key, at least one, and whatever is suspicious without listening. If one of those is
bad, the whole job is listened to: defects come in company. What is then open is heard by another recogniser, if the
user named one. What the first understood is the same with and without it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rhapsode.engines.registry import NEEDS
from rhapsode.errors import ObjectDamaged
from rhapsode.model import FinishReason, Job, Judgement, Listening, Measures, Reading, SignalMeasures, Verdict
from rhapsode.quality.judge import judge_take, wants_second_opinion
from rhapsode.quality.recogniser import load_recogniser, understands
from rhapsode.quality.shape import shape_of
from rhapsode.quality.tokens import tokens_of
from rhapsode.quality.voice import load_voices
from rhapsode.recipe import digest
from rhapsode.settings import EngineName, Listen, Strictness, Verification
from rhapsode.store.evidence import TakeRow, read_rows
from rhapsode.store.hearings import MEASURES_VERSION, HeardRow, find_heard, put_heard, read_heard, write_heard
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import StoredTake, find_take
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import Shelf
from rhapsode.store.tokens import find_tokens

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was heard of a job.

    Attributes:
        listened: Takes that the recogniser heard.
        failed: Chunks among them whose take is bad, whatever is usual in the book.
        reason: What is wrong with the first of them.
    """

    job: str
    takes: int
    listened: int
    failed: tuple[int, ...]
    reason: str


def listening_of(reading: Reading, verification: Verification) -> Listening | None:
    """Who listens to this reading; None: nobody checks it.

    By itself, every take of a language model is listened to, and a sample of voices that make the same mistakes again;
    never what says no words (`tone`), or a book in another language than that of the recogniser, English.
    """
    wanted = verification.listen
    if wanted is Listen.NONE:
        return None
    if wanted is Listen.AUTO and (reading.engine == EngineName.TONE or not _is_understood(reading)):
        return None
    # By the name alone: the weights need not be here for a book to be judged.
    everything = wanted is Listen.ALL or (wanted is Listen.AUTO and EngineName(reading.engine) in NEEDS)
    share = 1.0 if everything else verification.share
    first, second = verification.recogniser, verification.second_opinion
    name = digest([MEASURES_VERSION, share, first, *([second] if second else [])])[:8]
    return Listening(share, first, name, second)


def listenings_of(shelf: Shelf) -> dict[str, str]:
    """Folder of a reading -> name of the listening that it was last asked for, of those that anybody listens to.

    Raises:
        EvidenceDamaged: A reading cannot be read.
    """
    readings = {folder.key: folder.load() for folder in readings_of(shelf)}
    found = {key: listening_of(reading, request.verify) for key, (reading, request) in readings.items()}
    return {key: listening.name for key, listening in found.items() if listening}


def _is_understood(reading: Reading) -> bool:
    book = Shelf(open_library(reading.library), reading.shelf).load_book(reading.book)
    return understands(book.metadata.language)


def job_is_verified(reading: Reading, job: Job, listening: Listening) -> bool:
    library = open_library(reading.library)
    return library.exists(ReadingFolder(Shelf(library, reading.shelf), reading.key).heard_path(job, listening))


def load_recognisers(reading: Reading, jobs: Iterable[Job], listening: Listening) -> None:
    """Loads whoever will listen to these jobs, unless all has been heard: what lacks is told before hours of speaking.

    Raises:
        BadRequest: There is no such recogniser.
        EngineUnavailable: It is not on this machine.
        WeightsDamaged: Its files are not what they should be.
    """
    if not all(job_is_verified(reading, job, listening) for job in jobs):
        for name in recognisers_of(listening):
            load_recogniser(name)


def recognisers_of(listening: Listening) -> list[str]:
    """The names of those who listen, as the user gave them."""
    return [name for name in (listening.recogniser, listening.second_opinion) if name]


def verify_job(reading: Reading, job: Job, listening: Listening) -> Verified:
    """Measures the takes of a job, listens to those that it should, and writes that evidence, or finds it.

    A take whose object was lost and made anew on another stack is left out: its evidence tells of other samples.

    Raises:
        ObjectDamaged: A take has gone.
        EngineUnavailable: There is no such recogniser here.
    """
    library = open_library(reading.library)
    folder = ReadingFolder(Shelf(library, reading.shelf), reading.key)
    path = folder.heard_path(job, listening)
    if library.exists(path):
        heard = read_heard(library, path)
    else:
        heard = _hear(library, read_rows(library, folder.takes_path(job)), listening)
        write_heard(library, path, heard)
    return _report(job, heard)


def _hear(library: Library, rows: list[TakeRow], listening: Listening) -> list[HeardRow]:
    listener = _Listener(library, listening)
    found = {row.key: (row, listener.measure(row)) for row in {row.key: row for row in rows}.values()}
    distinct = {key: row for key, (row, measure) in found.items() if measure}
    measures = {key: measure for key, (_, measure) in found.items() if measure}
    sampled = _sampled(distinct, listening.share)

    def bad(key: str) -> bool:
        return _judged(distinct[key].spoken, measures[key]).verdict is not Verdict.PASS

    def hear(keys: Iterable[str]) -> None:
        for key in keys:
            measures[key] = listener.hear(distinct[key], measures[key])

    hear([key for key, row in distinct.items() if row.round > 0 or key in sampled or bad(key)])
    if listening.share and any(measure.transcript and bad(key) for key, measure in measures.items()):
        hear(distinct)
    if listening.second_opinion:
        for key, row in distinct.items():
            if measures[key].transcript and wants_second_opinion(row.spoken, measures[key]):
                measures[key] = listener.hear_again(row, measures[key])
    return [
        HeardRow(
            chapter=row.chapter,
            chunk=row.chunk,
            round=row.round,
            take=row.take,
            key=row.key,
            sha256=row.sha256,
            text=row.spoken,
            measures=measures[row.key],
        )
        for row in rows
        if row.key in measures
    ]


def _judged(text: str, measures: Measures) -> Judgement:
    """The verdict by the take alone. Always as strictly: what is listened to must not hang on what a user asks for."""
    return judge_take(text, measures, None, Strictness.NORMAL)


def _sampled(keys: Iterable[str], share: float) -> set[str]:
    """Keys are hashes, so the lowest of them are as good as drawn by lot, and the same whoever draws."""
    ordered = sorted(keys)
    least = set(ordered[:1]) if share else set()
    return least | {key for key in ordered if int(key[:8], 16) < share * 2**32}


class _Listener:
    """Measures takes of the library; a recogniser is loaded when the first take is listened to."""

    def __init__(self, library: Library, listening: Listening) -> None:
        self._library = library
        self._listening = listening

    def measure(self, row: TakeRow) -> Measures | None:
        stored = self._take(row)
        if stored.sha256 != row.sha256:
            log.warning(
                "The take of chunk %d was lost and made anew on another stack: speak it again with `rhapsode redo`.",
                row.chunk,
            )
            return None
        facts = stored.provenance
        tokens = find_tokens(self._library, row.key)
        return Measures(
            finish=FinishReason(facts["finish_reason"]),
            signal=SignalMeasures(**facts["measures"]),
            shape=shape_of(stored.audio),
            tokens=tokens_of(tokens.ids, facts.get("legal_mass", ())) if tokens else None,
        )

    def hear(self, row: TakeRow, measures: Measures) -> Measures:
        if measures.transcript:
            return measures
        recogniser = load_recogniser(self._listening.recogniser)
        if known := find_heard(self._library, row.key, row.sha256, recogniser.name):
            return known
        audio = self._take(row).audio
        heard = replace(measures, transcript=recogniser.hear(audio), voice=load_voices().embed(audio))
        put_heard(self._library, row.key, row.sha256, heard)
        return heard

    def hear_again(self, row: TakeRow, measures: Measures) -> Measures:
        """With what the second recogniser understands."""
        recogniser = load_recogniser(self._listening.second_opinion)
        heard = find_heard(self._library, row.key, row.sha256, recogniser.name)
        if heard is None:
            heard = replace(measures, transcript=recogniser.hear(self._take(row).audio))
            put_heard(self._library, row.key, row.sha256, heard)
        return replace(measures, second=heard.transcript)

    def _take(self, row: TakeRow) -> StoredTake:
        stored = find_take(self._library, row.key)
        if stored is None:
            raise ObjectDamaged(f"The take of chunk {row.chunk} has gone.", "Run again: it will be spoken anew.")
        return stored


def _report(job: Job, heard: list[HeardRow]) -> Verified:
    listened = [row for row in heard if row.measures.transcript]
    judged = [(row, _judged(row.text, row.measures)) for row in listened]
    failed = [(row, judgement) for row, judgement in judged if judgement.verdict is Verdict.FAIL]
    return Verified(
        job=job.name,
        takes=len(heard),
        listened=len(listened),
        failed=tuple(row.chunk for row, _ in failed),
        reason=failed[0][1].reasons[0] if failed else "",
    )
