"""What a large library costs those who look at all of it: `status`, `clean` (which only counts here), and a night of
`convert-library` in which nothing is new.

    python -m bench.library [--books N] [--chunks N] [--json]

One book of 1,900 chunks (five hours) is spoken by `tone` and published through the plain stages, from EPUB to manifest.
The other books are its files again, as hard links, under folders of their own, each beside an EPUB that differs in a
byte; their objects are empty files under names of their own, since nobody here opens one. So the layout, the number of
files and what is read of them are those of a real library in a folder, and only the sounds are missing.

Each question is asked in a process of its own, of a third of the books and then of all of them. The seconds of 10,000
books are the line through both. Of memory there is no such line: what grows, some bytes a take, is less here than what
a peak differs by from run to run (16 books are read at once).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from bench.memory import own_peak_mb
from rhapsode.settings import EngineName, LibraryRequest, Listen, Verification
from rhapsode.stages.clean import clean
from rhapsode.stages.intake import BookState, survey
from rhapsode.stages.keeping import Fate, Kind
from rhapsode.stages.status import library_status
from rhapsode.store.library import open_library
from rhapsode.store.objects import object_path

MANY = 10_000
BOOKS, CHUNKS = 120, 1900


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, of processors, and the most memory that the process held."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One question, asked of a small library and of a larger one."""

    question: str
    books: tuple[int, int]
    small: Cost
    large: Cost

    def seconds_at(self, books: int) -> tuple[float, float]:
        """What so many books would take by the clock and of processors: the line through both."""
        few, many = self.books
        share = (books - few) / (many - few)
        pairs = ((self.small.wall_s, self.large.wall_s), (self.small.cpu_s, self.large.cpu_s))
        wall_s, cpu_s = (small + share * (large - small) for small, large in pairs)
        return wall_s, cpu_s


def status(request: LibraryRequest, books: int) -> None:
    states = [each.state for each in library_status(open_library(request.library))]
    assert states == ["published"] * books, states


def count_waste(request: LibraryRequest, books: int) -> None:
    found = clean(open_library(request.library), timedelta(days=7), delete=False)
    assert found.total(Fate.UNNEEDED).files == 0, "everything here is young"
    assert sum(count.files for (kind, _), count in found.counts.items() if kind is Kind.AUDIO) >= books


def a_night(request: LibraryRequest, books: int) -> None:
    states = [each.state for each in survey(request)]
    assert states == [BookState.NOTHING_TO_DO] * books, states


QUESTIONS: dict[str, Callable[[LibraryRequest, int], None]] = {
    "status": status,
    "clean": count_waste,
    "a night without news": a_night,
}


def run(books: int, chunks: int, folder: Path) -> list[Figure]:
    sizes = (max(1, books // 3), books)
    first = _first_book(folder, chunks)
    costs = []
    for done, size in ((1, sizes[0]), sizes):
        for number in range(done, size):
            _another_book(folder, first, number, chunks)
        costs.append([_ask(question, folder, size) for question in QUESTIONS])
    return [Figure(name, sizes, small, large) for name, small, large in zip(QUESTIONS, *costs, strict=True)]


def _request(folder: Path) -> LibraryRequest:
    verify = Verification(listen=Listen.NONE)
    places = {"folder": str(folder / "epubs"), "library": str(folder / "library")}
    return LibraryRequest(**places, engine=EngineName.TONE, verify=verify)  # type: ignore[arg-type]


def _first_book(folder: Path, chunks: int) -> Path:
    """The folder of the one book that is really converted."""
    from tests.integration.shelf_of_books import long  # noqa: PLC0415  whoever is measured needs none of it
    from tests.plain import convert  # noqa: PLC0415

    (folder / "epubs").mkdir()
    convert(_request(folder).of_book(str(long(folder / "epubs" / "0.epub", chunks))))
    [book] = (folder / "library" / "books").iterdir()
    return book


def _another_book(folder: Path, first: Path, number: int, chunks: int) -> None:
    epub = folder / "epubs" / f"{number}.epub"
    copyfile(folder / "epubs" / "0.epub", epub)
    with ZipFile(epub, "a") as archive:
        archive.comment = str(number).encode()
    digest = sha256(epub.read_bytes()).hexdigest()
    book = first.with_name(f"{first.name.rpartition('-')[0]}-{digest[:12]}")
    for top, _, names in os.walk(first):
        (book / Path(top).relative_to(first)).mkdir()
        for name in names:
            (book / Path(top).relative_to(first) / name).hardlink_to(Path(top) / name)
    for chunk in range(chunks):
        take = folder / "library" / object_path(sha256(f"{number} {chunk}".encode()).hexdigest())
        take.parent.mkdir(exist_ok=True)
        take.touch()


def _ask(question: str, folder: Path, books: int) -> Cost:
    command = [sys.executable, "-m", __spec__.name, "--ask", question, str(folder), "--books", str(books)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _answer(question: str, folder: Path, books: int) -> Cost:
    start, cpu = time.perf_counter(), time.process_time()
    QUESTIONS[question](_request(folder), books)
    return Cost(time.perf_counter() - start, time.process_time() - cpu, own_peak_mb())


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else "a processor without a name"
    return f"{os.cpu_count()} cores of {name}, load {os.getloadavg()[0]:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.library", description="What a large library costs who looks at it.")
    parser.add_argument("--books", type=int, default=BOOKS, help=f"3 at least; default: {BOOKS}")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"of each book; default: {CHUNKS}, five hours")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--ask", nargs=2, metavar=("QUESTION", "FOLDER"), help="ask once, of a library that is there")
    asked = parser.parse_args(arguments)
    if asked.ask:
        print(json.dumps(asdict(_answer(asked.ask[0], Path(asked.ask[1]), asked.books))))
        return
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        figures = run(asked.books, asked.chunks, Path(folder))
    if asked.json:
        print(json.dumps([asdict(figure) | {"seconds_at_10_000": figure.seconds_at(MANY)} for figure in figures]))
        return
    few, many = figures[0].books
    print(f"{machine()}; a folder, books of {asked.chunks} chunks, all published")
    for figure in figures:
        for books, cost in ((few, figure.small), (many, figure.large)):
            print(_line(figure.question, books, cost.wall_s, cost.cpu_s, f"{cost.peak_mb:.0f} MB"))
        print(_line(figure.question, MANY, *figure.seconds_at(MANY), "computed"))


def _line(question: str, books: int, wall_s: float, cpu_s: float, note: str) -> str:
    return f"{question:<22}{books:>6} books: {wall_s:7.1f} s, {cpu_s:7.1f} s of processors, {note}"


if __name__ == "__main__":
    main()
