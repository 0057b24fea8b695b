"""The folder of one book in a library, `books/<slug>-<digest12>`, and how a book is found there.

    shelve(library, book: Book) -> Shelf                the book's folder, the one it has or a new one; writes nothing
    shelves_of(library) -> Iterator[Shelf]              all books, by the names of their folders
    find_shelf(library, query: str) -> Shelf            by folder, slug, title, digest prefix, or EPUB file
    Shelf(library, name)                                name: "<slug>-<digest12>"
        .folder -> str                                  "books/<slug>-<digest12>"
        .path(*parts: str) -> str
        .save_book(book) -> str                         book-<digest8>.json; returns the digest of what was read
        .load_book(digest: str) -> Book
        .title() -> str
        .has_book(digest) / .has_plan(digest) / .has_timeline(digest) -> bool
        .save_plan(plan)                                plan-<digest8>.parquet
        .load_plan(digest: str) -> Plan
        .plan_table() -> pa.Table                       all plans, for SQL
        .save_timeline(digest: str, timeline)           chapters/<digest16>.json; digest: of what it is made from
        .load_timeline(digest: str) -> Timeline
        .json(kind, path) / .columns(kind, path, *names) of any of its files

One EPUB may be read in several ways (footnotes, a newer parser), so a book has a digest of its own beside the file's.
Loading raises NotInLibrary (absent) or EvidenceDamaged (torn, altered, of another version).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from rhapsode import recipe
from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import Book, Cover, Plan, Timeline
from rhapsode.store import sealed
from rhapsode.store.library import Library
from rhapsode.store.overlap import ahead
from rhapsode.store.plans import CHUNKS_SCHEMA, read_chunks, read_plan, write_plan

BOOK, TIMELINE = "book/1", "timeline/1"
SHELVES = "books"
SLUG_LENGTH = 48
REMEDY_UNKNOWN = "Name the folder, the title, the first digits of the digest, or the EPUB file."


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of one book. Nothing is cached: every call asks the library."""

    library: Library
    name: str

    @property
    def folder(self) -> str:
        return f"{SHELVES}/{self.name}"

    def path(self, *parts: str) -> str:
        return "/".join((self.folder, *parts))

    def save_book(self, book: Book) -> str:
        """Saves a book, its cover beside it as it was in the EPUB, and returns the digest of all that was read."""
        body = asdict(replace(book, cover=None))
        if book.cover:
            cover_digest = hashlib.sha256(book.cover.data).hexdigest()
            body["cover"] = {"media_type": book.cover.media_type, "sha256": cover_digest}
            self.library.write_bytes(self._cover_path(cover_digest), book.cover.data)
        digest = recipe.digest(body)
        self.library.write_bytes(self._book_path(digest), sealed.write_json(BOOK, body))
        return digest

    def load_book(self, digest: str) -> Book:
        """Loads the book with this digest; eight digits are enough."""
        path = self._book_path(digest)
        body = self.json(BOOK, path)
        cover = body.pop("cover")
        book = _build(Book, body, self.library.url(path))
        if cover is None:
            return book
        path = self._cover_path(cover["sha256"])

        def unaltered(data: bytes) -> bytes:
            if hashlib.sha256(data).hexdigest() != cover["sha256"]:
                raise EvidenceDamaged(f"{self.library.url(path)} was altered.", sealed.REMEDY)
            return data

        return replace(book, cover=Cover(cover["media_type"], self.library.read(path, unaltered)))

    def has_book(self, digest: str) -> bool:
        return self.library.exists(self._book_path(digest))

    def has_plan(self, digest: str) -> bool:
        return self.library.exists(self._plan_path(digest))

    def title(self) -> str:
        """The book's title; empty where its file is missing or damaged, so that one bad folder hides no other book."""
        for path in self._files(r"book-[0-9a-f]{8}\.json"):
            try:
                body = self.json(BOOK, path)
            except (NotInLibrary, EvidenceDamaged):
                continue
            return str(body["metadata"]["title"])
        return ""

    def save_plan(self, plan: Plan) -> None:
        self.library.write_bytes(self._plan_path(plan.digest), write_plan(plan))

    def load_plan(self, digest: str) -> Plan:
        """Loads the plan with this digest; eight digits are enough."""
        path = self._plan_path(digest)
        where = self.library.url(path)
        plan = self.library.read(path, lambda data: read_plan(data, where))
        if not plan.digest.startswith(digest):
            raise EvidenceDamaged(f"{where} is plan {plan.digest}, not {digest}.", sealed.REMEDY)
        return plan

    def plan_table(self) -> pa.Table:
        """The chunks of every plan of this book; the column `plan` says which."""
        paths = self._files(r"plan-[0-9a-f]{8}\.parquet")
        tables = [self.library.read(path, partial(read_chunks, where=self.library.url(path))) for path in paths]
        return pa.concat_tables([CHUNKS_SCHEMA.empty_table(), *tables])

    def save_timeline(self, digest: str, timeline: Timeline) -> None:
        """Saves a chapter's cue sheet under the digest of what it was made from."""
        self.library.write_bytes(self._timeline_path(digest), sealed.write_json(TIMELINE, asdict(timeline)))

    def load_timeline(self, digest: str) -> Timeline:
        path = self._timeline_path(digest)
        return _build(Timeline, self.json(TIMELINE, path), self.library.url(path))

    def has_timeline(self, digest: str) -> bool:
        return self.library.exists(self._timeline_path(digest))

    def json(self, kind: str, path: str) -> dict[str, Any]:
        """The body of one of the book's files, by its path in the library."""
        return self.library.read(path, lambda data: sealed.read_json(kind, data, self.library.url(path)))

    def columns(self, kind: str, path: str, *names: str) -> pa.Table:
        """Some columns of one of the book's tables, by its path in the library: quick, without the seal."""
        where = self.library.url(path)
        return self.library.read(path, lambda data: sealed.read_columns(kind, data, where, names))[0]

    def _book_path(self, digest: str) -> str:
        return self.path(f"book-{digest[:8]}.json")

    def _cover_path(self, sha256: str) -> str:
        return self.path(f"cover-{sha256[:8]}")

    def _plan_path(self, digest: str) -> str:
        return self.path(f"plan-{digest[:8]}.parquet")

    def _timeline_path(self, digest: str) -> str:
        return self.path("chapters", f"{digest[:16]}.json")

    def _files(self, pattern: str) -> Iterator[str]:
        for path in self.library.list(self.folder):
            if re.fullmatch(pattern, path.removeprefix(f"{self.folder}/")):
                yield path


def shelve(library: Library, book: Book) -> Shelf:
    """The folder of a book. It is named when the book comes for the first time, and keeps its name."""
    for shelf in shelves_of(library):
        if shelf.name.endswith(f"-{book.digest[:12]}"):
            return shelf
    return Shelf(library, f"{slug(book.metadata.title)}-{book.digest[:12]}")


def find_shelf(library: Library, query: str) -> Shelf:
    """Finds a book by folder, slug, title, the first digits of its digest, its EPUB file, or a part of its title.

    Titles are read only where the names of the folders, one listing, do not tell.

    Raises:
        NotInLibrary: None or several; the message lists them.
    """
    shelves = list(shelves_of(library))
    found = next((some for some in _meant(library, query, shelves) if some), [])
    if len(found) == 1:
        return found[0]
    if found:
        raise NotInLibrary(f"{query[:500]!r} is the name of several books: {_names(found)}.", "Name one of them.")
    there = f"; it holds {_names(shelves)}" if shelves else "; it holds no book"
    raise NotInLibrary(f"No book {query[:500]!r} in the library {library.url()}{there}.", REMEDY_UNKNOWN)


def slug(title: str) -> str:
    """A folder name from a title: ASCII letters, digits and hyphens, 1 to 48 of them."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].rstrip("-") or "book"


def shelves_of(library: Library) -> Iterator[Shelf]:
    """All books of a library, by the names of their folders."""
    for name in library.folders(SHELVES):
        if re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{12}", name):
            yield Shelf(library, name)


def _meant(library: Library, query: str, shelves: Sequence[Shelf]) -> Iterator[list[Shelf]]:
    """The books that a query means, the strictest way first; the first that fits any book decides."""
    wanted, named, titles = _folded(query), slug(query), dict[str, str]()

    def entitled(some: Sequence[Shelf]) -> list[Shelf]:
        unread = [shelf for shelf in some if shelf.name not in titles]
        for shelf, title in zip(unread, ahead(library, Shelf.title, unread), strict=True):
            titles[shelf.name] = _folded(title)
        return [shelf for shelf in some if titles[shelf.name] == wanted]

    yield [shelf for shelf in shelves if wanted in (shelf.name, shelf.folder)]
    if digest := _digest_of_file(query):
        yield [shelf for shelf in shelves if shelf.name.endswith(f"-{digest[:12]}")]
    yield [shelf for shelf in shelves if wanted == shelf.name.rpartition("-")[0]]
    yield entitled([shelf for shelf in shelves if named == shelf.name.rpartition("-")[0]])
    if re.fullmatch(r"[0-9a-f]{4,64}", wanted):
        yield [shelf for shelf in shelves if shelf.name.rpartition("-")[2].startswith(wanted[:12])]
    yield entitled(shelves)
    if wanted:
        yield [shelf for shelf in shelves if wanted in shelf.name or wanted in titles[shelf.name]]


def _digest_of_file(query: str) -> str:
    """sha256 of the file of that name, or nothing: most queries are no file, and some could not be a file's name."""
    try:
        with Path(query).open("rb") as epub:
            return hashlib.file_digest(epub, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _names(shelves: Sequence[Shelf], most: int = 8) -> str:
    names = ", ".join(shelf.name for shelf in shelves[:most])
    return names + (f" and {len(shelves) - most} more" if len(shelves) > most else "")


T = TypeVar("T")


def _build(kind: type[T], body: object, where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(body)
    except ValidationError as error:
        raise EvidenceDamaged(f"{where} does not have the fields of a {kind}.", sealed.REMEDY) from error
