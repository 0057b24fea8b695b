"""A job and what it is about: its utterances, the rows of its takes, its evidence. Speaking and decoding share it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rhapsode import recipe
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import load_engine
from rhapsode.errors import NotInLibrary, SynthesisFailed, WeightsDamaged
from rhapsode.model import Job, Order, Reading, Utterance
from rhapsode.settings import EngineName
from rhapsode.stages.plan import load_plan
from rhapsode.stages.progress import Spoken, tell
from rhapsode.stages.rows import engine_of, failure_row, take_row
from rhapsode.store.evidence import TakeRow, read_rows, write_rows
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import StoredTake, has_take, sync_takes
from rhapsode.store.overlap import ahead
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a task did for a job.

    Attributes:
        spoken, reused: Chunks done now, and chunks found in the library.
        undecoded: Chunks whose takes are tokens yet; then the job's evidence waits for them to be decoded.
        duration_s: Of the audio.
        engine_s: Of the engine, shared among its slots.
    """

    job: str
    spoken: int
    reused: int
    duration_s: float
    engine_s: float
    undecoded: int = 0


def job_is_done(reading: Reading, job: Job) -> bool:
    """True if the job's evidence and every audio object that it lists are in the library."""
    return not unfinished(reading, [job])


def unfinished(reading: Reading, jobs: Sequence[Job]) -> list[Job]:
    """The jobs whose evidence, or an audio object that it lists, is not in the library."""
    library = open_library(reading.library)
    folder = ReadingFolder(Shelf(library, reading.shelf), reading.key)
    told = list(ahead(library, lambda job: _told(library, folder.takes_path(job)), jobs))
    keys = list(dict.fromkeys(row.key for rows in told for row in rows or ()))
    there = dict(zip(keys, ahead(library, lambda key: has_take(library, key), keys), strict=True))
    return [
        job for job, rows in zip(jobs, told, strict=True) if rows is None or not all(there[row.key] for row in rows)
    ]


def _told(library: Library, path: str) -> list[TakeRow] | None:
    """The evidence of a job, if it is there."""
    try:
        return read_rows(library, path)
    except NotInLibrary:
        return None


def without(job: Job, chunks: Collection[int]) -> Job:
    """The job less some chunks, under its own name: done without them, it leaves them to a later round."""
    return replace(job, orders=tuple(order for order in job.orders if order.chunk not in chunks))


class OpenJob:
    """A job, with its utterances by key and the library that it is done in."""

    def __init__(self, reading: Reading, job: Job) -> None:
        self.reading = reading
        self.job = job
        self.library = open_library(reading.library)
        self._folder = ReadingFolder(Shelf(self.library, reading.shelf), reading.key)
        self._plan = load_plan(reading)
        # Chunks that say the same share a key, hence one utterance: "Yes." is spoken once for the whole library.
        self.utterances: dict[str, Utterance] = {}
        self._orders: dict[str, list[Order]] = {}
        self._spoken_by = {engine_of(reading, order) for order in job.orders}
        for order in self._wanted():
            utterance = self._utterance(order)
            self.utterances[utterance.key] = utterance
            self._orders.setdefault(utterance.key, []).append(order)

    def engine(self) -> Engine:
        """The engine of the job.

        Raises:
            WeightsDamaged: The engine at hand has other weights, or another precision, than the job was planned with.
        """
        [planned] = self._spoken_by  # a job has one engine
        engine = load_engine(EngineName(planned.name))
        stack = engine.stack
        if (stack.weights_digest, stack.precision) != (planned.weights_digest, planned.precision):
            raise WeightsDamaged(
                f"The engine {planned.name} has the weights {stack.weights_digest[:12]} in {stack.precision} here, but "
                f"this book was planned with {planned.weights_digest[:12]} in {planned.precision}.",
                "Convert the book again: it will be planned for the voice at hand.",
            )
        return engine

    def chunks(self, key: str) -> list[int]:
        """The chunks that an utterance is for."""
        return [order.chunk for order in self._orders[key]]

    def tell_spoken(self, key: str, duration_s: float, reused: bool) -> None:
        for number in self.chunks(key):
            tell(Spoken(number, self._plan.chunks[number - 1].chapter, duration_s, reused))

    def rows(self, stored: StoredTake, reused: bool) -> list[TakeRow]:
        """The rows of a take whose audio is in the library, one for each chunk that it is for."""
        utterance = self.utterances[stored.key]
        return [
            take_row(self.reading, self._plan, self.job, order, utterance, stored, reused)
            for order in self._orders[stored.key]
        ]

    def close(self, rows: Sequence[TakeRow]) -> JobReport:
        """Brings the takes onto the disk and then writes the evidence that tells of them: the job is done."""
        sync_takes(self.library, sorted({row.key for row in rows}))
        ordered = sorted(rows, key=lambda row: row.chunk)
        write_rows(self.library, self._folder.takes_path(self.job), ordered)
        spoken = [row for row in ordered if not row.reused]
        return JobReport(
            job=self.job.name,
            spoken=len(spoken),
            reused=len(ordered) - len(spoken),
            duration_s=sum(row.duration_s for row in ordered),
            engine_s=sum(row.elapsed_s / row.slots for row in spoken),
        )

    def fail(self, failures: Mapping[str, SynthesisFailed], rows: Sequence[TakeRow]) -> SynthesisFailed:
        """Writes failures to the evidence, beside the job, which stays undone; returns the error that names them."""
        sync_takes(self.library, sorted({row.key for row in rows}))
        failed = [
            failure_row(
                self.reading, self._plan, self.job, order, self.utterances[key], error.message, datetime.now(UTC)
            )
            for key, error in failures.items()
            for order in self._orders[key]
        ]
        self._folder.write_failures(self.job, failed)
        numbers = ", ".join(str(row.chunk) for row in failed[:8]) + (", ..." if len(failed) > 8 else "")
        first = next(iter(failures.values()))
        return SynthesisFailed(
            f"{len(failed)} of the chunks could not be spoken: {numbers}. The first: {first.message}",
            f'Give it another text: rhapsode redo BOOK --chunks {failed[0].chunk} --text "...".',
            chunks=tuple(row.chunk for row in failed),
        )

    def _wanted(self) -> list[Order]:
        """The orders of the job, less those that a later round has overruled.

        Without this a chunk that cannot be spoken as planned would fail its range for ever, even after a redo gave it
        another text. Only a job with failures behind it can have such chunks, and only then is it looked for.
        """
        job, folder = self.job, self._folder
        if (rows := _told(self.library, folder.takes_path(job))) is not None:
            told = {row.chunk for row in rows}
            return [order for order in job.orders if order.chunk in told]  # others were given up: a redo takes them up
        failed = {row.chunk for row in folder.read_failures() if row.round == job.round}
        if not failed & {order.chunk for order in job.orders}:
            return list(job.orders)
        overruled = {row.chunk for row in folder.read_takes() if row.round > job.round} & failed
        return [order for order in job.orders if order.chunk not in overruled]

    def _utterance(self, order: Order) -> Utterance:
        reading, by = self.reading, engine_of(self.reading, order)
        text = order.text if order.text is not None else self._plan.chunks[order.chunk - 1].spoken
        return recipe.utterance(
            text,
            reading.voice,
            order.sampling or reading.sampling,
            by.weights_digest,
            by.precision,
            order.take,
            order.parts,
        )
