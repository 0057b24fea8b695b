"""What a library needs stays, whatever happens while it is cleaned, and the rest goes."""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.cli.app import run
from rhapsode.errors import EvidenceDamaged, LibraryUnreachable, NotInLibrary
from rhapsode.recipe import digest, first_job
from rhapsode.settings import RedoRequest
from rhapsode.stages import clean as clean_module
from rhapsode.stages.clean import clean
from rhapsode.stages.keeping import Fate, Kind
from rhapsode.stages.needs import Needed, shortened
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import speak_job
from rhapsode.stages.status import library_status
from rhapsode.store.editions import edition_path, load_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import Shelf, find_shelf
from tests.unit.stages import history

WEEK = timedelta(days=7)
NONE = timedelta(0)


@pytest.fixture(scope="module")
def past(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of `history`, to be copied."""
    root = tmp_path_factory.mktemp("clean") / "library"
    history.build(booklet, str(root))
    return root


@pytest.fixture
def library(past: Path, tmp_path: Path) -> Library:
    shutil.copytree(past, tmp_path / "library")  # with its times
    return open_library(str(tmp_path / "library"))


@pytest.fixture
def memory() -> Iterator[str]:
    root = f"memory://test-{uuid.uuid4().hex}"
    yield root
    fs, base = fsspec.url_to_fs(root)
    if fs.exists(base):
        fs.rm(base, recursive=True)


def _paths(library: Library) -> set[str]:
    return {entry.path for entry in library.entries()}


def _abandoned(library: Library, booklet: Path) -> ReadingFolder:
    """The reading that came to nothing: the only one at a speed of 0.8."""
    shelf = find_shelf(library, "The Lamps")
    (folder,) = (each for each in readings_of(shelf) if each.load()[1].speed == 0.8)
    return folder


def _unneeded(library: Library, booklet: Path) -> set[str]:
    """By the history alone, not by what `clean` thinks of it."""
    folder = _abandoned(library, booklet)
    shelf, reading = folder.shelf, folder.load()[0]
    kept = {row.key for each in readings_of(shelf) if each.key != folder.key for row in each.read_takes()}
    gone = {object_path(row.key) for row in folder.read_takes() if row.key not in kept}
    assert gone
    plan = shelf.path(f"plan-{reading.plan[:8]}.parquet")
    partial = {path for path in _paths(library) if path.endswith("partial")}
    assert len(partial) == 3
    orphans = {path for path in _paths(library) if any(key in path for key in history.ORPHANS)}
    assert len(orphans) == 5
    unfinished = edition_path(shelf, 3, "The Lamps.m4b")
    return gone | set(library.list(folder.path())) | partial | orphans | {plan, unfinished}


def test_what_is_not_needed_goes_and_nothing_else(library: Library, booklet: Path) -> None:
    before, unneeded = _paths(library), _unneeded(library, booklet)
    dry = clean(library, WEEK, delete=False)
    assert _paths(library) == before
    assert dry.total(Fate.UNNEEDED).files == len(unneeded)
    assert [each.reading for each in dry.dropped] == [_abandoned(library, booklet).key]
    assert clean(library, WEEK, delete=True).total(Fate.UNNEEDED) == dry.total(Fate.UNNEEDED)
    assert before - _paths(library) == unneeded
    assert clean(library, NONE, delete=True).total(Fate.UNNEEDED).files == 0


def test_in_memory_it_is_the_same(library: Library, booklet: Path, memory: str) -> None:
    unneeded = _unneeded(library, booklet)
    copy = history.to_memory(library, memory)
    before = _paths(copy)
    assert before == _paths(library)
    clean(copy, WEEK, delete=True)
    assert before - _paths(copy) == unneeded


def test_on_s3_it_is_the_same(library: Library, booklet: Path, s3_bucket: str) -> None:
    """A store says when it got a file, to the second, so what is to be the latest comes last."""
    unneeded, latest = _unneeded(library, booklet), _latest(library)
    copy = open_library(f"{s3_bucket}/library")
    before = _paths(library)
    for path in sorted(before - latest):
        copy.write_bytes(path, library.read_bytes(path))
    time.sleep(2.1)
    for path in latest:
        copy.write_bytes(path, library.read_bytes(path))
    assert _paths(copy) == before
    (status,) = library_status(copy)
    assert status.state.startswith("newer reading speaking")
    assert clean(copy, WEEK, delete=True).total(Fate.UNNEEDED).files == 0
    clean(copy, NONE, delete=True)
    assert before - _paths(copy) == unneeded


def _latest(library: Library) -> set[str]:
    shelf = find_shelf(library, "The Lamps")
    (folder,) = (each for each in readings_of(shelf) if each.load()[1].speed == 1.5)
    return set(library.list(folder.path()))


def test_afterwards_everything_still_works(library: Library, booklet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean(library, NONE, delete=True)
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
    before = _paths(library)
    assert clean(library, timedelta(days=31), delete=True).total(Fate.UNNEEDED).files == 0
    assert _paths(library) == before
    young = object_path(history.ORPHANS[0])
    history.age(Path(library.url(young)), by=-history.AGE)
    found = clean(library, WEEK, delete=True)
    assert found.counts[Kind.AUDIO, Fate.YOUNG].files == 1
    assert library.exists(young)
    assert not library.exists(object_path(history.ORPHANS[1]))


def test_a_reading_at_work_stays_whole(library: Library, booklet: Path) -> None:
    """Whatever it wrote a month ago, as soon as anything of it is young, and although another one is younger."""
    folder = _abandoned(library, booklet)
    kept = {*library.list(folder.path()), *(object_path(row.key) for row in folder.read_takes())}
    for each in readings_of(folder.shelf):
        history.age(Path(library.url(each.path("reading.json"))), by=-history.AGE)
    clean(library, WEEK, delete=True)
    assert kept <= _paths(library)


def test_a_conversion_that_begins_while_it_cleans_loses_nothing(
    library: Library, booklet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _abandoned(library, booklet)
    kept = {*library.list(folder.path()), *(object_path(row.key) for row in folder.read_takes())}
    each_book, asked = clean_module._each_book, []

    def begins(*arguments: object) -> Iterator[object]:
        yield from each_book(*arguments)  # type: ignore[arg-type]
        if not asked:
            request = history.abandoned_request(booklet, library.root)
            plan_chunks(request, parse_book(request))
        asked.append(arguments)

    monkeypatch.setattr(clean_module, "_each_book", begins)
    found = clean(library, WEEK, delete=True)
    assert len(asked) == 2
    assert kept <= _paths(library)
    assert found.dropped  # it was to go
    assert not library.exists(object_path(history.ORPHANS[0]))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_fault_in_the_middle_loses_nothing_needed(past: Path, booklet: Path, data: st.DataObject) -> None:
    source, root = open_library(str(past)), f"memory://test-{uuid.uuid4().hex}"
    unneeded = _unneeded(source, booklet)
    library = history.to_memory(source, root)
    before = _paths(library)
    failing = data.draw(st.sets(st.sampled_from(sorted(unneeded)), min_size=1, max_size=4))
    delete, fired = Library.delete, []

    def torn(self: Library, path: str) -> None:
        if path in failing:
            failing.discard(path)
            fired.append(path)
            raise LibraryUnreachable("The store has gone.", "Run again.")
        delete(self, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "delete", torn)
        while failing:
            with pytest.raises(LibraryUnreachable):
                clean(library, WEEK, delete=True)
            assert before - unneeded <= _paths(library)
        clean(library, WEEK, delete=True)
    assert fired
    assert _paths(library) == before - unneeded
    fs, base = fsspec.url_to_fs(root)
    fs.rm(base, recursive=True)


@pytest.mark.parametrize(
    "ending", ["reading.json", ".synthesize.parquet", "manifest.json", "chunks.parquet", "accepted"]
)
def test_what_cannot_be_read_stops_it(library: Library, ending: str) -> None:
    found = [path for path in library.list() if path.endswith(ending) or f"/{ending}" in path]
    library.write_bytes(found[0], library.read_bytes(found[0])[:-9])
    before = _paths(library)
    with pytest.raises(EvidenceDamaged, match=found[0].rpartition("/")[2]) as error:
        clean(library, NONE, delete=True)
    assert "Nothing is deleted" in error.value.remedy
    assert _paths(library) == before


def test_without_its_books_nothing_is_deleted(library: Library) -> None:
    shutil.rmtree(Path(library.root) / "books")
    before = _paths(library)
    with pytest.raises(NotInLibrary, match="not one reading"):
        clean(library, NONE, delete=True)
    assert _paths(library) == before


@pytest.mark.parametrize("elsewhere", ["a link", "a link in a book", "a copy"])
def test_with_books_out_of_sight_nothing_is_deleted(library: Library, tmp_path: Path, elsewhere: str) -> None:
    assert library.local
    book = next(path for path in (library.local / "books").iterdir() if (path / "evidence").is_dir())
    if elsewhere == "a link":
        (library.local / "books" / "away-c0ffeec0ffee").symlink_to(tmp_path / "unmounted")
    elif elsewhere == "a link in a book":
        (book / "evidence").rename(tmp_path / "evidence")
        (book / "evidence").symlink_to(tmp_path / "evidence")
    else:
        shutil.copytree(book, book.with_name(f"{book.name} (copy)"))
    before = library.list()
    with pytest.raises(NotInLibrary, match=r"what is no book of this library|not one reading") as refused:
        clean(library, NONE, delete=True)
    assert "Nothing is deleted" in refused.value.remedy
    assert library.list() == before


def test_a_book_that_was_only_read_is_left_alone(library: Library) -> None:
    shelf = Shelf(library, "other-c0ffeec0ffee")
    library.write_bytes(shelf.path("book-01234567.json"), b"{}")
    clean(library, NONE, delete=True)
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
