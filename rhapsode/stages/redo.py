"""What a redo asks for, new takes of some chunks of a reading, and what became of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rhapsode.errors import BadRequest, NotInLibrary
from rhapsode.model import Job, Order, Plan, Reading
from rhapsode.recipe import FIRST_REDO, first_job, later_job
from rhapsode.settings import AudioSettings, RedoRequest, Verification
from rhapsode.stages.accept import latest_takes
from rhapsode.stages.jobs import unfinished
from rhapsode.stages.verdicts import Judged, judge_takes
from rhapsode.stages.verify import listening_of, unheard
from rhapsode.store.editions import Edition, latest_edition
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder, folder_of, readings_of
from rhapsode.store.shelf import Shelf, find_shelf

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Redo:
    """The reading, the jobs of the new round, and how the book is checked and published.

    Attributes:
        unfinished: What earlier runs left unspoken or unheard. It comes after `jobs`, which may overrule what failed.
    """

    reading: Reading
    jobs: tuple[Job, ...]
    unfinished: tuple[Job, ...]
    audio: AudioSettings
    verify: Verification


def plan_redo(request: RedoRequest, name: str = "") -> Redo:
    """Finds the book and its reading and orders a further take of each chunk, in a round of its own.

    The reading is that of the latest edition; of a book that was never published, the only one that was planned.

    Args:
        name: Of the run that asks: where one of this name has asked before, and was killed, its orders stand.

    Raises:
        NotInLibrary: No such book, or none of its readings can be meant.
        BadRequest: Chunks that the book does not have, or a text for several of them.
    """
    library = open_library(request.library)
    shelf = find_shelf(library, request.book)
    folder = reading_of(shelf)
    reading, original = folder.load()
    plan, edition = shelf.load_plan(reading.plan), latest_edition(shelf)
    jobs = folder.kept_redo(name) if name else None
    if jobs is None:
        jobs = _ordered(request, folder, plan, edition)
        if name:
            folder.keep_redo(name, jobs)
    listening = listening_of(reading, original.verify)
    first = [first_job(chunk_range) for chunk_range in plan.ranges]
    left = [*unfinished(reading, first), *(unheard(reading, first, listening) if listening else ())]
    audio = edition.audio if edition else original.audio
    return Redo(reading, jobs, tuple(job for job in first if job in left), audio, original.verify)


def _ordered(request: RedoRequest, folder: ReadingFolder, plan: Plan, edition: Edition | None) -> tuple[Job, ...]:
    """A further take of each chunk that is asked for."""
    rows, failures = folder.read_takes(), folder.read_failures()
    if request.chunks.strip() == FAILED:
        unspoken = {row.chunk for row in failures} - set(latest_takes(rows))
        numbers = sorted(unspoken | {flaw.chunk for flaw in edition.exceptions} if edition else unspoken)
        if not numbers:
            raise BadRequest(f"No chunk of {folder.shelf.name} has failed.", "Name the chunks to speak anew.")
    else:
        numbers = parse_numbers(request.chunks, len(plan.chunks))
    if request.text and len(numbers) > 1:
        raise BadRequest(f"One text cannot stand for {len(numbers)} chunks.", "Name a single chunk with --text.")
    takes: dict[int, int] = {}
    for row in (*rows, *failures):
        takes[row.chunk] = max(row.take, takes.get(row.chunk, 0))
    round_number = max(FIRST_REDO, 1 + max((row.round for row in (*rows, *failures)), default=0))
    orders = [Order(number, takes.get(number, 0) + 1, request.text or None) for number in numbers]
    size = plan.range_size
    return tuple(later_job(round_number, orders[start : start + size]) for start in range(0, len(orders), size))


def takes_left_out(redo: Redo, edition: Edition) -> list[Judged]:
    """The new takes that are not in the edition, by chunk: an earlier take of the chunk is better, so that one is kept.

    Of takes that nobody checks the latest is always in.
    """
    listening = listening_of(redo.reading, redo.verify)
    if listening is None:
        return []
    shelf = Shelf(open_library(redo.reading.library), redo.reading.shelf)
    accepted = ReadingFolder(shelf, redo.reading.key).load_accepted(edition.accepted)
    kept = {(row.chunk, row.round, row.key) for row in accepted}
    new = {(order.chunk, job.round) for job in redo.jobs for order in job.orders}
    judged = judge_takes(redo.reading, listening, redo.verify.strictness)
    left_out = (one for one in judged if (one.row.chunk, one.row.round, one.row.key) not in kept)
    return [one for one in left_out if (one.row.chunk, one.row.round) in new]


def parse_numbers(text: str, last: int) -> list[int]:
    """`"17,120-180"` -> the numbers, sorted, each once.

    Raises:
        BadRequest: Not of this form, or outside 1..last.
    """
    numbers: set[int] = set()
    for part in (" ".join(part.split()) for part in text.split(",")):  # messages have one line
        match = re.fullmatch(r"(\d{1,9})(?: ?- ?(\d{1,9}))?", part, re.ASCII)
        if not match:
            raise BadRequest(f"{part!r} is no chunk number.", 'Write numbers and ranges, such as "17,120-180".')
        low, high = int(match[1]), int(match[2] or match[1])
        if not 1 <= low <= high <= last:
            raise BadRequest(f"There are no chunks {part}: the book has 1 to {last}.", "See them: rhapsode locate.")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def reading_of(shelf: Shelf) -> ReadingFolder:
    """The reading that a book's name means: that of its latest edition, or the only one that was planned.

    Raises:
        NotInLibrary: There is none, or there are several.
    """
    if edition := latest_edition(shelf):
        return folder_of(shelf, edition.reading)
    planned = readings_of(shelf)
    if len(planned) == 1:
        return planned[0]
    if planned:
        raise NotInLibrary(
            f"{shelf.name} was never published and has {len(planned)} readings.",
            "Convert it again with the voice that you mean, then redo.",
        )
    raise NotInLibrary(f"{shelf.name} has no reading.", "Convert the book first.")
