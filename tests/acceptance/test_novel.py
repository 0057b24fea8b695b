"""A whole real book, spoken by the embedded voice."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.memory import own_peak_mb
from rhapsode.book.reader import read_book
from rhapsode.model import Book
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName, Footnotes
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.publish import publish_edition
from rhapsode.stages.speak import speak_job
from rhapsode.store.editions import Edition, edition_path, load_chunks
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.acceptance.killing import decoded
from tests.plain import UNCHECKED

MOST_MEMORY_MB = 1000


@dataclass(frozen=True, slots=True)
class Made:
    shelf: str
    edition: Edition
    spoke_s: float
    took_s: float
    peak_mb: float


def make(request: ConvertRequest) -> Made:
    """A conversion through the plain stages, two ranges at once; runs in a process of its own for its memory's sake."""
    started = time.monotonic()
    reading = plan_chunks(request, parse_book(request))
    jobs = [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]
    with ThreadPoolExecutor(request.workers) as pool:
        list(pool.map(lambda job: speak_job(reading, job), jobs))
    spoke_s = time.monotonic() - started
    acceptance = accept_takes(reading, UNCHECKED)
    assert not acceptance.missing
    timelines = [assemble_chapter(reading, acceptance.digest, n, request.audio) for n in chapters_of(reading)]
    edition = publish_edition(reading, acceptance.digest, timelines, request.audio)
    return Made(reading.shelf, edition, spoke_s, time.monotonic() - started, own_peak_mb())


def narrated(book: Book) -> int:
    return sum(line.narrated for line in book.ledger)


@pytest.fixture(scope="module")
def shortest(books: list[Path]) -> tuple[Path, Book]:
    """The real book with the fewest words."""
    read = [(path, read_book(path, Footnotes.SKIP)) for path in books]
    return min(read, key=lambda pair: narrated(pair[1]))


@pytest.fixture(scope="module")
def made(shortest: tuple[Path, Book], library: Path) -> Made:
    request = ConvertRequest(epub=str(shortest[0]), library=str(library), engine=EngineName.HIBARI, workers=2)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(make, request).result()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_real_book_is_spoken_whole(made: Made, shortest: tuple[Path, Book], library: Path) -> None:
    path, book = shortest
    edition = made.edition
    print(
        f"{path.name}: {narrated(book)} words, {edition.duration_s / 3600:.2f} h of audio in {made.took_s:.0f} s, "
        f"{edition.duration_s / made.took_s:.1f} times real time ({edition.duration_s / made.spoke_s:.1f} while "
        f"speaking), at most {made.peak_mb:.0f} MB"
    )
    assert all(line.words == line.narrated + line.skipped for line in book.ledger)
    assert made.peak_mb < MOST_MEMORY_MB

    shelf = Shelf(open_library(str(library)), made.shelf)
    reading, _ = ReadingFolder(shelf, edition.reading).load()
    chunks = load_plan(reading).chunks
    rows = load_chunks(shelf, edition.number).to_pylist()
    assert "".join("".join(row["source"] for row in rows).split()) == "".join(book.text.split()), "no letter is lost"
    assert [row["chunk"] for row in rows] == [chunk.number for chunk in chunks]
    assert [row["source"] for row in rows] == [chunk.source for chunk in chunks]

    starts = [row["book_start_s"] for row in rows]
    ends = [row["book_end_s"] for row in rows]
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert ends[-1] < edition.duration_s
    firsts = {row["chapter"]: row["book_start_s"] for row in reversed(rows)}
    for chapter in edition.chapters:
        assert 0 <= firsts[chapter.number] - chapter.start_s < 2.0, f"chapter {chapter.number} begins at its mark"
    assert len(edition.chapters) == len({chunk.chapter for chunk in chunks})

    # Readers speak 150 to 170 words a minute, slower where many pauses stand; gibberish and loops lie far outside.
    words_a_minute = narrated(book) / edition.duration_s * 60
    assert 110 < words_a_minute < 200

    (file,) = edition.files
    samples = len(decoded(Path(shelf.library.url(edition_path(shelf, edition.number, file.name))))) // 2
    sent = round(edition.duration_s * rows[0]["sample_rate_hz"])
    assert 0 <= samples - sent <= 1024, "the file holds the book, and one AAC frame more at most"
