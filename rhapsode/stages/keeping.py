"""What becomes of each file of a library: needed, not needed, or too young to tell.

Needed of each book: every edition; every reading with an edition, and the one that was last at work, with all their
takes; what these readings say; timelines. A file that nobody here knows is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.stages.holdings import Evidence, Holdings
from rhapsode.stages.needs import Keys, Needed, needed_by_edition, needed_by_reading
from rhapsode.store.durable import is_partial
from rhapsode.store.editions import load_edition
from rhapsode.store.listing import Entry
from rhapsode.store.shelf import BOOK

REMEDY = "Nothing is deleted. Move the file away, convert that book again, which makes it anew, and clean then."

_OBJECT = re.compile(r"objects/[0-9a-f]{2}/([0-9a-f]{64})\.(flac|tokens\.json|[0-9a-f]{8}\.heard\.json)")
_READ = re.compile(r"book-[0-9a-f]{8}\.json|plan-[0-9a-f]{8}\.parquet|cover-[0-9a-f]{8}")


class Kind(StrEnum):
    AUDIO = "audio"
    TOKENS = "tokens"
    HEARD = "what was heard"
    EVIDENCE = "evidence of readings"
    READ = "books and plans"
    UNFINISHED = "unfinished editions"
    PARTIAL = "unfinished writes"


class Fate(StrEnum):
    NEEDED = "needed"
    YOUNG = "too young"
    UNNEEDED = "not needed"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A reading that is not needed: it has no edition, and another one of its book was at work since."""

    book: str
    reading: str
    touched: datetime


@dataclass(slots=True)
class SortedBook:
    """One book: its files by what becomes of them, the keys of the objects that it needs, and its readings."""

    files: list[tuple[Kind, Fate, Entry]] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    readings: int = 0

    def unneeded(self) -> list[str]:
        return [entry.path for _, fate, entry in self.files if fate is Fate.UNNEEDED]


def sort_book(held: Holdings, limit: datetime) -> SortedBook:
    """What becomes of the files of one book; what was written after the limit is too young to go.

    Raises:
        EvidenceDamaged, NotInLibrary: A file that tells what is needed is torn or has gone.
    """
    book = SortedBook(readings=len(held.readings))
    try:
        kept = _kept_readings(held, limit)
        read = _kept_read(held, [held.readings[key] for key in kept])
        book.keys += [needed_by_reading(held.readings[key]) for key in kept]
        book.keys += [needed_by_edition(held.shelf, number) for number in held.published()]
    except (EvidenceDamaged, NotInLibrary) as error:
        raise type(error)(error.message, REMEDY) from error
    for key, reading in held.readings.items():
        if key not in kept:
            book.dropped.append(Dropped(held.shelf.name, key, reading.touched))
        book.files += [(Kind.EVIDENCE, _fate(key in kept, each, limit), each) for each in reading.files.values()]
    for name, entry in held.files.items():
        if _READ.fullmatch(name):
            book.files.append((Kind.READ, _fate(name in read, entry, limit), entry))
    book.files += [(Kind.UNFINISHED, _fate(False, entry, limit), entry) for entry in _unfinished(held)]
    book.files += [(Kind.PARTIAL, _fate(False, each, limit), each) for each in held.others if _is_partial(each)]
    return book


def sort_objects(entries: Iterable[Entry], needed: Needed, limit: datetime) -> Iterator[tuple[Kind, Fate, Entry]]:
    """What becomes of objects: audio, tokens and what was heard of them stay and go by their key."""
    known: list[tuple[str, Kind, Entry]] = []
    for entry in entries:
        if match := _OBJECT.fullmatch(entry.path):
            kind = {"flac": Kind.AUDIO, "tokens.json": Kind.TOKENS}.get(match[2], Kind.HEARD)
            known.append((match[1], kind, entry))
        elif _is_partial(entry):
            yield Kind.PARTIAL, _fate(False, entry, limit), entry
    wanted = needed.has([key for key, _, _ in known])
    for (_, kind, entry), is_needed in zip(known, wanted, strict=True):
        yield kind, _fate(bool(is_needed), entry, limit), entry


def _kept_readings(held: Holdings, limit: datetime) -> set[str]:
    """Readings with an edition, the one that was last at work, and those with anything younger than the limit."""
    editions = (load_edition(held.shelf, number) for number in held.published())
    kept = {edition.reading[:12] for edition in editions if edition}
    latest = held.latest_reading()
    if latest is None:
        return set(held.readings)
    kept.add(latest.key)
    return {key for key, reading in held.readings.items() if key in kept or reading.touched > limit}


def _kept_read(held: Holdings, readings: list[Evidence]) -> set[str]:
    """Names of the books, plans and covers that readings need; of a book that was never planned, all."""
    planned = [reading.load()[0] for reading in readings if reading.is_planned]
    if not planned:
        return set(held.files)
    kept = {f"plan-{reading.plan[:8]}.parquet" for reading in planned}
    books = {f"book-{reading.book[:8]}.json" for reading in planned}
    for name in books:
        body = held.shelf.json(BOOK, held.shelf.path(name))
        if body["cover"]:
            kept.add(f"cover-{body['cover']['sha256'][:8]}")
    return kept | books


def _fate(is_needed: bool, entry: Entry, limit: datetime) -> Fate:
    return Fate.NEEDED if is_needed else Fate.YOUNG if entry.modified > limit else Fate.UNNEEDED


def _unfinished(held: Holdings) -> Iterator[Entry]:
    """Files of editions that were never published. Claims stay: a later edition must not get an earlier number."""
    for files in held.editions.values():
        if "manifest.json" not in files:
            yield from (entry for name, entry in files.items() if not name.startswith("claim"))


def _is_partial(entry: Entry) -> bool:
    return is_partial(entry.path.rpartition("/")[2])
