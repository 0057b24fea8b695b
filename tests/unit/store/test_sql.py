from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rhapsode.errors import BadRequest, EvidenceDamaged
from rhapsode.model import Boundary, Chunk, Placed, Plan, Span, Timeline
from rhapsode.settings import AudioSettings
from rhapsode.store import hearings
from rhapsode.store.editions import Edition, save_chunks, save_edition
from rhapsode.store.evidence import write_rows
from rhapsode.store.hearings import write_heard
from rhapsode.store.library import Library
from rhapsode.store.shelf import Shelf
from rhapsode.store.sql import LOCKS, query

from .conftest import make_row
from .test_hearings import ROW

NAME = "a-book-c0ffeec0ffee"


@pytest.fixture
def book(library: Library) -> Library:
    shelf = Shelf(library, NAME)
    write_rows(library, shelf.path("evidence/one/round-0/1.synthesize.parquet"), [make_row(1), make_row(2)])
    write_rows(library, shelf.path("evidence/two/round-0/1.synthesize.parquet"), [make_row(1, voice="yuki")])
    write_rows(library, shelf.path("evidence/two/round-0/1.x.failed.parquet"), [make_row(2, error="it broke")])
    chunk = Chunk(1, 1, "a b", "A b.", 0, 3, (Span(0, 3, 0, 4),), Boundary.CHAPTER)
    shelf.save_plan(Plan("12345678aa", (chunk,), 32))
    return library


def test_the_evidence_answers(book: Library) -> None:
    columns, rows = query(book, NAME, "select reading, chunk, voice from takes where error is null order by all")
    assert columns == ["reading", "chunk", "voice"]
    assert rows == [("one", 1, "sora"), ("one", 2, "sora"), ("two", 1, "yuki")]
    assert query(book, NAME, "select chunk, error from takes where error is not null")[1] == [(2, "it broke")]
    assert query(book, NAME, "select plan, number, boundary, spans[1].spoken_end from plan")[1] == [
        ("12345678", 1, "chapter", 4)
    ]
    assert query(book, NAME, "select seed, started_at from takes limit 1;")[1] == [
        (2**63 - 1, datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    ]
    assert ("sha256", "VARCHAR") in [row[:2] for row in query(book, NAME, "describe takes")[1]]
    for sql in (
        "from takes",
        "with t as (select 1) from t",
        "summarize takes",
        "explain select * from takes",
        "values (1)",
    ):
        assert query(book, NAME, sql)[1]


def test_the_chunks_are_those_of_the_latest_published_edition(book: Library) -> None:
    shelf = Shelf(book, NAME)
    with pytest.raises(BadRequest, match="chunks does not exist"):
        query(book, NAME, "from chunks")
    placed = Placed(1, "k", "s", 0, 48_000, 12_000, 0)
    timeline = Timeline(1, "t", 24_000, 12_000, (placed,), 60_000, {}, -3.0)
    for number, voice in ((1, "sora"), (2, "yuki"), (3, "never published")):
        save_chunks(shelf, number, [make_row(1, voice=voice)], [timeline])
        if number < 3:
            edition = Edition(
                number,
                "c",
                "r",
                "a",
                "t",
                (),
                (),
                AudioSettings(),
                2.5,
                0.0,
                -19.0,
                -3.0,
                False,
                datetime.now(UTC),
                "1",
            )
            save_edition(shelf, edition)
    rows = query(book, NAME, "select voice, book_start_s, book_end_s from chunks")[1]
    assert rows == [("yuki", 0.5, 2.5)]


def test_a_book_without_evidence_answers_nothing(library: Library) -> None:
    assert query(library, NAME, "select * from takes")[1] == []
    assert query(library, NAME, "select * from plan")[1] == []


def test_what_others_heard_is_left_out(
    book: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(book, NAME)
    sql = "select reading, chunk, transcript.text, second from heard order by all"
    for reading, listening in (("one", "aaaaaaaa"), ("one", "bbbbbbbb"), ("two", "aaaaaaaa")):
        write_heard(book, shelf.path(f"evidence/{reading}/round-0/1.{listening}.verify.parquet"), [ROW])
    row = (1, "The lamp went out.", None)
    assert query(book, NAME, sql, {"one": "aaaaaaaa", "two": "aaaaaaaa"})[1] == [("one", *row), ("two", *row)]
    assert caplog.messages == []
    assert query(book, NAME, sql, {"one": "bbbbbbbb"})[1] == [("one", *row)]
    [line] = caplog.messages
    assert line.startswith("heard lacks reading two") and "(files: 1)" in line

    # Another version names its files otherwise and cannot read the older ones; it need not.
    monkeypatch.setattr(hearings, "KIND", "heard/1000")
    with pytest.raises(EvidenceDamaged, match="is of kind heard/1;"):
        query(book, NAME, sql, {"one": "bbbbbbbb"})
    caplog.clear()
    assert query(book, NAME, sql, {"one": "cccccccc", "two": "cccccccc"})[1] == []
    assert len(caplog.messages) == 2
    write_heard(book, shelf.path("evidence/one/round-0/1.cccccccc.verify.parquet"), [ROW])
    assert query(book, NAME, sql, {"one": "cccccccc"})[1] == [("one", *row)]


@pytest.mark.parametrize(
    "sql",
    [
        "copy takes to 'stolen.csv'",
        "copy (select 1) to '{secret}'",
        "explain analyze copy takes to 'stolen.csv'",
        "export database 'stolen'",
        "attach 'stolen.db'",
        "attach '{secret}' as x",
        "install httpfs",
        "load httpfs",
        "force install spatial from 'http://127.0.0.1:9'",
        "pragma database_list",
        "set enable_external_access = true",
        "reset enable_external_access",
        "set global lock_configuration = false",
        "call enable_logging(storage = 'file', storage_path = 'stolen')",
        "from enable_logging(storage = 'file', storage_path = 'stolen')",
        "from enable_profiling(save_location := 'stolen.json')",
        "from read_csv('{secret}')",
        "from read_text('{secret}')",
        "from read_blob('{secret}')",
        "from read_json('{secret}')",
        "from read_parquet('{secret}')",
        "from sniff_csv('{secret}')",
        "from parquet_metadata('{secret}')",
        "from '{secret}'",
        "select (select content from read_text('{secret}'))",
        "from query('copy takes to ''stolen.csv''')",
        "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{secret}'')'))",
        "from glob('/*')",
        "from read_csv('http://127.0.0.1:9/x.csv')",
        "from read_csv('s3://bucket/x.csv')",
        "select getenv('HOME')",
        "from duckdb_extensions()",
        "create table mine as select 1",
        "create secret (type s3)",
        "insert into takes select * from takes",
        "update takes set chunk = 1",
        "delete from takes",
        "drop table takes",
        "checkpoint",
        "begin",
        "prepare p as select 1",
        "select 1; drop table takes",
        "vacuum",
        'from "table"',  # a variable of the function that runs it: DuckDB would look there
        "",
        ";",
        "   -- nothing",
    ],
)
def test_sql_reaches_nothing_but_the_evidence(
    sql: str, book: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,hush\n")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRequest) as error:
        query(book, NAME, sql.format(secret=secret))
    assert "\n" not in str(error.value)
    assert "hush" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert secret.read_text() == "a,b\n1,hush\n"


def test_duckdb_s_own_words_reach_the_user(book: Library) -> None:
    with pytest.raises(BadRequest, match=r'column "chunkk" not found.*chunk'):
        query(book, NAME, "select chunkk from takes")
    with pytest.raises(BadRequest, match=r'syntax error at or near "selec"'):
        query(book, NAME, "selec 1")
    with pytest.raises(BadRequest, match="takes, heard, chunks and plan"):
        query(book, NAME, "select * from nowhere")
    with pytest.raises(BadRequest):
        query(book, NAME, os.fsdecode(b"select \xff"))


def test_a_query_changes_no_evidence(book: Library) -> None:
    before = {path: book.read_bytes(path) for path in book.list()}
    query(book, NAME, "with gone as (delete from takes returning *) select count(*) from gone")
    assert {path: book.read_bytes(path) for path in book.list()} == before
    assert query(book, NAME, "select count(*) from takes")[1] == [(4,)]


def test_a_query_too_big_for_memory_is_refused_not_spilled(
    book: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setitem(LOCKS, "memory_limit", "'60MB'")
    with pytest.raises(BadRequest, match="Out of Memory"):
        query(book, NAME, "select max(r) from (select row_number() over (order by hash(i)) r from range(4000000) t(i))")
    assert list(Path.cwd().iterdir()) == []


def test_damaged_evidence_is_named_not_left_out(book: Library) -> None:
    path = Shelf(book, NAME).path("evidence/one/round-0/1.synthesize.parquet")
    book.write_bytes(path, book.read_bytes(path)[:-9])
    with pytest.raises(EvidenceDamaged, match=r"one/round-0/1\.synthesize"):
        query(book, NAME, "select 1")
