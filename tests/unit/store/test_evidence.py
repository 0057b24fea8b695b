from __future__ import annotations

import dataclasses
import typing
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.store import evidence, sealed
from rhapsode.store.evidence import SCHEMA, TakeRow, read_evidence, read_rows, write_rows
from rhapsode.store.library import Library, open_library

from .conftest import make_row

ARROW = {str: pa.string(), float: pa.float64(), bool: pa.bool_(), datetime: pa.timestamp("us", tz="UTC")}
PATH = "evidence/round-0/00001-00032.synthesize.parquet"


def test_row_and_schema_agree_field_for_field() -> None:
    hints = typing.get_type_hints(TakeRow)
    assert list(hints) == SCHEMA.names
    for field in SCHEMA:
        hint = hints[field.name]
        assert field.nullable == (type(None) in typing.get_args(hint)), field.name
        plain = next((t for t in typing.get_args(hint) if t is not type(None)), hint)
        assert pa.types.is_integer(field.type) if plain is int else field.type == ARROW[plain], field.name
    assert SCHEMA.field("seed").type == pa.uint64()


def _values(field: pa.Field) -> st.SearchStrategy[Any]:
    if pa.types.is_unsigned_integer(field.type):
        values: st.SearchStrategy[Any] = st.integers(0, 2**64 - 1)
    elif pa.types.is_integer(field.type):
        values = st.integers(-(2 ** (field.type.bit_width - 1)), 2 ** (field.type.bit_width - 1) - 1)
    elif pa.types.is_floating(field.type):
        values = st.floats(allow_nan=False)
    elif pa.types.is_boolean(field.type):
        values = st.booleans()
    elif pa.types.is_timestamp(field.type):
        values = st.datetimes(timezones=st.just(UTC))
    else:
        values = st.text()
    return st.none() | values if field.nullable else values


ROWS = st.lists(st.builds(TakeRow, **{field.name: _values(field) for field in SCHEMA}), max_size=3)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_rows_come_back_without_loss(rows: list[TakeRow]) -> None:
    library = open_library("memory://rows")
    library.delete(PATH)
    write_rows(library, PATH, rows)
    assert read_rows(library, PATH) == rows


def test_evidence_is_written_once(library: Library) -> None:
    rows = [make_row(1), make_row(2)]
    write_rows(library, PATH, rows)
    data = library.read_bytes(PATH)
    later = [dataclasses.replace(row, elapsed_s=9.0, host="there", reused=True) for row in reversed(rows)]
    write_rows(library, PATH, later)
    assert library.read_bytes(PATH) == data


@pytest.mark.parametrize("changed", [{"sha256": "b" * 64}, {"key": "b" * 64}, {"chunk": 3}, {"take": 2}])
def test_evidence_that_tells_another_story_is_refused(changed: dict[str, Any], library: Library) -> None:
    write_rows(library, PATH, [make_row(1)])
    with pytest.raises(EvidenceDamaged, match="other takes") as error:
        write_rows(library, PATH, [make_row(**{"chunk": 1, **changed})])
    assert PATH in str(error.value)
    assert read_rows(library, PATH) == [make_row(1)]


def test_all_takes_of_a_book_in_one_order(library: Library) -> None:
    folder = "books/b"
    expected = [make_row(chunk, round=number) for number in (0, 1, 2, 10) for chunk in (1, 2, 33)]
    for row in reversed(expected):
        write_rows(library, f"{folder}/evidence/r/round-{row.round}/{row.chunk}.synthesize.parquet", [row])
    write_rows(library, f"{folder}/evidence/r/round-0/x.failed.parquet", [make_row(5, error="no")])
    write_rows(library, "books/b-2/evidence/r/round-0/1.synthesize.parquet", [make_row(6)])
    assert read_evidence(library, folder) == expected
    assert read_evidence(library, "books/none") == []


def test_what_is_missing_or_damaged_is_named(library: Library) -> None:
    with pytest.raises(NotInLibrary, match="00001-00032"):
        read_rows(library, PATH)
    write_rows(library, PATH, [make_row()])
    data = library.read_bytes(PATH)
    for bad in (data[: len(data) // 2], data[:-1], b"", b"PAR1" + bytes(100) + b"PAR1"):
        library.write_bytes(PATH, bad)
        with pytest.raises(EvidenceDamaged, match="00001-00032") as error:
            read_rows(library, PATH)
        assert error.value.remedy
        with pytest.raises(EvidenceDamaged, match="00001-00032"):
            write_rows(library, PATH, [make_row()])


def test_another_version_is_refused_by_name(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(evidence, "KIND", "evidence/2")
        write_rows(library, PATH, [make_row()])
    with pytest.raises(EvidenceDamaged, match=r"evidence/2; this version of Rhapsode reads evidence/1"):
        read_rows(library, PATH)


def test_other_columns_are_refused(library: Library) -> None:
    table = evidence.as_table([make_row()]).drop_columns(["seed"])
    library.write_bytes(PATH, sealed.write_table("evidence/1", table))
    with pytest.raises(EvidenceDamaged, match="columns"):
        read_rows(library, PATH)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_harmless_or_found(data: st.DataObject) -> None:
    library = open_library("memory://evidence-flips")
    rows = [make_row(1), make_row(2)]
    write_rows(library, PATH, rows)
    bad = bytearray(library.read_bytes(PATH))
    bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    library.write_bytes("bad", bytes(bad))
    with suppress(EvidenceDamaged):
        assert read_rows(library, "bad") == rows
