"""What was heard of a take: beside its audio, `objects/<k[:2]>/<k>.<recogniser8>.heard.json`, and in the evidence.

    put_heard(library, key: str, sha256: str, measures: Measures) -> None
    find_heard(library, key: str, sha256: str, recogniser: str) -> Measures | None
    HeardRow(chunk=..., take=..., measures=...)                                 one row a take of a job
    write_heard(library, path: str, rows: Sequence[HeardRow]) -> None
    read_heard(library, path: str) -> list[HeardRow]

Listening is dear, so what was heard of an object is kept at once under its key: a kill loses one take of it, and it
serves every book that says the same. The evidence of a job is written when the whole job is measured.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import Measures, ShapeMeasures, SignalMeasures, TokenMeasures, Transcript
from rhapsode.recipe import digest
from rhapsode.store import sealed
from rhapsode.store.library import Library

HEARD = ".verify.parquet"
MEASURES_VERSION = 1
"""Bumped when the same audio is measured or heard otherwise."""
HEARINGS = "heard/"
KIND = f"{HEARINGS}{MEASURES_VERSION}"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardRow:
    """What was measured of the take of one chunk.

    Attributes:
        text: What the take was to say.
        sha256: Digest of the samples that were measured.
    """

    chapter: int
    chunk: int
    round: int
    take: int
    key: str
    sha256: str
    text: str
    measures: Measures


_MEASURES = TypeAdapter(Measures)
_ROW = TypeAdapter(HeardRow)


def _struct(kind: type) -> pa.DataType:
    """The columns of a dataclass of numbers and texts, as one column."""
    types = {"int": pa.int64(), "float": pa.float64(), "float | None": pa.float64(), "str": pa.string()}
    return pa.struct([pa.field(each.name, types[str(each.type)]) for each in fields(kind)])


SCHEMA = pa.schema(
    [
        pa.field("chapter", pa.int32(), nullable=False),
        pa.field("chunk", pa.int32(), nullable=False),
        pa.field("round", pa.int32(), nullable=False),
        pa.field("take", pa.int32(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("finish", pa.string(), nullable=False),
        pa.field("signal", _struct(SignalMeasures), nullable=False),
        pa.field("shape", _struct(ShapeMeasures), nullable=False),
        pa.field("tokens", _struct(TokenMeasures)),
        pa.field("transcript", _struct(Transcript)),
        pa.field("voice", pa.list_(pa.float64())),
        pa.field("second", _struct(Transcript)),  # not in files from before there were second opinions
    ]
)


def put_heard(library: Library, key: str, sha256: str, measures: Measures) -> None:
    """Keeps what was heard of an object; `measures.transcript` says by whom.

    Each recogniser's opinion lies in a file of its own: what is heard does not tell who else was asked.
    """
    assert measures.transcript is not None, "nobody has listened"
    assert measures.second is None, "a second opinion is kept apart"
    path = _path(key, measures.transcript.recogniser)
    body = {"sha256": sha256, "measures": asdict(measures)}
    data = sealed.write_json(KIND, body)
    if (
        not library.create_bytes(path, data, synced=False)
        and find_heard(library, key, sha256, measures.transcript.recogniser) is None
    ):
        library.write_bytes(path, data)


def find_heard(library: Library, key: str, sha256: str, recogniser: str) -> Measures | None:
    """What was heard of these samples by this recogniser.

    None: nothing, or by another version, or it cannot be read, which the log says.
    """
    path = _path(key, recogniser)
    where = library.url(path)
    try:
        kind, body = library.read(path, lambda data: sealed.unseal(data, where))
        if kind != KIND and kind.startswith(HEARINGS):
            return None
        sealed.expect(KIND, kind, where)
        return _MEASURES.validate_python(body["measures"]) if body["sha256"] == sha256 else None
    except NotInLibrary:
        return None
    except (EvidenceDamaged, ValidationError) as damage:
        log.warning("%s cannot be used, so the take is listened to again: %s", where, damage)
        return None


def write_heard(library: Library, path: str, rows: Sequence[HeardRow]) -> None:
    """Writes the evidence of a job once; measuring is a function of the samples, so what is there already is the same.

    Raises:
        EvidenceDamaged: What is there was measured of other takes, or cannot be read.
    """
    records = [{**_flat(row), **asdict(row.measures)} for row in rows]
    if not library.create_bytes(path, sealed.write_table(KIND, pa.Table.from_pylist(records, schema=SCHEMA))):
        there = [(row.chunk, row.take, row.sha256) for row in read_heard(library, path)]
        if there != [(row.chunk, row.take, row.sha256) for row in rows]:
            raise EvidenceDamaged(f"{library.url(path)} was measured of other takes.", sealed.REMEDY)


def read_heard(library: Library, path: str) -> list[HeardRow]:
    """Reads the evidence of one job.

    Raises:
        NotInLibrary: There is no such file.
        EvidenceDamaged: It is torn, altered, or of another version.
    """
    return [_ROW.validate_python({**row, "measures": row}) for row in sealed.rows_of(read_table(library, path))]


def read_table(library: Library, path: str) -> pa.Table:
    """The same as a table, columns as in `SCHEMA`."""
    where = library.url(path)
    table, _ = library.read(path, lambda data: sealed.read_table(KIND, data, where))
    if table.column_names == SCHEMA.names[:-1]:
        table = table.append_column(SCHEMA.field("second"), pa.nulls(len(table), SCHEMA.field("second").type))
    if not table.schema.equals(SCHEMA):
        raise EvidenceDamaged(f"{where} does not have the columns of {KIND}.", sealed.REMEDY)
    return table


def _flat(row: HeardRow) -> dict[str, object]:
    return {each.name: getattr(row, each.name) for each in fields(row) if each.name != "measures"}


def _path(key: str, recogniser: str) -> str:
    return f"objects/{key[:2]}/{key}.{digest(recogniser)[:8]}.heard.json"
