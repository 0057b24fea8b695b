"""The editions of a book: `<shelf>/editions/0001/...`, numbered from 1, never changed once published.

An edition exists when its manifest does: it is written last, and only if there is none. Before that a claim says which
content is being published under the number, and by which encoder. Whoever would write the same files shares the claim;
whoever would write others takes the next number, so that nobody who is late changes what is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from rhapsode.errors import EvidenceDamaged, LibraryUnreachable, NotInLibrary
from rhapsode.model import Flaw, GateReport, Timeline
from rhapsode.settings import AudioSettings
from rhapsode.store import sealed
from rhapsode.store.evidence import SCHEMA, TakeRow, as_table
from rhapsode.store.shelf import Shelf

EDITION, CHUNKS = "edition/1", "chunks/1"
CHUNKS_SCHEMA = SCHEMA.append(pa.field("book_start_s", pa.float64(), nullable=False)).append(
    pa.field("book_end_s", pa.float64(), nullable=False)
)


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of an edition. `sha256` is that of its bytes."""

    name: str
    size_bytes: int
    sha256: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class PublishedChapter:
    number: int
    title: str
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Edition:
    """What a manifest says.

    Attributes:
        content: Digest of what is said and how it is encoded; equal contents are the same edition.
        reading, accepted: Where the evidence lies, and which takes went in.
        loudness_lufs, true_peak_dbtp: Measured on the finished files.
        limited_by_peak: The ceiling kept the book quieter than the loudness that was asked for.
        exceptions: Chunks that no take is good of, named.
        gate: What was checked before the book was published; None in editions of before there was a gate.
    """

    number: int
    content: str
    reading: str
    accepted: str
    title: str
    files: tuple[PublishedFile, ...]
    chapters: tuple[PublishedChapter, ...]
    audio: AudioSettings
    duration_s: float
    gain_db: float
    loudness_lufs: float
    true_peak_dbtp: float
    limited_by_peak: bool
    published_at: datetime
    version: str
    exceptions: tuple[Flaw, ...] = ()
    gate: GateReport | None = None


_EDITION = TypeAdapter(Edition)  # built once: it takes longer than to read a manifest


def edition_path(shelf: Shelf, number: int, name: str) -> str:
    return shelf.path("editions", f"{number:04d}", name)


def claim_edition(shelf: Shelf, number: int, files: str) -> bool:
    """Whether these files (a digest of what decides their bytes) may be published under this number.

    They may if nobody claimed it, or whoever did would write the same ones.
    """
    path = edition_path(shelf, number, "claim")
    return shelf.library.claim_bytes(path, files.encode()) or shelf.library.read_bytes(path) == files.encode()


def save_edition(shelf: Shelf, edition: Edition) -> Edition:
    """Writes the manifest: from now on the edition exists. If it does already, that one is returned.

    Raises:
        LibraryUnreachable: Another content was published under its number, whoever had claimed it.
    """
    body = _EDITION.dump_python(edition, mode="json")
    path = edition_path(shelf, edition.number, "manifest.json")
    if shelf.library.claim_bytes(path, sealed.write_json(EDITION, body)):
        return edition
    published = load_edition(shelf, edition.number)
    if published is None or published.content != edition.content:
        raise LibraryUnreachable(
            f"{shelf.library.url(path)} was written by somebody else meanwhile, with another content.",
            "See that the store shows what was written before it is asked. Run again: another number is taken.",
        )
    return published


def load_edition(shelf: Shelf, number: int) -> Edition | None:
    """The edition with this number; None if it is not published.

    Raises:
        EvidenceDamaged: Its manifest cannot be read.
    """
    path = edition_path(shelf, number, "manifest.json")
    where = shelf.library.url(path)
    try:
        body = shelf.library.read(path, lambda data: sealed.read_json(EDITION, data, where))
        return _EDITION.validate_python(body)
    except NotInLibrary:
        return None
    except ValidationError as error:
        raise EvidenceDamaged(f"{where} does not have the fields of an edition.", sealed.REMEDY) from error


def latest_edition(shelf: Shelf) -> Edition | None:
    """The published edition with the highest number."""
    names = (name for name in shelf.library.folders(shelf.path("editions")) if name.isdecimal())
    for number in sorted(map(int, names), reverse=True):
        if edition := load_edition(shelf, number):
            return edition
    return None


def save_chunks(shelf: Shelf, number: int, rows: Sequence[TakeRow], timelines: Sequence[Timeline]) -> None:
    """Saves chunks.parquet: the accepted take of each chunk and where it is heard, in seconds of the whole book."""
    starts: dict[int, tuple[float, float]] = {}
    offset = 0
    for timeline in timelines:
        for placed in timeline.placed:
            start = offset + placed.start
            end = start + placed.trim_end - placed.trim_start
            starts[placed.number] = (start / timeline.sample_rate_hz, end / timeline.sample_rate_hz)
        offset += timeline.length
    table = as_table(rows)
    for index, name in enumerate(("book_start_s", "book_end_s")):
        seconds = pa.array([starts[row.chunk][index] for row in rows], pa.float64())
        table = table.append_column(CHUNKS_SCHEMA.field(name), seconds)
    path = edition_path(shelf, number, "chunks.parquet")
    shelf.library.write_bytes(path, sealed.write_table(CHUNKS, table))


def load_chunks(shelf: Shelf, number: int) -> pa.Table:
    """chunks.parquet of an edition, columns as in `CHUNKS_SCHEMA`."""
    path = edition_path(shelf, number, "chunks.parquet")
    where = shelf.library.url(path)
    return shelf.library.read(path, lambda data: sealed.read_table(CHUNKS, data, where))[0]
