"""Speak, then store: one job of one reading.

A take is stored the moment it is finished, with all that is known of it; the evidence of the job is written last. So a
kill loses at most the takes that were in the engine, and a chunk whose audio is in the library is not spoken again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from rhapsode import recipe
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import load_engine
from rhapsode.errors import SynthesisFailed, WeightsDamaged
from rhapsode.model import Job, Order, Plan, Reading, Take, Utterance
from rhapsode.quality.signal import measure
from rhapsode.settings import EngineName
from rhapsode.stages.progress import Spoken, tell
from rhapsode.stages.rows import failure_row, take_row
from rhapsode.store.evidence import TakeRow, read_rows, write_rows
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import StoredTake, find_take, has_take, put_take
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

logger = logging.getLogger("rhapsode.speak")


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a job did: chunks spoken now, chunks found in the library, seconds of audio, seconds of the engine."""

    job: str
    spoken: int
    reused: int
    duration_s: float
    engine_s: float


def job_is_done(reading: Reading, job: Job) -> bool:
    """True if the job's evidence and every audio object that it lists are in the library."""
    library = open_library(reading.library)
    path = ReadingFolder(Shelf(library, reading.shelf), reading.key).takes_path(job)
    return library.exists(path) and all(has_take(library, row.key) for row in read_rows(library, path))


def speak_job(reading: Reading, job: Job) -> JobReport:
    """Gives every chunk of the job its take; what is stored already is found, not spoken.

    Raises:
        SynthesisFailed: Some chunks could not be spoken; they are named. The others are stored. The failures are
            written to the evidence beside the job, which stays undone.
        WeightsDamaged: The engine at hand has other weights than those that the reading was planned with.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    plan = shelf.load_plan(reading.plan)
    # Chunks that say the same share a key, hence one utterance: "Yes." is spoken once for the whole library.
    utterances: dict[str, Utterance] = {}
    orders: dict[str, list[Order]] = {}
    for order in _wanted(ReadingFolder(shelf, reading.key), job):
        utterance = _utterance(reading, plan, order)
        utterances[utterance.key] = utterance
        orders.setdefault(utterance.key, []).append(order)

    rows: list[TakeRow] = []

    def record(stored: StoredTake, reused: bool) -> None:
        for order in orders[stored.key]:
            row = take_row(reading, plan, job, order, utterances[stored.key], stored, reused)
            rows.append(row)
            tell(Spoken(row.chunk, row.chapter, row.duration_s, reused))

    found = {key: find_take(library, key) for key in utterances}
    for stored in found.values():
        if stored is not None:
            record(stored, reused=True)
    missing = [utterances[key] for key, stored in found.items() if stored is None]
    failures: dict[str, SynthesisFailed] = {}
    if missing:
        engine = _engine(reading)
        for take in _takes(engine, missing, failures):
            record(_store(library, engine, take), reused=False)

    folder = ReadingFolder(shelf, reading.key)
    if failures:
        failed = [
            failure_row(reading, plan, job, order, utterances[key], error.message, datetime.now(UTC))
            for key, error in failures.items()
            for order in orders[key]
        ]
        folder.write_failures(job, failed)
        raise _named(failed, failures)
    rows.sort(key=lambda row: row.chunk)
    write_rows(library, folder.takes_path(job), rows)
    return _report(job, rows)


def _wanted(folder: ReadingFolder, job: Job) -> list[Order]:
    """The orders of a job, less those that a later round has overruled.

    Without this a chunk that cannot be spoken as planned would fail its range for ever, even after a redo gave it
    another text. Only a job with failures behind it can have such chunks, and only then is it looked for.
    """
    failed = {row.chunk for row in folder.read_failures() if row.round == job.round}
    if not failed & {order.chunk for order in job.orders}:
        return list(job.orders)
    overruled = {row.chunk for row in folder.read_takes() if row.round > job.round} & failed
    return [order for order in job.orders if order.chunk not in overruled]


def _utterance(reading: Reading, plan: Plan, order: Order) -> Utterance:
    text = order.text if order.text is not None else plan.chunks[order.chunk - 1].spoken
    return recipe.utterance(
        text, reading.voice, reading.sampling, reading.weights_digest, reading.precision, order.take
    )


def _engine(reading: Reading) -> Engine:
    engine = load_engine(EngineName(reading.engine))
    if engine.stack.weights_digest != reading.weights_digest:
        raise WeightsDamaged(
            f"The engine {reading.engine} has the weights {engine.stack.weights_digest[:12]} here, but this book was "
            f"planned with {reading.weights_digest[:12]}.",
            "Convert the book again: it will be planned for the voice at hand.",
        )
    return engine


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


def _store(library: Library, engine: Engine, take: Take) -> StoredTake:
    assert take.audio is not None, "token ids are decoded before they are stored"
    provenance = {
        "finish_reason": take.finish.value,
        "token_count": len(take.token_ids),
        "elapsed_s": round(take.elapsed_s, 6),
        "started_at": datetime.now(UTC).isoformat(),
        "stack": asdict(engine.stack),
        "measures": asdict(measure(take.audio)),
    }
    return put_take(library, take.utterance.key, take.audio, provenance)


def _named(failed: list[TakeRow], failures: dict[str, SynthesisFailed]) -> SynthesisFailed:
    numbers = ", ".join(str(row.chunk) for row in failed[:8]) + (", ..." if len(failed) > 8 else "")
    first = next(iter(failures.values()))
    return SynthesisFailed(
        f"{len(failed)} of the chunks could not be spoken: {numbers}. The first: {first.message}",
        f'Give it another text: rhapsode redo BOOK --chunks {failed[0].chunk} --text "...".',
    )


def _report(job: Job, rows: list[TakeRow]) -> JobReport:
    spoken = [row for row in rows if not row.reused]
    return JobReport(
        job=job.name,
        spoken=len(spoken),
        reused=len(rows) - len(spoken),
        duration_s=sum(row.duration_s for row in rows),
        engine_s=sum(row.elapsed_s for row in spoken),
    )
