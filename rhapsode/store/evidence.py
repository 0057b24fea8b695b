"""The evidence: one row a take, in append-only, immutable Parquet files.

    TakeRow(book=..., chapter=..., ...)                       mirrors SCHEMA, field for field
    write_rows(library, path: str, rows: Sequence[TakeRow]) -> None
    read_rows(library, path: str) -> list[TakeRow]
    read_evidence(library, folder: str) -> list[TakeRow]      all rows of takes below `folder`, e.g. Shelf.folder
    as_table(rows: Sequence[TakeRow]) -> pa.Table

Where the files lie is said by readings.py; SQL over them is in sql.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rhapsode.errors import EvidenceDamaged
from rhapsode.store import sealed
from rhapsode.store.library import Library

EVIDENCE_VERSION = 1
KIND = f"evidence/{EVIDENCE_VERSION}"
TAKES, FAILURES = ".synthesize.parquet", ".failed.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRow:
    """One attempt at one chunk: what was asked, on what it was made, what came out.

    Attributes:
        book: Name of the book's folder.
        range: Name of the job: a range of the plan ("00001-00032"), later the digest of a set of chunks.
        round: 0, or the rung of the ladder.
        words, characters: Of `source` and of `spoken`.
        sampling, libraries: JSON objects.
        token_count: 0 for engines that make waveforms.
        legal_mass: The least probability, 0 to 1, that the model gave to what was legal to say next, of those sampled;
            a healthy model is near 1. None for engines that make waveforms.
        rms_dbfs, peak_dbfs, leading_silence_s, trailing_silence_s: None where there is nothing to measure.
        elapsed_s: Wall clock of the engine.
        speed: duration_s / elapsed_s, "times real time".
        sha256: Digest of the decoded samples.
        reused: The object was in the library already; elapsed_s, started_at and host are those of its making.
        error: Why there is no take; then what only a take has is empty, 0 or None.
        started_at: With a time zone; kept as UTC, in microseconds.
    """

    book: str
    chapter: int
    chunk: int
    key: str
    range: str
    round: int
    take: int
    source: str
    spoken: str
    words: int
    characters: int
    char_start: int
    char_end: int
    boundary: str
    voice: str
    engine: str
    weights_digest: str
    precision: str
    recipe_version: int
    sampling: str
    seed: int
    slots: int
    threads: int
    finish_reason: str
    token_count: int
    legal_mass: float | None
    duration_s: float
    sample_rate_hz: int
    rms_dbfs: float | None
    peak_dbfs: float | None
    leading_silence_s: float | None
    trailing_silence_s: float | None
    elapsed_s: float
    speed: float
    sha256: str
    reused: bool
    error: str | None
    started_at: datetime
    host: str
    libraries: str


SCHEMA = pa.schema(
    [
        pa.field("book", pa.string(), nullable=False),
        pa.field("chapter", pa.int32(), nullable=False),
        pa.field("chunk", pa.int32(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("range", pa.string(), nullable=False),
        pa.field("round", pa.int32(), nullable=False),
        pa.field("take", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("spoken", pa.string(), nullable=False),
        pa.field("words", pa.int32(), nullable=False),
        pa.field("characters", pa.int32(), nullable=False),
        pa.field("char_start", pa.int64(), nullable=False),
        pa.field("char_end", pa.int64(), nullable=False),
        pa.field("boundary", pa.string(), nullable=False),
        pa.field("voice", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("weights_digest", pa.string(), nullable=False),
        pa.field("precision", pa.string(), nullable=False),
        pa.field("recipe_version", pa.int32(), nullable=False),
        pa.field("sampling", pa.string(), nullable=False),
        pa.field("seed", pa.uint64(), nullable=False),
        pa.field("slots", pa.int32(), nullable=False),
        pa.field("threads", pa.int32(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("token_count", pa.int32(), nullable=False),
        pa.field("legal_mass", pa.float64()),
        pa.field("duration_s", pa.float64(), nullable=False),
        pa.field("sample_rate_hz", pa.int32(), nullable=False),
        pa.field("rms_dbfs", pa.float64()),
        pa.field("peak_dbfs", pa.float64()),
        pa.field("leading_silence_s", pa.float64()),
        pa.field("trailing_silence_s", pa.float64()),
        pa.field("elapsed_s", pa.float64(), nullable=False),
        pa.field("speed", pa.float64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("reused", pa.bool_(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("started_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("libraries", pa.string(), nullable=False),
    ]
)


def write_rows(library: Library, path: str, rows: Sequence[TakeRow]) -> None:
    """Writes an evidence file once.

    If the file is there already it stays as it is: a rerun tells the same story with other clocks.

    Raises:
        EvidenceDamaged: The file that is there tells of other takes or other samples, or cannot be read.
    """
    if library.create_bytes(path, sealed.write_table(KIND, as_table(rows))):
        return
    if _story(read_rows(library, path)) != _story(rows):
        raise EvidenceDamaged(f"{library.url(path)} tells of other takes than this run made.", sealed.REMEDY)


def read_rows(library: Library, path: str) -> list[TakeRow]:
    """Reads one evidence file.

    Raises:
        NotInLibrary: There is no such file.
        EvidenceDamaged: It is torn, altered, or of another version.
    """
    return [TakeRow(**row) for row in sealed.rows_of(read_table(library, path))]


def read_evidence(library: Library, folder: str) -> list[TakeRow]:
    """All takes below a folder, ordered by round, chunk, take and key."""
    rows = [row for path in library.list(folder) if path.endswith(TAKES) for row in read_rows(library, path)]
    return sorted(rows, key=lambda row: (row.round, row.chunk, row.take, row.key))


def as_table(rows: Sequence[TakeRow]) -> pa.Table:
    # By columns: `asdict` would copy each row, which takes ten times as long.
    return pa.Table.from_pydict({name: [getattr(row, name) for row in rows] for name in SCHEMA.names}, schema=SCHEMA)


def read_table(library: Library, path: str) -> pa.Table:
    where = library.url(path)
    table, _ = library.read(path, lambda data: sealed.read_table(KIND, data, where))
    if not table.schema.equals(SCHEMA):
        raise EvidenceDamaged(f"{where} does not have the columns of {KIND}.", sealed.REMEDY)
    return table


def _story(rows: Sequence[TakeRow]) -> list[tuple[object, ...]]:
    return sorted((row.chunk, row.round, row.take, row.key, row.sha256) for row in rows)
