"""What of a folder is to be converted, without Prefect and without an engine."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from rhapsode.engines import registry
from rhapsode.errors import BadRequest, LexiconError
from rhapsode.model import Book
from rhapsode.settings import (
    AudioSettings,
    ConvertRequest,
    EngineName,
    Format,
    LibraryRequest,
    Policy,
    Strictness,
    Verification,
)
from rhapsode.stages import intake
from rhapsode.stages.intake import BookState, Found, outcome, published_as, survey
from rhapsode.stages.plan import fetch_book, parse_book, plan_chunks
from rhapsode.store.editions import edition_path, load_edition, save_edition
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf
from tests.plain import convert


@pytest.fixture
def folder(booklet: Path, story: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    (folder / "new").mkdir(parents=True)
    shutil.copy(booklet, folder / "lamps.epub")
    shutil.copy(story, folder / "new" / "Clock.EPUB")
    (folder / "torn.epub").write_bytes(story.read_bytes()[:5000])
    (folder / "._lamps.epub").write_bytes(b"what a Mac leaves")
    (folder / "notes.txt").write_text("no book")
    return folder


@pytest.fixture
def request_(folder: Path, tmp_path: Path) -> LibraryRequest:
    return LibraryRequest(folder=str(folder), library=str(tmp_path / "library"), engine=EngineName.TONE)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine was loaded")

    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "ENGINES", dict.fromkeys(EngineName, refuse))


def states(found: list[Found]) -> dict[str, str]:
    return {Path(one.url).name: one.state.value for one in found}


@pytest.fixture(scope="module")
def lamps(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that holds The Lamps."""
    library = tmp_path_factory.mktemp("lamps") / "library"
    convert(ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.TONE))
    return library


@pytest.fixture
def converted(request_: LibraryRequest, lamps: Path) -> LibraryRequest:
    """A request for a folder one book of which is in the library."""
    shutil.copytree(lamps, request_.library)
    return request_


def test_a_first_night_finds_what_is_new_and_what_cannot_be_read(request_: LibraryRequest, no_engine: None) -> None:
    found = survey(request_)
    assert states(found) == {"lamps.epub": "new", "Clock.EPUB": "new", "torn.epub": "failed"}
    [torn] = [one for one in found if one.state is BookState.FAILED]
    assert torn.digest and torn.note.endswith("is a zip that is torn or damaged. Download or copy it again.")
    assert {one.title for one in found} == {"The Lamps", "The Tide Clock", ""}


def test_what_is_published_is_found_by_content_and_not_by_name(
    converted: LibraryRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "ENGINES", {})  # whoever loads an engine fails
    (folder / "lamps.epub").rename(folder / "another name.epub")
    shutil.copy(folder / "new" / "Clock.EPUB", folder / "copy.epub")
    found = survey(converted)
    assert states(found) == {
        "another name.epub": "nothing to do",
        "copy.epub": "new",
        "Clock.EPUB": "nothing to do",
        "torn.epub": "failed",
    }
    notes = {Path(one.url).name: one.note for one in found}
    assert notes["another name.epub"] == "edition 1"
    assert notes["Clock.EPUB"].startswith("the same file as ") and notes["Clock.EPUB"].endswith("copy.epub")


def test_a_changed_book_is_new_again(converted: LibraryRequest, folder: Path, story: Path) -> None:
    shutil.copy(story, folder / "lamps.epub")
    assert states(survey(converted))["lamps.epub"] == "new"


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"workers": 3, "at_once": 7}, "nothing to do"),
        ({"speed": 1.2}, "new"),
        ({"audio": AudioSettings(format=Format.FLAC)}, "new"),
    ],
)
def test_another_sound_is_another_book_to_convert(
    converted: LibraryRequest, change: dict[str, object], state: str
) -> None:
    assert states(survey(converted.model_copy(update=change)))["lamps.epub"] == state


def test_a_book_whose_files_have_gone_is_converted_again(converted: LibraryRequest) -> None:
    shelf = find_shelf(open_library(converted.library), "The Lamps")
    edition = published_as(shelf, converted.of_book("anywhere.epub"))
    assert edition
    shelf.library.delete(edition_path(shelf, 1, edition.files[0].name))
    assert states(survey(converted))["lamps.epub"] == "new"


def test_what_was_planned_since_and_never_published_changes_nothing(converted: LibraryRequest) -> None:
    lamps = converted.of_book(f"{converted.folder}/lamps.epub")
    strict = Verification(strictness=Strictness.HIGH, policy=Policy.STRICT)
    harder = lamps.model_copy(update={"verify": strict})
    plan_chunks(harder, parse_book(harder))  # and then no take was good enough
    assert states(survey(converted))["lamps.epub"] == "nothing to do"
    assert states(survey(converted.model_copy(update={"verify": strict})))["lamps.epub"] == "new"


def test_a_redone_edition_makes_no_book_new(converted: LibraryRequest) -> None:
    shelf = find_shelf(open_library(converted.library), "The Lamps")
    first = load_edition(shelf, 1)
    assert first
    save_edition(shelf, replace(first, number=2, content="with other takes"))
    assert states(survey(converted))["lamps.epub"] == "nothing to do"


def test_a_note_that_is_torn_hides_no_other_book(converted: LibraryRequest) -> None:
    shelf = find_shelf(open_library(converted.library), "The Lamps")
    [note] = [path for path in shelf.library.list(shelf.path("evidence")) if "/published-" in path]
    shelf.library.write_bytes(note, b"{")
    found = survey(converted)
    assert states(found) == {"lamps.epub": "failed", "Clock.EPUB": "new", "torn.epub": "failed"}
    assert "published-" in next(book.note for book in found if book.url.endswith("lamps.epub"))


def test_a_lexicon_is_read_and_not_only_named(request_: LibraryRequest, tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.toml"
    request_ = request_.model_copy(update={"lexicon": str(lexicon)})
    with pytest.raises(LexiconError):
        survey(request_)
    lexicon.write_text('Martha = "Marta"\n')
    convert(request_.of_book(f"{request_.folder}/lamps.epub"))
    assert states(survey(request_))["lamps.epub"] == "nothing to do"
    lexicon.write_text('Martha = "Mahta"\n')
    assert states(survey(request_))["lamps.epub"] == "new"


def test_the_library_may_lie_in_the_folder(request_: LibraryRequest, folder: Path, lamps: Path) -> None:
    library = folder / "library"
    request_ = request_.model_copy(update={"library": str(library)})
    shutil.copytree(lamps, library)
    shutil.copy(folder / "lamps.epub", library / "with-overlays.epub")
    assert "with-overlays.epub" not in states(survey(request_))


def test_what_came_of_a_book(request_: LibraryRequest, lamps: Path) -> None:
    [book] = [one for one in survey(request_) if one.title == "The Lamps"]
    assert outcome(request_, book, "No voice. Find one.").note == "No voice. Find one."
    shutil.copytree(lamps, request_.library)
    done = outcome(request_, book, "")
    assert (done.state, done.note) == (BookState.CONVERTED, "edition 1")


def test_a_folder_that_is_not_there_is_refused(request_: LibraryRequest) -> None:
    with pytest.raises(BadRequest, match="There is no folder"):
        survey(request_.model_copy(update={"folder": "/nowhere/at/all"}))


def test_the_folder_may_be_a_url(booklet: Path, request_: LibraryRequest) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/intake/deep/lamps.epub", booklet.read_bytes())
    try:
        [book] = survey(request_.model_copy(update={"folder": "memory://intake"}))
        assert (book.url, book.title, book.state) == ("memory:///intake/deep/lamps.epub", "The Lamps", BookState.NEW)
    finally:
        files.rm("/intake", recursive=True)


def test_a_name_that_nobody_can_write_down_hides_no_other_book(folder: Path, request_: LibraryRequest) -> None:
    try:
        (folder / os.fsdecode(b"caf\xe9.epub")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such names")
    found = states(survey(request_))
    assert found["caf\\udce9.epub"] == "failed" and found["lamps.epub"] == "new"


@pytest.mark.parametrize(
    "fault", [RuntimeError("a bug of ours"), MemoryError()], ids=lambda fault: type(fault).__name__
)
def test_a_fault_of_ours_hides_no_other_book(
    request_: LibraryRequest, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail_for_one(request: ConvertRequest) -> Book:
        if request.epub.endswith("lamps.epub"):
            raise fault
        return fetch_book(request)

    monkeypatch.setattr(intake, "fetch_book", fail_for_one)
    found = survey(request_)
    assert states(found) == {"lamps.epub": "failed", "Clock.EPUB": "new", "torn.epub": "failed"}
    [lamps] = [one for one in found if one.url.endswith("lamps.epub")]
    assert lamps.note == f"{type(fault).__name__} while it was read. Look at it with `rhapsode inspect`."
