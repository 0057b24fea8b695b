"""Running again does only what is missing: a finished book, an edited one, other settings, damage."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from rhapsode.errors import ObjectDamaged
from rhapsode.model import Reading
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.jobs import JobReport
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.publish import publish_edition
from rhapsode.stages.speak import speak_job
from rhapsode.store.editions import Edition, latest_edition, load_chunks
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.faulty import Watched
from tests.fixtures.booklet import REFRAIN
from tests.plain import UNCHECKED, convert


def contents(library: Library) -> dict[str, tuple[int, int]]:
    """Every file of a library, with its inode and time of change."""
    files = {path: Path(library.url(path)).stat() for path in library.list()}
    return {path: (status.st_ino, status.st_mtime_ns) for path, status in files.items()}


def shelves(library: Library) -> list[Shelf]:
    return [Shelf(library, name) for name in library.folders("books")]


def published(library: Library) -> list[Edition]:
    return [edition for shelf in shelves(library) if (edition := latest_edition(shelf))]


# -- the same book -----------------------------------------------------------------------------------------------------


def test_a_finished_book_speaks_nothing_and_makes_no_new_edition(engine: Watched, request_: ConvertRequest) -> None:
    first = convert(request_)
    library = open_library(request_.library)
    spoken, files = len(engine.spoken), contents(library)
    assert spoken == len(set(engine.spoken)) > 32, "more than one range"
    reports: list[JobReport] = []
    assert convert(request_, reports.append) == first
    assert len(engine.spoken) == spoken
    assert sum(report.spoken for report in reports) == 0
    assert sum(report.reused for report in reports) == len(load_chunks(shelves(library)[0], 1))
    after = contents(library)
    assert after.keys() == files.keys()
    kept = {path for path in files if "/editions/" in path or "/chapters/" in path or path.startswith("objects/")}
    assert {path: after[path] for path in kept} == {path: files[path] for path in kept}, "nothing is written twice"


def test_the_same_line_is_spoken_once(engine: Watched, request_: ConvertRequest) -> None:
    convert(request_)
    (shelf,) = shelves(open_library(request_.library))
    rows = load_chunks(shelf, 1).to_pylist()
    refrain = [row for row in rows if row["spoken"] == REFRAIN]
    assert len(refrain) == 3
    assert len({row["key"] for row in refrain}) == 1
    assert engine.spoken.count(REFRAIN) == 1


# -- an edited book ----------------------------------------------------------------------------------------------------


def edited(epub: Path, target: Path, old: str, new: str) -> Path:
    """The same EPUB with one sentence changed, which it must hold exactly once."""
    found = 0
    with zipfile.ZipFile(epub) as source, zipfile.ZipFile(target, "w") as copy:
        for member in source.infolist():
            data = source.read(member)
            found += data.count(old.encode())
            copy.writestr(member, data.replace(old.encode(), new.encode()))
    assert found == 1
    return target


def edition_of(request: ConvertRequest) -> tuple[Shelf, Edition, list[dict[str, Any]]]:
    """Converts and returns the shelf, the edition and its chunks."""
    edition = convert(request)
    shelf = next(shelf for shelf in shelves(open_library(request.library)) if latest_edition(shelf) == edition)
    return shelf, edition, load_chunks(shelf, edition.number).to_pylist()


def test_one_edited_paragraph_speaks_only_its_own_chunks_again(engine: Watched, story: Path, tmp_path: Path) -> None:
    request = ConvertRequest(epub=str(story), library=str(tmp_path / "library"), engine=EngineName.TONE, speed=2.0)
    _, _, before = edition_of(request)
    first = len(engine.spoken)
    epub = edited(
        story, tmp_path / "edited.epub", "From the garden gate she had looked", "From the wall she had looked"
    )
    shelf, edition, after = edition_of(request.model_copy(update={"epub": str(epub)}))

    again = engine.spoken[first:]
    known = {row["key"] for row in before}
    new = [row for row in after if row["key"] not in known]
    assert sorted(again) == sorted(row["spoken"] for row in new)
    assert any("From the wall she had looked" in text for text in again)
    reading, _ = ReadingFolder(shelf, edition.reading).load()
    book = shelf.load_book(reading.book)
    (paragraph,) = (block for block in book.blocks if "From the wall" in block.text)
    own = [r for r in after if r["char_start"] < paragraph.char_end and paragraph.char_start < r["char_end"]]
    assert 1 <= len(new) <= len(own) < 6
    assert all(row in own for row in new), "a chunk of another paragraph was spoken again"
    assert len(known & {row["key"] for row in after}) == len({row["key"] for row in after}) - len(new)


def test_another_speed_shares_no_take_and_leaves_the_first_reading_alone(
    engine: Watched, request_: ConvertRequest
) -> None:
    shelf, first, before = edition_of(request_)
    files = contents(shelf.library)
    spoken = list(engine.spoken)
    other, second, after = edition_of(request_.model_copy(update={"speed": 1.5}))
    assert other.name == shelf.name
    assert (first.number, second.number) == (1, 2)
    assert first.reading != second.reading
    assert not {row["key"] for row in before} & {row["key"] for row in after}
    assert engine.spoken == spoken * 2
    own = (f"{shelf.folder}/evidence/{first.reading[:12]}/", f"{shelf.folder}/editions/0001/", "objects/")
    still = {path: status for path, status in files.items() if path.startswith(own)}
    assert len(still) > len(spoken)
    assert still.items() <= contents(shelf.library).items()


# -- damage ------------------------------------------------------------------------------------------------------------


def speak(request: ConvertRequest) -> Reading:
    reading = plan_chunks(request, parse_book(request))
    for chunk_range in load_plan(reading).ranges:
        speak_job(reading, first_job(chunk_range))
    return reading


def lay_out(request: ConvertRequest, reading: Reading) -> tuple[str, list[str]]:
    accepted = accept_takes(reading, UNCHECKED).digest
    return accepted, [assemble_chapter(reading, accepted, n, request.audio) for n in chapters_of(reading)]


def flip_a_bit(library: Library, key: str) -> None:
    path = Path(library.url(object_path(key)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("when", ["before assembling", "before publishing"])
def test_a_damaged_object_stops_publishing_and_only_it_is_spoken_again(
    when: str, engine: Watched, request_: ConvertRequest, tmp_path: Path
) -> None:
    whole = convert(request_.model_copy(update={"library": str(tmp_path / "undamaged")}))
    engine.spoken.clear()
    reading = speak(request_)
    library = open_library(request_.library)
    plan = load_plan(reading)
    victim = ReadingFolder(Shelf(library, reading.shelf), reading.key).read_takes()[len(plan.chunks) // 2]
    if when == "before assembling":
        flip_a_bit(library, victim.key)
    accepted, timelines = lay_out(request_, reading)
    if when == "before publishing":
        flip_a_bit(library, victim.key)
    with pytest.raises(ObjectDamaged, match=victim.key):
        publish_edition(reading, accepted, timelines, request_.audio)
    assert not published(library)
    spoken = len(engine.spoken)
    edition = convert(request_)
    assert engine.spoken[spoken:] == [victim.spoken]
    assert edition.files == whole.files, "the mended book is the book that was never damaged"
