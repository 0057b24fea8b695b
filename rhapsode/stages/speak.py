"""Speak, then store: one job of one reading.

A take is stored while the next one is spoken, with all that is known of it; the evidence of the job is written last,
when all takes that it tells of are on the disk. So a kill loses at most the takes that were in the engine and the one
before them, a power cut those of the jobs that were at work, and a chunk that is in the library is not spoken again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, replace
from datetime import UTC, datetime
from threading import Semaphore
from typing import Any

from rhapsode.engines.protocol import Engine
from rhapsode.errors import SynthesisFailed
from rhapsode.model import Job, Reading, Take, Utterance
from rhapsode.stages.jobs import JobReport, OpenJob
from rhapsode.stages.rows import measured
from rhapsode.store.evidence import TakeRow
from rhapsode.store.objects import StoredTake, find_take, has_take, put_take
from rhapsode.store.tokens import StoredTokens, find_tokens, has_tokens, put_tokens, sync_tokens

_turn: ContextVar[Semaphore | None] = ContextVar("turn", default=None)


@contextmanager
def speaking_at_once(jobs: int) -> Iterator[None]:
    """Inside, at most so many jobs speak at once, in whatever threads of this context.

    More may run than speak: while one writes its evidence, the next one has its turn, and the engine does not wait.
    """
    token = _turn.set(Semaphore(jobs))
    try:
        yield
    finally:
        _turn.reset(token)


def job_is_spoken(reading: Reading, job: Job) -> bool:
    """True if there is audio or tokens for every chunk of the job: nothing is left but to decode."""
    work = OpenJob(reading, job)
    return all(has_tokens(work.library, key) or has_take(work.library, key) for key in work.utterances)


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
    missing: list[Utterance] = []
    failures: dict[str, SynthesisFailed] = {}
    with _turn.get() or nullcontext():
        for key, utterance in work.utterances.items():
            if stored := find_take(work.library, key):
                rows += work.rows(stored, reused=True)
                work.tell_spoken(key, stored.audio.duration_s, reused=True)
            else:
                missing.append(utterance)
        engine = work.engine() if missing else None
        if engine and engine.codec:
            return _speak_tokens(work, engine, missing, rows)
        if engine:
            for stored in _stored(work, engine, missing, failures):
                rows += work.rows(stored, reused=False)
                work.tell_spoken(stored.key, stored.audio.duration_s, reused=False)
    if failures:
        raise work.fail(failures, rows)
    return work.close(rows)


def _stored(
    work: OpenJob, engine: Engine, utterances: list[Utterance], failures: dict[str, SynthesisFailed]
) -> Iterator[StoredTake]:
    """Stores each take while the next one is spoken: measuring, compressing and writing take a tenth of the time."""

    def store(take: Take) -> StoredTake:
        assert take.audio is not None, "an engine without a codec says audio"
        facts = _facts(engine, take) | measured(take.audio)
        return put_take(work.library, take.utterance.key, take.audio, facts)

    with ThreadPoolExecutor(max_workers=1) as writer:
        last: Future[StoredTake] | None = None
        for take in _takes(engine, utterances, failures):
            if last:
                yield last.result()
            last = writer.submit(store, take)
        if last:
            yield last.result()


def _speak_tokens(work: OpenJob, engine: Engine, missing: list[Utterance], rows: list[TakeRow]) -> JobReport:
    failures: dict[str, SynthesisFailed] = {}
    found = {one.key: tokens for one in missing if (tokens := find_tokens(work.library, one.key))}
    for tokens in found.values():
        work.tell_spoken(tokens.key, tokens.duration_s, reused=True)
    spoken: list[StoredTokens] = []
    for take in _takes(engine, [one for one in missing if one.key not in found], failures):
        assert take.tokens is not None, "an engine with a codec says tokens"
        made = StoredTokens(take.utterance.key, take.tokens.ids, take.tokens.duration_s, _facts(engine, take))
        spoken.append(put_tokens(work.library, made))
        work.tell_spoken(made.key, made.duration_s, reused=False)
    undecoded = [*found.values(), *spoken]
    sync_tokens(work.library, [tokens.key for tokens in undecoded])
    if failures:
        raise work.fail(failures, rows)
    return JobReport(
        job=work.job.name,
        spoken=sum(len(work.chunks(tokens.key)) for tokens in spoken),
        reused=len(rows) + sum(len(work.chunks(key)) for key in found),
        duration_s=sum(row.duration_s for row in rows) + sum(tokens.duration_s for tokens in undecoded),
        engine_s=sum(tokens.provenance["elapsed_s"] / tokens.provenance["stack"]["slots"] for tokens in spoken),
        undecoded=sum(len(work.chunks(tokens.key)) for tokens in undecoded),
    )


def _takes(engine: Engine, utterances: list[Utterance], failures: dict[str, SynthesisFailed]) -> Iterator[Take]:
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
    if tokens := take.tokens:
        facts["token_count"] = len(tokens.ids)
        facts["legal_mass"] = [round(mass, 9) for mass in tokens.legal_mass]
        facts["stack"] = asdict(replace(engine.stack, slots=tokens.slots))
    return facts
