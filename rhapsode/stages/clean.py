"""What a library does not need any more: found, counted, and deleted if that is wanted.

What that is says keeping.py. Whatever is younger than the grace period stays, for a conversion writes a take before the
evidence that tells of it; so that nobody has to know whether one is at work, nothing is deleted by less than a day. A
file that cannot be read stops the cleaning before it begins: what it needs is unknown.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from rhapsode.errors import BadRequest, NotInLibrary
from rhapsode.stages.holdings import holdings_of
from rhapsode.stages.keeping import Dropped, Fate, Kind, SortedBook, sort_book, sort_objects
from rhapsode.stages.needs import Keys, Needed, needed_by_reading
from rhapsode.store.library import Library
from rhapsode.store.listing import Entry
from rhapsode.store.overlap import ahead
from rhapsode.store.shelf import SHELVES, Shelf, shelves_of

LOOK_AGAIN_S = 300.0
"""So often, while objects are deleted, the books are asked what they need by now."""
CLOCKS_DIFFER = timedelta(hours=1)
LEAST_GRACE = timedelta(days=1)
"""Of what is deleted. A job stores its takes before the evidence that tells of them, and an edition's files lie there
before its manifest: for hours, where a slow voice speaks. What else is at work needs no more than that."""

T = TypeVar("T")


@dataclass(slots=True)
class Count:
    files: int = 0
    size_bytes: int = 0


@dataclass(slots=True)
class Found:
    """What a library holds, by what becomes of it."""

    counts: dict[tuple[Kind, Fate], Count] = field(default_factory=lambda: defaultdict(Count))
    dropped: list[Dropped] = field(default_factory=list)

    def add(self, kind: Kind, fate: Fate, entry: Entry) -> None:
        count = self.counts[kind, fate]
        count.files += 1
        count.size_bytes += entry.size_bytes

    def total(self, fate: Fate) -> Count:
        counts = [count for (_, each), count in self.counts.items() if each is fate]
        return Count(sum(count.files for count in counts), sum(count.size_bytes for count in counts))


def clean(library: Library, grace: timedelta, delete: bool) -> Found:
    """Finds what is not needed and older than the grace period, and deletes it if asked to.

    Raises:
        BadRequest: What may belong to a conversion that is at work would be deleted.
        EvidenceDamaged, NotInLibrary: A file that tells what is needed is torn or has gone, or books may be elsewhere.
        LibraryUnreachable: What was deleted until then was not needed; run again for the rest.
    """
    if delete and grace < LEAST_GRACE:
        raise BadRequest(
            f"With a grace period of {grace / timedelta(days=1):g} days what a conversion has just stored would go.",
            f"Valid with --delete: {LEAST_GRACE.days} day and more. Without --delete nothing goes, and any is valid.",
        )
    began = datetime.now(UTC)
    found, needed = Found(), Needed()
    wasteful, readings = [], 0

    def sort(shelf: Shelf) -> SortedBook:
        return sort_book(holdings_of(shelf), began - grace)

    for shelf, book in _each_book(library, sort):
        for kind, fate, entry in book.files:
            found.add(kind, fate, entry)
        for keys in book.keys:
            needed.add(keys)
        found.dropped += book.dropped
        readings += book.readings
        if book.unneeded():
            wasteful.append(shelf)
    if not readings and library.folders("objects"):
        raise NotInLibrary(
            f"{library.url()} has objects, and not one reading that they could belong to.",
            "Nothing is deleted. Is a part of the library missing? If it is of no use at all, delete it yourself.",
        )
    if delete:
        _refuse_a_part(library)
        for shelf in wasteful:
            _delete(library, sort(shelf).unneeded())  # sorted anew: a conversion may have begun since
    _clean_objects(library, needed, began - grace, found, began if delete else None)
    return found


def _refuse_a_part(library: Library) -> None:
    """What is in the folder of the books and is none, or lies elsewhere, may be books that are not in sight now.

    Raises:
        NotInLibrary: There is such a thing.
    """
    known = {shelf.name for shelf in shelves_of(library)}
    strange = [name for name in library.folders(SHELVES) if name not in known]
    if library.local:
        books = os.walk(library.local / SHELVES)
        links = (Path(top, name) for top, folders, files in books for name in (*folders, *files))
        strange += [str(link) for link in links if link.is_symlink()]
    if strange:
        raise NotInLibrary(
            f"{library.url(SHELVES)} holds what is no book of this library: {strange[0]}.",
            "Nothing is deleted. Move it away, or the books that it leads to back here, and clean then.",
        )


def _clean_objects(library: Library, needed: Needed, limit: datetime, found: Found, began: datetime | None) -> None:
    """Sorts the objects, a 256th of them at a time; deletes if `began` says since when the books may have changed."""
    looked = float("-inf")
    for folder in library.folders("objects"):
        if began and time.monotonic() - looked > LOOK_AGAIN_S:
            _look_again(library, needed, began - CLOCKS_DIFFER)
            looked = time.monotonic()
        unneeded = []
        for kind, fate, entry in sort_objects(library.entries(f"objects/{folder}"), needed, limit):
            found.add(kind, fate, entry)
            if fate is Fate.UNNEEDED:
                unneeded.append(entry.path)
        if began:
            _delete(library, unneeded)


def _look_again(library: Library, needed: Needed, since: datetime) -> None:
    """Adds what the books need that were at work since."""

    def added(shelf: Shelf) -> list[Keys]:
        return [needed_by_reading(each) for each in holdings_of(shelf).readings.values() if each.touched >= since]

    for _, keys in _each_book(library, added):
        for each in keys:
            needed.add(each)


def _each_book(library: Library, ask: Callable[[Shelf], T]) -> Iterator[tuple[Shelf, T]]:
    shelves = list(shelves_of(library))
    yield from zip(shelves, ahead(library, ask, shelves), strict=True)


def _delete(library: Library, paths: Sequence[str]) -> None:
    """A reading ends with its `reading.json`: whoever is stopped after that leaves none that seems whole."""
    readings = [path for path in paths if path.endswith("/reading.json")]
    for path in readings:
        library.delete(path)
    for _ in ahead(library, library.delete, sorted(set(paths) - set(readings))):
        pass
