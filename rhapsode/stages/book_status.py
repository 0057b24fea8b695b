"""Where one book stands, by chapter, by range and by the jobs of later rounds; from its files alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from rhapsode.model import Plan, Reading
from rhapsode.recipe import FIRST_REDO
from rhapsode.report.estimate import chunk_s
from rhapsode.settings import ConvertRequest
from rhapsode.stages.holdings import Evidence, Holdings
from rhapsode.stages.status import BookStatus, current, status_of
from rhapsode.store.evidence import TAKES
from rhapsode.store.hearings import HEARD, read_heard


@dataclass(frozen=True, slots=True)
class ChapterStatus:
    """One chapter; seconds of `planned_s` are an estimate with pauses, those of `spoken_s` are of the takes."""

    chapter: int
    title: str
    chunks: int
    spoken: int
    listened: int
    exceptions: int
    planned_s: float
    spoken_s: float


@dataclass(frozen=True, slots=True)
class RangeStatus:
    """One range of the plan.

    Attributes:
        chapters: First and last.
        listened: Chunks of it with a take that a recogniser heard.
        failed: Chunks that could not be spoken, and have no take of a later round either.
        is_spoken, is_checked: Whether the evidence of its takes, and of what was heard of them, is complete.
    """

    name: str
    chapters: tuple[int, int]
    chunks: int
    spoken: int
    listened: int
    failed: tuple[int, ...]
    is_spoken: bool
    is_checked: bool


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job of a later round: retakes by the ladder, or what a redo asked for."""

    round: int
    name: str
    asked_for: bool
    chunks: tuple[int, ...]
    is_checked: bool


@dataclass(frozen=True, slots=True)
class Details:
    """What there is to say of one book.

    Attributes:
        listened: Chunks with a take that a recogniser heard.
        request: What the reading was asked for with: it is what continues it. None where nothing was planned.
        engine, voice: Who speaks.
    """

    status: BookStatus
    listened: int = 0
    chapters: tuple[ChapterStatus, ...] = ()
    ranges: tuple[RangeStatus, ...] = ()
    jobs: tuple[JobStatus, ...] = ()
    request: ConvertRequest | None = None
    engine: str = ""
    voice: str = ""


def details_of(held: Holdings) -> Details:
    """One book, in full.

    Raises:
        EvidenceDamaged, NotInLibrary: A file of it is torn or has gone.
    """
    status = status_of(held)
    evidence = held.readings.get(status.reading)
    if evidence is None or not evidence.is_planned:
        return Details(status)
    reading, request = evidence.load()
    plan = held.shelf.load_plan(reading.plan)
    edition, at_work = current(held)
    flaws = edition.exceptions if edition and not at_work else ()
    facts = _Facts(
        takes=(takes := evidence.spoken()),
        listened=_listened(held, evidence),
        named={flaw.chunk for flaw in flaws},
        unspoken=evidence.failed() - set(takes),
    )
    titles = {chapter.number: chapter.title for chapter in held.shelf.load_book(reading.book).chapters}
    return Details(
        status=status,
        listened=len(facts.listened),
        chapters=tuple(_chapters(plan, titles, facts, reading, request)),
        ranges=tuple(_ranges(plan, facts, evidence)),
        jobs=tuple(_later_jobs(evidence)),
        request=request,
        engine=reading.engine,
        voice=reading.voice.name,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of the chunks: seconds of the latest take of each, and the numbers of some kinds of them."""

    takes: dict[int, float]
    listened: set[int]
    named: set[int]
    unspoken: set[int]


def _chapters(
    plan: Plan, titles: dict[int, str], facts: _Facts, reading: Reading, request: ConvertRequest
) -> Iterator[ChapterStatus]:
    pauses = request.audio.pauses.model_dump()
    for number, group in groupby(plan.chunks, key=lambda chunk: chunk.chapter):
        chunks = list(group)
        numbers = {chunk.number for chunk in chunks}
        yield ChapterStatus(
            chapter=number,
            title=titles.get(number, ""),
            chunks=len(chunks),
            spoken=len(numbers & facts.takes.keys()),
            listened=len(numbers & facts.listened),
            exceptions=len(numbers & facts.named),
            planned_s=sum(chunk_s(each.spoken, reading.sampling) + pauses[each.boundary.value] for each in chunks),
            spoken_s=sum(facts.takes.get(each, 0.0) for each in numbers),
        )


def _ranges(plan: Plan, facts: _Facts, evidence: Evidence) -> Iterator[RangeStatus]:
    spoken, checked = evidence.ranges(TAKES), evidence.ranges(HEARD)
    for each in plan.ranges:
        numbers = set(range(each.first, each.last + 1))
        yield RangeStatus(
            name=str(each),
            chapters=(plan.chunks[each.first - 1].chapter, plan.chunks[each.last - 1].chapter),
            chunks=len(numbers),
            spoken=len(numbers & facts.takes.keys()),
            listened=len(numbers & facts.listened),
            failed=tuple(sorted(numbers & facts.unspoken)),
            is_spoken=(each.first, each.last) in spoken,
            is_checked=(each.first, each.last) in checked,
        )


def _listened(held: Holdings, evidence: Evidence) -> set[int]:
    """Chunks with a take that a recogniser heard."""
    rows = (row for path in evidence.paths(HEARD) for row in read_heard(held.shelf.library, path))
    return {row.chunk for row in rows if row.measures.transcript}


def _later_jobs(evidence: Evidence) -> list[JobStatus]:
    heard = {name.split(".")[0] for name in evidence.files if name.endswith(HEARD)}
    jobs = []
    for name, entry in evidence.files.items():
        job = re.fullmatch(r"round-([1-9]\d*)/([0-9a-f]+)" + re.escape(TAKES), name)
        if job:
            chunks = sorted(int(str(chunk)) for chunk in evidence.columns(entry.path, "chunk")["chunk"])
            rung = int(job[1])
            is_checked = name.split(".")[0] in heard
            jobs.append(JobStatus(rung, job[2], rung >= FIRST_REDO, tuple(chunks), is_checked))
    return sorted(jobs, key=lambda job: (job.round, job.chunks))
