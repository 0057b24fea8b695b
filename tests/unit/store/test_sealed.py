from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rhapsode.errors import EvidenceDamaged
from rhapsode.store import sealed

BODY = {"b": [1, 2.5, None, True], "a": {"ü": "灯"}}
TABLE = pa.table({"n": [1, 2], "text": ["one", None], "at": [datetime(2030, 1, 2, tzinfo=UTC), None]})


def test_json_is_canonical() -> None:
    data = sealed.write_json("thing/1", BODY)
    assert data == sealed.write_json("thing/1", {"a": {"ü": "灯"}, "b": [1, 2.5, None, True]})
    assert data.startswith('{"a":{"ü":"灯"},"b":[1,2.5,null,true],"kind":"thing/1","seal":"'.encode())
    assert sealed.read_json("thing/1", data, "here") == BODY


def test_json_keeps_numbers_as_keys_and_tuples() -> None:
    """As text and lists: ten sorts before nine, and the seal must not depend on which it was."""
    data = sealed.write_json("thing/1", {"t": (1, 2), "h": {-23.1: 4, -7.0: 2, float("-inf"): 1, 10: 0, 9: 0}})
    body = sealed.read_json("thing/1", data, "here")
    assert body["t"] == [1, 2]
    assert {float(key): count for key, count in body["h"].items()} == {-23.1: 4, -7.0: 2, float("-inf"): 1, 10: 0, 9: 0}


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="no place"):
        sealed.write_json("thing/1", {"path": Path("x")})


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"kind":"thing/1"}', b"\xff\xfe", b"[" * 99_999]
)
def test_json_that_is_none_of_ours(data: bytes) -> None:
    with pytest.raises(EvidenceDamaged, match="here is torn or no file of Rhapsode's") as error:
        sealed.read_json("thing/1", data, "here")
    assert error.value.remedy


def test_any_altered_byte_of_json_is_found() -> None:
    data = sealed.write_json("thing/1", BODY)
    for at in range(len(data)):
        for flip in (1, 32):
            bad = bytearray(data)
            bad[at] ^= flip
            with pytest.raises(EvidenceDamaged):
                sealed.read_json("thing/1", bytes(bad), "here")
        with pytest.raises(EvidenceDamaged):
            sealed.read_json("thing/1", data[:at], "here")


def test_a_table_comes_back_with_its_notes() -> None:
    table, notes = sealed.read_table("table/1", sealed.write_table("table/1", TABLE, digest="d"), "here")
    assert table.equals(TABLE)
    assert notes == {"digest": "d"}
    assert sealed.read_table("table/1", sealed.write_table("table/1", TABLE.slice(0, 0)), "here")[0].num_rows == 0


def test_another_kind_is_refused_by_name() -> None:
    data = sealed.write_table("table/2", TABLE)
    with pytest.raises(EvidenceDamaged, match=r"here is of kind table/2; this version of Rhapsode reads table/1"):
        sealed.read_table("table/1", data, "here")
    with pytest.raises(EvidenceDamaged, match="thing/2"):
        sealed.read_json("thing/1", sealed.write_json("thing/2", BODY), "here")


@pytest.mark.parametrize("how", ["torn", "empty", "text", "foreign", "rows", "kind", "notes", "columns"])
def test_a_table_that_is_not_whole_is_found(how: str) -> None:
    data = sealed.write_table("table/1", TABLE)
    metadata = dict(pq.read_table(pa.BufferReader(data)).schema.metadata)

    def forged(table: pa.Table, **changed: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        replaced = {**metadata, **{f"rhapsode.{name}".encode(): value for name, value in changed.items()}}
        pq.write_table(table.replace_schema_metadata(replaced), sink)
        return bytes(sink.getvalue())

    plain = pa.BufferOutputStream()
    pq.write_table(TABLE, plain)
    bad = {
        "torn": data[:-20],
        "empty": b"",
        "text": b"number,text\n1,one\n",
        "foreign": bytes(plain.getvalue()),
        "rows": forged(TABLE.slice(0, 1)),
        "kind": forged(TABLE, kind=b"table/9"),
        "notes": forged(TABLE, notes=b'{"digest":"other"}'),
        "columns": forged(TABLE.rename_columns(["m", "text", "at"])),
    }[how]
    with pytest.raises(EvidenceDamaged, match=r"^here (is torn|was altered)"):
        sealed.read_table("table/1", bad, "here")


def test_a_seal_does_not_hang_on_arrow_s_layout() -> None:
    """The same rows in other chunks and encodings have the same seal, so files outlive versions of Arrow."""
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    seals = {
        pq.read_schema(pa.BufferReader(sealed.write_table("table/1", table))).metadata[sealed.SEAL]
        for table in (TABLE, chunked)
    }
    assert len(seals) == 1
    assert json.loads(
        pq.read_schema(pa.BufferReader(sealed.write_table("t/1", TABLE, a="b"))).metadata[sealed.NOTES]
    ) == {"a": "b"}


def test_some_columns_are_read_without_the_seal() -> None:
    data = sealed.write_table("table/1", TABLE, digest="d")
    columns, notes = sealed.read_columns("table/1", data, "here", ["text"])
    assert columns.equals(TABLE.select(["text"]))
    assert notes == {"digest": "d"}
    plain = pa.BufferOutputStream()
    pq.write_table(TABLE, plain)
    for bad in (data[:-20], b"", bytes(plain.getvalue())):
        with pytest.raises(EvidenceDamaged, match=r"^here is torn"):
            sealed.read_columns("table/1", bad, "here", ["text"])
    with pytest.raises(EvidenceDamaged, match=r"^here is torn"):
        sealed.read_columns("table/1", data, "here", ["text", "other"])
    with pytest.raises(EvidenceDamaged, match="of kind table/1"):
        sealed.read_columns("table/2", data, "here", ["text"])


def test_any_altered_bit_of_a_footer_is_harmless_or_found() -> None:
    """By these columns `clean` decides what goes; without a look at types and rows fifteen bits here change them."""
    table = pa.table({"key": [f"{n:064x}" for n in range(9)], "n": list(range(9))})
    data = sealed.write_table("table/1", table)
    length = int.from_bytes(data[-8:-4], "little")
    found = 0
    for bit in range(8 * (len(data) - 8 - length), 8 * len(data)):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        try:
            assert sealed.read_columns("table/1", bytes(bad), "here", ["key"])[0].equals(table.select(["key"])), bit
        except EvidenceDamaged:
            found += 1
    assert found > length


def test_an_altered_page_of_a_column_is_found() -> None:
    data = bytearray(sealed.write_table("table/1", pa.table({"text": [f"{n:x}" * 9 for n in range(999)]})))
    data[200] ^= 1
    with pytest.raises(EvidenceDamaged):
        sealed.read_columns("table/1", bytes(data), "here", ["text"])


READ = """
import os
import pyarrow as pa
from rhapsode.store import sealed

data = sealed.write_table("table/1", pa.table({"text": ["one"] * 999, "n": list(range(999))}))
before = set(os.listdir("/proc/self/task"))
assert sealed.read_table("table/1", data, "here")[0].num_rows == 999
assert sealed.read_columns("table/1", data, "here", ["n"])[0].num_rows == 999
print(len(set(os.listdir("/proc/self/task")) - before))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux lists them")
def test_reading_a_table_starts_no_thread() -> None:
    """A thread of Arrow's that lets go of our bytes while Python ends aborts the process, whatever it has done."""
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
