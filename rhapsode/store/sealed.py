"""Canonical JSON and Parquet that prove on reading that they are whole.

    write_json(kind: str, body: dict) -> bytes                  the same body gives the same bytes
    read_json(kind: str, data: bytes, where: str) -> dict
    write_table(kind: str, table: pa.Table, **notes: str) -> bytes
    read_table(kind: str, data: bytes, where: str) -> tuple[pa.Table, dict[str, str]]

`kind` names the format and its version ("book/1"); a file of another kind is refused. Each file carries a seal, the
sha256 of what it says. Parquet has page checksums of its own, but none over its footer; the seal is taken over the
rows, so it does not depend on how a version of Arrow lays them out.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rhapsode.errors import EvidenceDamaged

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
    try:
        sealed = json.loads(data)
        seal, found = sealed.pop("seal"), sealed.pop("kind")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise EvidenceDamaged(f"{where} is torn or no file of Rhapsode's.", REMEDY) from error
    _check(kind, found, seal == _digest({**sealed, "kind": found}), where)
    return dict(sealed)


def write_table(kind: str, table: pa.Table, **notes: str) -> bytes:
    """A table as Parquet (zstd); `notes` are kept in the file's metadata."""
    metadata = {
        KIND: kind.encode(),
        NOTES: _canonical(notes),
        SEAL: _digest_of_rows(table, notes).encode(),
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
        table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
        metadata = table.schema.metadata
        found, seal, notes = metadata[KIND].decode(), metadata[SEAL].decode(), json.loads(metadata[NOTES])
        whole = seal == _digest_of_rows(table, notes)
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise EvidenceDamaged(f"{where} is torn or no file of Rhapsode's.", REMEDY) from error
    _check(kind, found, whole, where)
    return table.replace_schema_metadata(None), notes


def _check(kind: str, found: object, whole: bool, where: str) -> None:
    if not whole:
        raise EvidenceDamaged(f"{where} was altered: its seal does not fit.", REMEDY)
    if found != kind:
        raise EvidenceDamaged(
            f"{where} is of kind {found}; this version of Rhapsode reads {kind}.",
            "Use the version that wrote it, or a library of its own.",
        )


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_moment).encode()


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a file of Rhapsode's")


def _digest(value: object) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def _digest_of_rows(table: pa.Table, notes: dict[str, str]) -> str:
    return _digest([table.column_names, table.to_pylist(), notes])
