"""A job's takes, measured and listened to: what verdicts are computed from.

Measures are a function of the take alone, so they may be taken in any order. Who is listened to is a function of the
job's takes: a sample chosen by the key, at least one, and whatever is suspicious without listening. If one of those is
bad, the whole job is listened to: defects come in company. What is then open is heard by another recogniser, if the
user named one. What the first understood is the same with and without it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rhapsode.engines.registry import NEEDS
from rhapsode.errors import NotInLibrary, ObjectDamaged
from rhapsode.model import Audio, FinishReason, Job, Judgement, Listening, Measures, Reading, SignalMeasures, Verdict
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
from rhapsode.store.overlap import ahead
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import Shelf
from rhapsode.store.tokens import StoredTokens, find_tokens

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
    return not unheard(reading, [job], listening)


def unheard(reading: Reading, jobs: Sequence[Job], listening: Listening) -> list[Job]:
    """The jobs of which there is no evidence that they were listened to."""
    library = open_library(reading.library)
    folder = ReadingFolder(Shelf(library, reading.shelf), reading.key)
    heard = ahead(library, lambda job: library.exists(folder.heard_path(job, listening)), jobs)
    return [job for job, is_heard in zip(jobs, heard, strict=True) if not is_heard]


def load_recognisers(reading: Reading, jobs: Sequence[Job], listening: Listening) -> None:
    """Loads whoever will listen to these jobs, unless all has been heard: what lacks is told before hours of speaking.

    Raises:
        BadRequest: There is no such recogniser.
        EngineUnavailable: It is not on this machine.
        WeightsDamaged: Its files are not what they should be.
    """
    if unheard(reading, jobs, listening):
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
    try:
        heard = read_heard(library, path)
    except NotInLibrary:
        heard = _hear(library, read_rows(library, folder.takes_path(job)), listening)
        write_heard(library, path, heard)
    return _report(job, heard)


def _hear(library: Library, rows: list[TakeRow], listening: Listening) -> list[HeardRow]:
    listener = _Listener(library)
    measured = list(listener.measure({row.key: row for row in rows}.values()))
    distinct, measures = {row.key: row for row, _ in measured}, {row.key: measure for row, measure in measured}
    sampled = _sampled(distinct, listening.share)

    def bad(key: str) -> bool:
        return _judged(distinct[key].spoken, measures[key]).verdict is not Verdict.PASS

    def hear(keys: Iterable[str]) -> None:
        asked = [(distinct[key], measures[key]) for key in keys if not measures[key].transcript]
        measures.update((row.key, heard) for row, heard in listener.hear(listening.recogniser, asked))

    hear([key for key, row in distinct.items() if row.round > 0 or key in sampled or bad(key)])
    if listening.share and any(measure.transcript and bad(key) for key, measure in measures.items()):
        hear(distinct)
    if listening.second_opinion:
        first = [(row, measures[key]) for key, row in distinct.items() if measures[key].transcript]
        asked = [(row, measure) for row, measure in first if wants_second_opinion(row.spoken, measure)]
        for row, heard in listener.hear(listening.second_opinion, asked):
            measures[row.key] = replace(measures[row.key], second=heard.transcript)
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

    def __init__(self, library: Library) -> None:
        self._library = library

    def measure(self, rows: Collection[TakeRow]) -> Iterator[tuple[TakeRow, Measures]]:
        """What is measured without listening. A take that is another one than its row says is left out."""
        for row, (take, tokens) in zip(rows, ahead(self._library, self._stored, rows), strict=True):
            if take.sha256 != row.sha256:
                anew = (
                    "The take of chunk %d was lost and made anew on another stack: speak it again with `rhapsode redo`."
                )
                log.warning(anew, row.chunk)
                continue
            facts = take.provenance
            measures = Measures(
                finish=FinishReason(facts["finish_reason"]),
                signal=SignalMeasures(**facts["measures"]),
                shape=shape_of(take.audio),
                tokens=tokens_of(tokens.ids, facts.get("legal_mass", ())) if tokens else None,
            )
            yield row, measures

    def hear(self, name: str, asked: Sequence[tuple[TakeRow, Measures]]) -> Iterator[tuple[TakeRow, Measures]]:
        """With what the recogniser of this name understands; what it has heard before is found."""
        if not asked:
            return
        recogniser = load_recogniser(name)

        def known(one: tuple[TakeRow, Measures]) -> Measures | Audio:
            row, _ = one
            return find_heard(self._library, row.key, row.sha256, recogniser.name) or self._take(row).audio

        for (row, measures), found in zip(asked, ahead(self._library, known, asked), strict=True):
            if isinstance(found, Measures):
                yield row, found
                continue
            voice = measures.voice or load_voices().embed(found)  # a second opinion is about words
            heard = replace(measures, transcript=recogniser.hear(found), voice=voice)
            put_heard(self._library, row.key, row.sha256, heard)
            yield row, heard

    def _stored(self, row: TakeRow) -> tuple[StoredTake, StoredTokens | None]:
        return self._take(row), find_tokens(self._library, row.key) if row.token_count else None

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
