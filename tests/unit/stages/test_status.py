"""Where books stand, from the files of a library in a folder and in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.errors import SynthesisFailed
from rhapsode.model import Reading
from rhapsode.recipe import first_job
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, Format, RedoRequest
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.book_status import details_of
from rhapsode.stages.holdings import holdings_of
from rhapsode.stages.jobs import without
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import speak_job
from rhapsode.stages.status import BookStatus, book_status, library_status
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf
from tests.faulty import Watched, install
from tests.plain import UNCHECKED, convert
from tests.unit.store.conftest import make_book

MP3 = AudioSettings(format=Format.MP3)


def _request(booklet: Path, root: str, **changed: object) -> ConvertRequest:
    given = {"epub": str(booklet), "library": root, "engine": EngineName.TONE, "audio": MP3}
    return ConvertRequest.model_validate({**given, **changed})


def _planned(request: ConvertRequest) -> Reading:
    return plan_chunks(request, parse_book(request))


def _status(reading: Reading) -> BookStatus:
    return book_status(Shelf(open_library(reading.library), reading.shelf))


def test_a_book_is_followed_from_its_plan_to_its_edition(booklet: Path, root: str) -> None:
    request = _request(booklet, root)
    reading = _planned(request)
    plan = load_plan(reading)
    chunks = len(plan.chunks)
    first, second = (first_job(each) for each in plan.ranges)
    planned = _status(reading)
    assert (planned.title, planned.state, planned.chapters) == ("The Lamps", "planned", 3)
    assert (planned.spoken, planned.chunks, planned.spoken_s, planned.edition) == (0, chunks, 0.0, None)

    said = speak_job(reading, second)
    half = _status(reading)
    assert half.state == f"speaking {100 * len(second.orders) // chunks} %"
    assert (half.spoken, half.checked) == (len(second.orders), 0)
    assert half.spoken_s == pytest.approx(said.duration_s)

    speak_job(reading, first)
    assert _status(reading).state == "spoken"

    edition = convert(request)
    published = _status(reading)
    assert (published.state, published.edition) == ("published", 1)
    assert (published.spoken, published.chunks, published.exceptions) == (chunks, chunks, 0)
    assert published.planned_s == published.spoken_s == edition.duration_s
    assert planned.planned_s == half.planned_s > 60
    assert published.file.endswith("editions/0001")


def test_one_book_by_chapter_by_range_and_by_later_rounds(booklet: Path, root: str) -> None:
    request = _request(booklet, root)
    reading = _planned(request)
    plan = load_plan(reading)
    library = open_library(root)
    speak_job(reading, first_job(plan.ranges[0]))
    details = details_of(holdings_of(Shelf(library, reading.shelf)))
    done, missing = details.ranges
    assert (done.name, done.is_spoken, done.spoken) == (str(plan.ranges[0]), True, done.chunks)
    assert (missing.name, missing.is_spoken, missing.spoken, missing.failed) == (str(plan.ranges[1]), False, 0, ())
    assert missing.chapters[1] == 3
    assert [chapter.title for chapter in details.chapters] == ["chapter-1", "chapter-2", "chapter-3"]
    assert sum(chapter.spoken for chapter in details.chapters) == done.chunks
    assert sum(chapter.chunks for chapter in details.chapters) == len(plan.chunks)
    assert sum(chapter.planned_s for chapter in details.chapters) == pytest.approx(details.status.planned_s)
    assert (details.engine, details.voice, details.request) == ("tone", "tone", request)
    assert details.jobs == ()

    convert(request)
    redo = plan_redo(RedoRequest(book=reading.shelf, library=root, chunks="3,5-6"))
    for job in redo.jobs:
        speak_job(redo.reading, job)
    (job,) = details_of(holdings_of(Shelf(library, reading.shelf))).jobs
    assert (job.round, job.asked_for, job.chunks, job.is_checked) == (8, True, (3, 5, 6), False)


def test_what_cannot_be_spoken_is_counted_and_named(booklet: Path, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Watched(refuses=lambda text: "Martha" in text))
    reading = _planned(_request(booklet, root))
    plan = load_plan(reading)
    refused = {chunk.number for chunk in plan.chunks if "Martha" in chunk.spoken}
    first, second = map(first_job, plan.ranges)
    speak_job(reading, without(second, refused))
    with pytest.raises(SynthesisFailed):
        speak_job(reading, first)
    shelf = Shelf(open_library(root), reading.shelf)
    failing, done = details_of(holdings_of(shelf)).ranges
    assert (failing.is_spoken, failing.failed) == (
        False,
        tuple(sorted(refused & set(range(1, second.orders[0].chunk)))),
    )
    assert failing.failed
    assert done.is_spoken

    speak_job(reading, without(first, failing.failed))  # as a run goes on that reports them
    status = book_status(shelf)
    assert (status.state, status.spoken) == ("spoken", len(plan.chunks) - len(failing.failed))
    assert details_of(holdings_of(shelf)).ranges[0].failed == failing.failed


def test_a_reading_begun_after_the_edition_is_shown(booklet: Path, root: str) -> None:
    request = _request(booklet, root)
    edition = convert(request)
    reading = _planned(_request(booklet, root, speed=1.5))
    begun = _status(reading)
    assert (begun.state, begun.edition, begun.spoken) == ("newer reading planned", 1, 0)
    assert begun.reading == reading.key[:12] != edition.reading[:12]
    assert convert(_request(booklet, root, speed=1.5)).number == 2
    assert (_status(reading).state, _status(reading).edition) == ("published", 2)


def test_named_chunks_are_in_the_state(booklet: Path, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.model import Flaw
    from rhapsode.stages.assemble import assemble_chapter, chapters_of
    from rhapsode.stages.publish import publish_edition

    request = _request(booklet, root)
    convert(request)
    reading = _planned(request)
    accepted = accept_takes(reading, UNCHECKED).digest
    timelines = [assemble_chapter(reading, accepted, number, MP3) for number in chapters_of(reading)]
    publish_edition(reading, accepted, timelines, MP3, (Flaw(3, "text", ("bad",)), Flaw(9, "text", ("bad",))))
    status = _status(reading)
    assert (status.state, status.exceptions, status.edition) == ("published with 2 named chunks", 2, 2)


def test_one_damaged_book_hides_no_other(booklet: Path, root: str) -> None:
    library = open_library(root)
    convert(_request(booklet, root))
    Shelf(library, "the-lamp-c0ffeec0ffee").save_book(make_book())
    torn = Shelf(library, "torn-123456123456")
    library.write_bytes(torn.path("evidence", "123456123456", "reading.json"), b"{")
    states = {status.title or status.book: status.state for status in library_status(library)}
    assert states == {"The Lamps": "published", "The Lamp": "not planned", torn.name: "damaged"}
    problem = next(status.problem for status in library_status(library) if status.problem)
    assert torn.name in problem


def test_of_a_published_book_only_the_manifest_is_read(
    booklet: Path, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(_request(booklet, root))
    read: list[str] = []
    read_bytes = Library.read_bytes

    def watched(self: Library, path: str) -> bytes:
        read.append(path)
        return read_bytes(self, path)

    monkeypatch.setattr(Library, "read_bytes", watched)
    (status,) = library_status(open_library(root))
    assert status.state == "published"
    assert [path.rpartition("/")[2] for path in read] == ["manifest.json"]


def test_an_empty_library_has_no_books(root: str) -> None:
    assert list(library_status(open_library(root))) == []
