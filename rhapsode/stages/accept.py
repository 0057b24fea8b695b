"""Which take of each chunk goes into the edition.

Until takes are judged by what was heard, the latest one of each chunk is accepted: a redo replaces what came before it.
The choice is a function of the evidence alone, so it does not depend on the order in which the work was done.
"""

from __future__ import annotations

from dataclasses import dataclass

from rhapsode.model import Reading
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The accepted take of each chunk, saved as one Parquet file under its digest; chunks without one are missing."""

    digest: str
    missing: tuple[int, ...]


def latest_takes(rows: list[TakeRow]) -> dict[int, TakeRow]:
    """Chunk number -> its latest good take; the order of the rows does not matter."""
    latest: dict[int, TakeRow] = {}
    for row in rows:
        known = latest.get(row.chunk)
        if row.error is None and (
            known is None or (known.round, known.take, known.key) < (row.round, row.take, row.key)
        ):
            latest[row.chunk] = row
    return latest


def accept_takes(reading: Reading) -> Acceptance:
    """Accepts a take for every chunk of the plan that has one, and saves the list."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    folder = ReadingFolder(shelf, reading.key)
    plan = shelf.load_plan(reading.plan)
    latest = latest_takes(folder.read_takes())
    accepted = [latest[chunk.number] for chunk in plan.chunks if chunk.number in latest]
    missing = tuple(chunk.number for chunk in plan.chunks if chunk.number not in latest)
    return Acceptance(folder.save_accepted(accepted), missing)
