"""Speak, then store: one job of one reading.

A take is stored while the next one is spoken, with all that is known of it; the evidence of the job is written last,
when all takes that it tells of are on the disk. So a kill loses at most the takes that were in the engine and the one
before them, a power cut those of the jobs that were at work, and a chunk that is in the library is not spoken again.
What the library has is looked up before the job has its turn: a store is slow to answer, and the engine does not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, replace
from datetime import UTC, datetime
from threading import Semaphore
from typing import Any, TypeVar

from rhapsode.engines.protocol import Engine
from rhapsode.errors import RunIncomplete, SynthesisFailed
from rhapsode.model import Job, Reading, Take, Utterance
from rhapsode.stages.jobs import JobReport, OpenJob
from rhapsode.stages.parts import join
from rhapsode.stages.rows import measured
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library
from rhapsode.store.objects import StoredTake, find_take, has_take, put_take
from rhapsode.store.overlap import ahead, behind
from rhapsode.store.tokens import StoredTokens, find_tokens, has_tokens, put_tokens, sync_tokens

T = TypeVar("T")


class _Turns:
    """So many jobs may be inside at once. When it is over, those that wait are sent away.

    Attributes:
        stored: Keys of what was spoken inside: a job that looked for it before its turn looks again.
    """

    def __init__(self, jobs: int) -> None:
        self._free = Semaphore(jobs)
        self.over = False
        self.stored: set[str] = set()

    def __enter__(self) -> None:
        self._free.acquire()
        if self.over:
            self._free.release()
            raise RunIncomplete("The run ended before this job had its turn.", "Run again for what is missing.")

    def __exit__(self, *error: object) -> None:
        self._free.release()


_turns: ContextVar[_Turns | None] = ContextVar("turns", default=None)


@contextmanager
def speaking_at_once(jobs: int) -> Iterator[None]:
    """Inside, at most so many jobs speak at once, in whatever threads of this context.

    More may run than speak: while one writes its evidence, the next one has its turn, and the engine does not wait.
    A job that still waits when this is left (the run was cancelled) does not begin.
    """
    turns = _Turns(jobs)
    token = _turns.set(turns)
    try:
        yield
    finally:
        turns.over = True
        _turns.reset(token)


def job_is_spoken(reading: Reading, job: Job) -> bool:
    """True if there is audio or tokens for every chunk of the job: nothing is left but to decode."""
    work = OpenJob(reading, job)
    return all(
        ahead(work.library, lambda key: has_tokens(work.library, key) or has_take(work.library, key), work.utterances)
    )


def speak_job(reading: Reading, job: Job) -> JobReport:
    """Gives every chunk of the job its take; what is stored already is found, not spoken.

    Where the engine says tokens, they are stored and `JobReport.undecoded` counts them; `decode_job` does the rest.

    Raises:
        SynthesisFailed: Some chunks could not be spoken; they are named. The others are stored. The failures are
            written to the evidence beside the job, which stays undone.
        WeightsDamaged: The engine at hand has other weights than those that the reading was planned with.
    """
    work = OpenJob(reading, job)
    rows: list[TakeRow] = []
    found: list[StoredTokens] = []
    spoken: list[StoredTokens] = []
    failures: dict[str, SynthesisFailed] = {}
    missing = _missing(work, work.utterances.values(), rows, found)
    turns = _turns.get()
    with turns or nullcontext():
        # Who had his turn meanwhile may have said the same.
        if turns and (late := turns.stored.intersection(one.key for one in missing)):
            again = [work.utterances[key] for key in late]
            missing = [one for one in missing if one.key not in late] + _missing(work, again, rows, found)
        for stored in _stored(work, missing, failures) if missing else ():
            if isinstance(stored, StoredTokens):
                spoken.append(stored)
                work.tell_spoken(stored.key, stored.duration_s, reused=False)
            else:
                rows += work.rows(stored, reused=False)
                work.tell_spoken(stored.key, stored.audio.duration_s, reused=False)
            if turns:
                turns.stored.add(stored.key)
    sync_tokens(work.library, [tokens.key for tokens in (*found, *spoken)])
    if failures:
        raise work.fail(failures, rows)
    return _undecoded(work, rows, found, spoken) if found or spoken else work.close(rows)


def _missing(
    work: OpenJob, utterances: Collection[Utterance], rows: list[TakeRow], found: list[StoredTokens]
) -> list[Utterance]:
    """The utterances of which the library has neither audio nor tokens; what it has of the others is added."""
    silent, missing = [], []
    for utterance, take in _each(find_take, work, utterances):
        if take:
            rows += work.rows(take, reused=True)
            work.tell_spoken(take.key, take.audio.duration_s, reused=True)
        else:
            silent.append(utterance)
    if not silent or not work.engine().codec:
        return silent
    for utterance, tokens in _each(find_tokens, work, silent):
        if tokens:
            found.append(tokens)
            work.tell_spoken(tokens.key, tokens.duration_s, reused=True)
        else:
            missing.append(utterance)
    return missing


def _each(
    find: Callable[[Library, str], T | None], work: OpenJob, utterances: Collection[Utterance]
) -> Iterator[tuple[Utterance, T | None]]:
    return zip(utterances, ahead(work.library, lambda one: find(work.library, one.key), utterances), strict=True)


def _stored(
    work: OpenJob, utterances: list[Utterance], failures: dict[str, SynthesisFailed]
) -> Iterator[StoredTake | StoredTokens]:
    """Stores each take while the next one is spoken: measuring, compressing and writing take a tenth of the time."""
    engine = work.engine()

    def store(take: Take) -> StoredTake | StoredTokens:
        key, facts = take.utterance.key, _facts(engine, take)
        if tokens := take.tokens:
            return put_tokens(work.library, StoredTokens(key, tokens.ids, tokens.duration_s, facts))
        assert take.audio is not None, "an engine says tokens or audio"
        return put_take(work.library, key, take.audio, facts | measured(take.audio))

    return behind(store, _takes(engine, utterances, failures))


def _undecoded(work: OpenJob, rows: list[TakeRow], found: list[StoredTokens], spoken: list[StoredTokens]) -> JobReport:
    """The report of a job that waits for `decode_job`."""
    undecoded = [*found, *spoken]
    return JobReport(
        job=work.job.name,
        spoken=sum(len(work.chunks(tokens.key)) for tokens in spoken),
        reused=len(rows) + sum(len(work.chunks(tokens.key)) for tokens in found),
        duration_s=sum(row.duration_s for row in rows) + sum(tokens.duration_s for tokens in undecoded),
        engine_s=sum(tokens.provenance["elapsed_s"] / tokens.provenance["stack"]["slots"] for tokens in spoken),
        undecoded=sum(len(work.chunks(tokens.key)) for tokens in undecoded),
    )


def _takes(engine: Engine, utterances: list[Utterance], failures: dict[str, SynthesisFailed]) -> Iterator[Take]:
    """The takes of all utterances; those that are spoken in parts are joined when all of their parts are there."""
    split = [utterance for utterance in utterances if utterance.parts]
    parts = [part for utterance in split for part in utterance.parts]
    alone = [utterance for utterance in utterances if not utterance.parts]
    wanted, awaited = {one.key for one in alone}, {part.key for part in parts}
    said: dict[str, Take] = {}
    errors: dict[str, SynthesisFailed] = {}
    for take in _spoken(engine, [*alone, *parts], errors):
        if take.utterance.key in wanted:
            yield take
        if take.utterance.key not in awaited:
            continue
        said[take.utterance.key] = take
        for whole in [one for one in split if all(part.key in said for part in one.parts)]:
            split.remove(whole)
            yield join(whole, [said[part.key] for part in whole.parts])
    failures |= {key: error for key, error in errors.items() if key in wanted}
    for whole in split:  # a part of each could not be spoken
        failures[whole.key] = next(errors[part.key] for part in whole.parts if part.key in errors)


def _spoken(engine: Engine, utterances: list[Utterance], failures: dict[str, SynthesisFailed]) -> Iterator[Take]:
    """Speaks all utterances; one that fails is noted, and the others go on in a fresh session."""
    pending = {utterance.key: utterance for utterance in utterances}
    while pending:
        try:
            with engine.session() as session:
                for take in session.speak(list(pending.values())):
                    del pending[take.utterance.key]
                    yield take
            return
        except SynthesisFailed as error:
            if error.key not in pending:
                raise
            failures[error.key] = error
            del pending[error.key]


def _facts(engine: Engine, take: Take) -> dict[str, Any]:
    """What is known of a take besides its audio: its provenance."""
    facts: dict[str, Any] = {
        "finish_reason": take.finish.value,
        "token_count": 0,
        "elapsed_s": round(take.elapsed_s, 6),
        "started_at": datetime.now(UTC).isoformat(),
        "stack": asdict(engine.stack),
    }
    if parts := take.utterance.parts:
        facts["parts"] = [part.text for part in parts]
    if tokens := take.tokens:
        facts["token_count"] = len(tokens.ids)
        facts["legal_mass"] = [round(mass, 9) for mass in tokens.legal_mass]
        facts["stack"] = asdict(replace(engine.stack, slots=tokens.slots))
        facts["part_ends"] = list(tokens.part_ends)
    return facts
