"""Whatever is at work while a library is cleaned, whatever fails, and whatever is out of sight: nothing needed goes."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.errors import BadRequest, EvidenceDamaged, LibraryUnreachable, NotInLibrary
from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job
from rhapsode.stages import clean as clean_module
from rhapsode.stages.clean import LEAST_GRACE, clean
from rhapsode.stages.keeping import Fate, Kind
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import speak_job
from rhapsode.stages.status import library_status
from rhapsode.stages.verdicts import freeze_reference, plan_rung
from rhapsode.stages.verify import listening_of, verify_job
from rhapsode.store.editions import edition_path
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import Shelf, find_shelf
from tests.unit.stages import history

WEEK = timedelta(days=7)


def _stopped_in_a_rung(library: Library, epub: Path) -> tuple[Reading, Job, set[str]]:
    """A conversion that was stopped in round 1: takes of it are stored, and no evidence tells of them."""
    request = history.published_request(epub, library.root).model_copy(update={"speed": 1.2})
    reading = plan_chunks(request, parse_book(request))
    hears = listening_of(reading, history.CHECKED)
    assert hears
    folder = ReadingFolder(Shelf(library, reading.shelf), reading.key)
    with history.listening() as ear:
        for each in map(first_job, load_plan(reading).ranges):
            speak_job(reading, each)
            ear.learn(folder.read_takes())
            ear.garbles = {folder.read_takes()[0].spoken}
            verify_job(reading, each, hears)
    freeze_reference(reading, hears)
    [job] = plan_rung(reading, hears, history.CHECKED, 1)
    before = history.paths(library)
    assert speak_job(reading, job).spoken == len(job.orders) > 0
    library.delete(folder.takes_path(job))
    return reading, job, history.paths(library) - before


def test_takes_of_a_later_round_stay_until_their_evidence_can_be_there(library: Library, booklet: Path) -> None:
    """And so does the file of an edition that is being published just now."""
    reading, job, takes = _stopped_in_a_rung(library, booklet)
    file = edition_path(find_shelf(library, "The Lamps"), 3, "The Lamps.m4b")
    history.age(Path(library.url(file)), by=-history.AGE)
    before = history.paths(library)
    assert clean(library, timedelta(0), delete=False).counts[Kind.AUDIO, Fate.UNNEEDED].files >= len(takes) > 0
    with pytest.raises(BadRequest, match=r"a grace period of 0\.5 days"):
        clean(library, timedelta(hours=12), delete=True)
    assert history.paths(library) == before
    clean(library, LEAST_GRACE, delete=True)
    assert not library.exists(object_path(history.ORPHANS[0]))
    assert {*takes, file} <= history.paths(library)
    assert speak_job(reading, job).spoken == 0


def test_what_arrives_damaged_once_stops_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    unneeded, before, spoiled = history.unneeded(library), history.paths(library), set[str]()
    read_bytes = Library.read_bytes

    def flickers(self: Library, path: str) -> bytes:
        data = read_bytes(self, path)
        if path in spoiled:
            return data
        spoiled.add(path)
        return data[:-9]

    monkeypatch.setattr(Library, "read_bytes", flickers)
    assert [each.problem for each in library_status(library)] == [""]
    assert len(spoiled) > 2
    spoiled.clear()
    clean(library, WEEK, delete=True)
    assert len(spoiled) > 9
    assert before - history.paths(library) == unneeded


def test_a_reading_at_work_stays_whole(library: Library, booklet: Path) -> None:
    """Whatever it wrote a month ago, as soon as anything of it is young, and although another one is younger."""
    folder = history.abandoned(library)
    kept = {*library.list(folder.path()), *(object_path(row.key) for row in folder.read_takes())}
    for each in readings_of(folder.shelf):
        history.age(Path(library.url(each.path("reading.json"))), by=-history.AGE)
    clean(library, WEEK, delete=True)
    assert kept <= history.paths(library)


def test_a_conversion_that_begins_while_it_cleans_loses_nothing(
    library: Library, booklet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = history.abandoned(library)
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
    assert kept <= history.paths(library)
    assert found.dropped  # it was to go
    assert not library.exists(object_path(history.ORPHANS[0]))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_fault_in_the_middle_loses_nothing_needed(past: Path, booklet: Path, data: st.DataObject) -> None:
    source, root = open_library(str(past)), f"memory://test-{uuid.uuid4().hex}"
    unneeded = history.unneeded(source)
    library = history.to_memory(source, root)
    before = history.paths(library)
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
            assert before - unneeded <= history.paths(library)
        clean(library, WEEK, delete=True)
    assert fired
    assert history.paths(library) == before - unneeded
    fs, base = fsspec.url_to_fs(root)
    fs.rm(base, recursive=True)


@pytest.mark.parametrize(
    "ending", ["reading.json", ".synthesize.parquet", "manifest.json", "chunks.parquet", "accepted"]
)
def test_what_cannot_be_read_stops_it(library: Library, ending: str) -> None:
    found = [path for path in library.list() if path.endswith(ending) or f"/{ending}" in path]
    library.write_bytes(found[0], library.read_bytes(found[0])[:-9])
    before = history.paths(library)
    with pytest.raises(EvidenceDamaged, match=found[0].rpartition("/")[2]) as error:
        clean(library, LEAST_GRACE, delete=True)
    assert "Nothing is deleted" in error.value.remedy
    assert history.paths(library) == before


def test_without_its_books_nothing_is_deleted(library: Library) -> None:
    shutil.rmtree(Path(library.root) / "books")
    before = history.paths(library)
    with pytest.raises(NotInLibrary, match="not one reading"):
        clean(library, LEAST_GRACE, delete=True)
    assert history.paths(library) == before


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
        clean(library, LEAST_GRACE, delete=True)
    assert "Nothing is deleted" in refused.value.remedy
    assert library.list() == before
