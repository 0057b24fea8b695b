"""What a library needs stays, whatever happens while it is cleaned, and the rest goes."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.cli.app import run
from rhapsode.recipe import digest, first_job
from rhapsode.settings import RedoRequest
from rhapsode.stages import clean as clean_module
from rhapsode.stages.clean import LEAST_GRACE, clean
from rhapsode.stages.keeping import Fate, Kind
from rhapsode.stages.needs import Needed, shortened
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import speak_job
from rhapsode.stages.status import library_status
from rhapsode.store.editions import edition_path, load_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import readings_of
from rhapsode.store.shelf import Shelf, find_shelf
from tests.unit.stages import history

WEEK = timedelta(days=7)


@pytest.fixture
def memory() -> Iterator[str]:
    root = f"memory://test-{uuid.uuid4().hex}"
    yield root
    fs, base = fsspec.url_to_fs(root)
    if fs.exists(base):
        fs.rm(base, recursive=True)


def test_what_is_not_needed_goes_and_nothing_else(library: Library, booklet: Path) -> None:
    before, unneeded = history.paths(library), history.unneeded(library)
    dry = clean(library, WEEK, delete=False)
    assert history.paths(library) == before
    assert dry.total(Fate.UNNEEDED).files == len(unneeded)
    assert [each.reading for each in dry.dropped] == [history.abandoned(library).key]
    assert clean(library, WEEK, delete=True).total(Fate.UNNEEDED) == dry.total(Fate.UNNEEDED)
    assert before - history.paths(library) == unneeded
    assert clean(library, LEAST_GRACE, delete=True).total(Fate.UNNEEDED).files == 0


def test_in_memory_it_is_the_same(library: Library, booklet: Path, memory: str) -> None:
    unneeded = history.unneeded(library)
    copy = history.to_memory(library, memory)
    before = history.paths(copy)
    assert before == history.paths(library)
    clean(copy, WEEK, delete=True)
    assert before - history.paths(copy) == unneeded


def test_on_s3_it_is_the_same(library: Library, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store says when it got a file, to the second, so what is to be the latest comes last."""
    unneeded, latest = history.unneeded(library), _latest(library)
    copy = open_library(f"{s3_bucket}/library")
    before = history.paths(library)
    for path in sorted(before - latest):
        copy.write_bytes(path, library.read_bytes(path))
    time.sleep(2.1)
    for path in latest:
        copy.write_bytes(path, library.read_bytes(path))
    assert history.paths(copy) == before
    (status,) = library_status(copy)
    assert status.state.startswith("newer reading speaking")
    assert clean(copy, WEEK, delete=True).total(Fate.UNNEEDED).files == 0
    monkeypatch.setattr(clean_module, "LEAST_GRACE", timedelta(0))
    clean(copy, timedelta(0), delete=True)
    assert before - history.paths(copy) == unneeded


def _latest(library: Library) -> set[str]:
    shelf = find_shelf(library, "The Lamps")
    (folder,) = (each for each in readings_of(shelf) if each.load()[1].speed == 1.5)
    return set(library.list(folder.path()))


def test_afterwards_everything_still_works(library: Library, booklet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean(library, LEAST_GRACE, delete=True)
    shelf = find_shelf(library, "The Lamps")
    for number in (1, 2):
        edition = load_edition(shelf, number)
        assert edition
        for file in edition.files:
            data = library.read_bytes(edition_path(shelf, number, file.name))
            assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size_bytes, file.sha256)

    root = library.root
    options = ("--engine", "hibari", "--format", "mp3", "--listen", "all", "--library", root)
    assert run(["convert", str(booklet), *options]) == 0, capsys.readouterr().err
    assert "Nothing to do" in capsys.readouterr().out
    for command in (
        ("report", "The Lamps"),
        ("judge", "The Lamps"),
        ("locate", "The Lamps", "--chunk", "3"),
        ("query", "The Lamps", "select count(*) from takes"),
        ("status", "The Lamps"),
    ):
        assert run([*command, "--library", root]) == 0, capsys.readouterr().err

    latest = history.latest_request(booklet, root)
    reading = plan_chunks(latest, parse_book(latest))
    jobs = [first_job(each) for each in load_plan(reading).ranges]
    assert [speak_job(reading, job).spoken for job in jobs] == [0, 0]
    redo = plan_redo(RedoRequest(book=shelf.name, library=root, chunks="3"))
    assert redo.unfinished == ()
    assert [speak_job(redo.reading, job).spoken for job in redo.jobs] == [1]


def test_what_is_young_stays(library: Library, booklet: Path) -> None:
    before = history.paths(library)
    assert clean(library, timedelta(days=31), delete=True).total(Fate.UNNEEDED).files == 0
    assert history.paths(library) == before
    young = object_path(history.ORPHANS[0])
    history.age(Path(library.url(young)), by=-history.AGE)
    found = clean(library, WEEK, delete=True)
    assert found.counts[Kind.AUDIO, Fate.YOUNG].files == 1
    assert library.exists(young)
    assert not library.exists(object_path(history.ORPHANS[1]))


def test_a_book_that_was_only_read_is_left_alone(library: Library) -> None:
    shelf = Shelf(library, "other-c0ffeec0ffee")
    library.write_bytes(shelf.path("book-01234567.json"), b"{}")
    clean(library, LEAST_GRACE, delete=True)
    assert library.exists(shelf.path("book-01234567.json"))


KEYS = st.sets(st.integers().map(digest), max_size=30)


@settings(max_examples=50)
@given(KEYS, KEYS)
def test_a_key_is_needed_if_it_was_added(there: set[str], asked: set[str]) -> None:
    needed = Needed()
    for key in there:
        needed.add(shortened([key]))
    asked |= set(list(there)[:5])
    assert needed.has(sorted(asked)).tolist() == [key in there for key in sorted(asked)]
