"""The folder of one book in a library, and what lies in it.

    Shelf(library, folder)                              folder: "books/<slug>-<digest12>"; see catalogue.py
        .name -> str                                    "<slug>-<digest12>"
        .save_book(book) / .load_book() -> Book
        .save_plan(plan) / .load_plan(digest: str) -> Plan
        .save_timeline(digest: str, timeline) / .load_timeline(digest: str) -> Timeline      digest: of its making
        .evidence_path(round_number: int, stage: str, keys: Sequence[str], chunk_range: ChunkRange | None = None) -> str
        .edition_path(number: int, name: str) -> str
        .editions() -> list[int]                        those whose manifest is written
        .latest_edition() -> int | None
        .next_edition() -> int
        .save_chunks(number: int, table: pa.Table)      chunks.parquet of an edition
        .plan_table() -> pa.Table, .chunks_table() -> pa.Table | None        for SQL

Loading raises NotInLibrary (absent) or EvidenceDamaged (torn, altered, of another version).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from rhapsode import recipe
from rhapsode.errors import EvidenceDamaged
from rhapsode.model import Book, Chunk, ChunkRange, Cover, Plan, Timeline
from rhapsode.store import sealed
from rhapsode.store.library import Library

BOOK, PLAN, TIMELINE, CHUNKS = "book/1", "plan/1", "timeline/1", "chunks/1"

PLAN_SCHEMA = pa.schema(
    [
        pa.field("number", pa.int32(), nullable=False),
        pa.field("chapter", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("spoken", pa.string(), nullable=False),
        pa.field("char_start", pa.int64(), nullable=False),
        pa.field("char_end", pa.int64(), nullable=False),
        pa.field(
            "spans",
            pa.list_(
                pa.struct(
                    [
                        pa.field("char_start", pa.int64(), nullable=False),
                        pa.field("char_end", pa.int64(), nullable=False),
                        pa.field("spoken_start", pa.int64(), nullable=False),
                        pa.field("spoken_end", pa.int64(), nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("boundary", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of one book. Nothing is cached: every call asks the library."""

    library: Library
    folder: str

    @property
    def name(self) -> str:
        return self.folder.rpartition("/")[2]

    def path(self, *parts: str) -> str:
        return "/".join((self.folder, *parts))

    # -- the book, its plans, its chapters

    def save_book(self, book: Book) -> None:
        """Saves a book; its cover lies beside book.json as it was in the EPUB."""
        body = asdict(replace(book, cover=None))
        if book.cover:
            body["cover"] = {"media_type": book.cover.media_type, "sha256": _sha256(book.cover.data)}
            self.library.write_bytes(self.path("cover"), book.cover.data)
        self.library.write_bytes(self.path("book.json"), sealed.write_json(BOOK, body))

    def load_book(self) -> Book:
        body = self._json(BOOK, "book.json")
        cover = body.pop("cover")
        book = _build(Book, body, self.library.url(self.path("book.json")))
        if cover is None:
            return book
        data = self.library.read_bytes(self.path("cover"))
        if _sha256(data) != cover["sha256"]:
            raise EvidenceDamaged(f"{self.library.url(self.path('cover'))} was altered.", sealed.REMEDY)
        return replace(book, cover=Cover(cover["media_type"], data))

    def plan_path(self, digest: str) -> str:
        return self.path(f"plan-{digest[:8]}.parquet")

    def save_plan(self, plan: Plan) -> None:
        table = pa.Table.from_pylist([asdict(chunk) for chunk in plan.chunks], schema=PLAN_SCHEMA)
        data = sealed.write_table(PLAN, table, digest=plan.digest, range_size=str(plan.range_size))
        self.library.write_bytes(self.plan_path(plan.digest), data)

    def load_plan(self, digest: str) -> Plan:
        """Loads the plan with this digest; eight digits are enough."""
        path = self.plan_path(digest)
        where = self.library.url(path)
        table, notes = sealed.read_table(PLAN, self.library.read_bytes(path), where)
        if not notes["digest"].startswith(digest):
            raise EvidenceDamaged(f"{where} is plan {notes['digest']}, not {digest}.", sealed.REMEDY)
        chunks = _build(tuple[Chunk, ...], table.to_pylist(), where)
        return Plan(notes["digest"], chunks, int(notes["range_size"]))

    def plan_table(self) -> pa.Table:
        """The chunks of every plan of this book; the column `plan` says which."""
        tables = [PLAN_SCHEMA.append(pa.field("plan", pa.string())).empty_table()]
        for path in self.library.list(self.folder):
            if re.fullmatch(r"plan-[0-9a-f]{8}\.parquet", path.removeprefix(f"{self.folder}/")):
                table, notes = sealed.read_table(PLAN, self.library.read_bytes(path), self.library.url(path))
                tables.append(table.append_column("plan", pa.array([notes["digest"][:8]] * len(table), pa.string())))
        return pa.concat_tables(tables)

    def save_timeline(self, digest: str, timeline: Timeline) -> None:
        """Saves a chapter's cue sheet under the digest of what it was made from."""
        self.library.write_bytes(self._timeline_path(digest), sealed.write_json(TIMELINE, asdict(timeline)))

    def load_timeline(self, digest: str) -> Timeline:
        path = self._timeline_path(digest)
        body = sealed.read_json(TIMELINE, self.library.read_bytes(path), self.library.url(path))
        return _build(Timeline, body, self.library.url(path))

    def _timeline_path(self, digest: str) -> str:
        return self.path("chapters", f"{digest[:16]}.json")

    def _json(self, kind: str, name: str) -> dict[str, Any]:
        path = self.path(name)
        return sealed.read_json(kind, self.library.read_bytes(path), self.library.url(path))

    # -- evidence and editions

    def evidence_path(
        self, round_number: int, stage: str, keys: Sequence[str], chunk_range: ChunkRange | None = None
    ) -> str:
        """Where a stage's evidence over these takes lies: `evidence/round-0/00001-00032-<digest8>.<stage>.parquet`.

        The digest of the keys is in the name because the same range of the same book has other takes with another
        voice, another lexicon or an edited text, and evidence is never replaced.
        """
        digest8 = recipe.digest(list(keys))[:8]
        name = f"{chunk_range}-{digest8}" if chunk_range else digest8
        return self.path("evidence", f"round-{round_number}", f"{name}.{stage}.parquet")

    def edition_path(self, number: int, name: str) -> str:
        return self.path("editions", f"{number:04d}", name)

    def editions(self) -> list[int]:
        """The numbers of the published editions: those whose manifest is written."""
        folders = (int(name) for name in self.library.folders(self.path("editions")) if name.isdecimal())
        return sorted(n for n in folders if self.library.exists(self.edition_path(n, "manifest.json")))

    def latest_edition(self) -> int | None:
        return max(self.editions(), default=None)

    def next_edition(self) -> int:
        """One more than the latest; a folder that a killed run left without a manifest is used again."""
        return (self.latest_edition() or 0) + 1

    def save_chunks(self, number: int, table: pa.Table) -> None:
        """Saves chunks.parquet of an edition: one row a chunk, the accepted take."""
        self.library.write_bytes(self.edition_path(number, "chunks.parquet"), sealed.write_table(CHUNKS, table))

    def chunks_table(self) -> pa.Table | None:
        """The chunks of the latest edition; None before the first."""
        number = self.latest_edition()
        if number is None:
            return None
        path = self.edition_path(number, "chunks.parquet")
        return sealed.read_table(CHUNKS, self.library.read_bytes(path), self.library.url(path))[0]


T = TypeVar("T")


def _build(kind: type[T], body: object, where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(body)
    except ValidationError as error:
        raise EvidenceDamaged(f"{where} does not have the fields of a {kind}.", sealed.REMEDY) from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
