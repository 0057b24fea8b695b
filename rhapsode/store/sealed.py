"""Canonical JSON and Parquet that prove on reading that they are whole.

    write_json(kind: str, body: dict) -> bytes                  the same body gives the same bytes
    read_json(kind: str, data: bytes, where: str) -> dict
    unseal(data: bytes, where: str) -> tuple[kind, body]        whole, of whatever kind
    expect(kind: str, found: str, where: str) -> None
    write_table(kind: str, table: pa.Table, **notes: str) -> bytes
    read_table(kind: str, data: bytes, where: str) -> tuple[pa.Table, dict[str, str]]
    read_columns(kind, data: bytes, where: str, columns) -> tuple[pa.Table, dict[str, str]]    quick: without the seal
    rows_of(table: pa.Table) -> Iterator[dict]

`kind` names the format and its version ("book/1"); a file of another kind is refused. Each file carries a seal, the
sha256 of what it says. Parquet has page checksums of its own, but none over its footer; the seal is taken over the
rows, so it does not depend on how a version of Arrow lays them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rhapsode.errors import EvidenceDamaged

ROWS = 256  # handled at a time
KIND, SEAL, NOTES = b"rhapsode.kind", b"rhapsode.seal", b"rhapsode.notes"
REMEDY = "Move the file away and run again: it will be made anew."


def write_json(kind: str, body: dict[str, Any]) -> bytes:
    sealed = json.loads(_canonical({**body, "kind": kind}))  # as it will be read: keys are text, tuples are lists
    return _canonical({**sealed, "seal": _digest(sealed)})


def read_json(kind: str, data: bytes, where: str) -> dict[str, Any]:
    """Returns the body that was written.

    Raises:
        EvidenceDamaged: Torn, altered, or of another kind; `where` names it.
    """
    found, body = unseal(data, where)
    expect(kind, found, where)
    return body


def unseal(data: bytes, where: str) -> tuple[str, dict[str, Any]]:
    """Returns the kind and the body of a JSON file that is whole.

    Raises:
        EvidenceDamaged: Torn or altered; `where` names it.
    """
    try:
        sealed = json.loads(data)
        _check(sealed.pop("seal"), _digest(sealed), where)
        return sealed.pop("kind"), sealed
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise EvidenceDamaged(f"{where} is torn or no file of Rhapsode's.", REMEDY) from error


def expect(kind: str, found: str, where: str) -> None:
    """Refuses a whole file of another kind: it may be precious to another version, so it is never removed."""
    if found != kind:
        raise EvidenceDamaged(
            f"{where} is of kind {found}; this version of Rhapsode reads {kind}.",
            "Use the version that wrote it, or another library.",
        )


def write_table(kind: str, table: pa.Table, **notes: str) -> bytes:
    """A table as Parquet (zstd); `notes` are kept in the file's metadata."""
    metadata = {
        KIND: kind.encode(),
        NOTES: _canonical(notes),
        SEAL: _digest_of_rows(kind, table, notes).encode(),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def read_table(kind: str, data: bytes, where: str) -> tuple[pa.Table, dict[str, str]]:
    """Returns the rows and the notes.

    Raises:
        EvidenceDamaged: Torn, altered, or of another kind; `where` names it.
    """
    try:
        table = _parquet(data).read(use_threads=False)
        metadata = table.schema.metadata
        found, seal, notes = metadata[KIND].decode(), metadata[SEAL].decode(), json.loads(metadata[NOTES])
        _check(seal, _digest_of_rows(found, table, notes), where)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise EvidenceDamaged(f"{where} is torn or no file of Rhapsode's.", REMEDY) from error
    expect(kind, found, where)
    return table.replace_schema_metadata(None), notes


def read_columns(kind: str, data: bytes, where: str, columns: Sequence[str]) -> tuple[pa.Table, dict[str, str]]:
    """Returns some columns and the notes, for whoever counts many files: the pages are checked, the seal is not.

    `clean` goes by it, so the footer is checked as far as it can lie: about a type, and about how many rows there are.

    Raises:
        EvidenceDamaged: Torn, of another kind, or without these columns; `where` names it.
    """
    try:
        file = _parquet(data)
        table = file.read(columns=list(columns), use_threads=False).select(list(columns))
        found, notes = table.schema.metadata[KIND].decode(), json.loads(table.schema.metadata[NOTES])
        if len(table) != file.metadata.num_rows or pa.binary() in table.schema.types:  # no table of ours has bytes
            raise ValueError("the footer is not that of these pages")
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise EvidenceDamaged(f"{where} is torn or no file of Rhapsode's.", REMEDY) from error
    expect(kind, found, where)
    return table.replace_schema_metadata(None), notes


def _parquet(data: bytes) -> pq.ParquetFile:
    """To be read with `use_threads=False`, in the caller's own thread; a first `pq.read_table` takes ten times as long.

    It reads in threads of Arrow's, too, and one of them may be the last to hold `data`. If it lets go while Python
    ends, CPython before 3.14 ends that thread in the middle of a destructor, and the process aborts ("terminate called
    without an active exception") after all its work is done.
    """
    return pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)


def _check(seal: str, digest: str, where: str) -> None:
    if seal != digest:
        raise EvidenceDamaged(f"{where} was altered: its seal does not fit.", REMEDY)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_moment).encode()


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a file of Rhapsode's")


def _digest(value: object) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows as dicts, a few at a time: as dicts they take many times the memory of the table."""
    for batch in table.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()


def _digest_of_rows(kind: str, table: pa.Table, notes: dict[str, str]) -> str:
    """`_digest([kind, notes, column names, rows])`, without all rows as one text."""
    sha256 = hashlib.sha256(_canonical([kind, notes, table.column_names])[:-1] + b",[")
    for number, row in enumerate(rows_of(table)):
        sha256.update(b"," * (number > 0) + _canonical(row))
    sha256.update(b"]]")
    return sha256.hexdigest()
