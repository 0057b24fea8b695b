"""What a second worker brings: the same folder of books, converted on a production floor by one worker and by two.

    python -m bench.workers [--books N] [--chunks N] [--json]

The floor is that of the integration tests: a Prefect server on a PostgreSQL of its own, and process workers on the pool
`cpu`, each with one run at work, which speaks with the embedded voice on one thread. The runs are started and awaited
from here, as `convert-library` does it, so that nobody takes a worker's place. Both libraries are new.

A worker stands for a machine, so each has one core to itself. Without that one worker would use a good part of both: it
encodes beside speaking. Server and database have no core of their own, and cores share caches and clock, so the same is
measured of the plain stages first, without Prefect, in one process and in two: no floor can do better than these.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode.settings import ConvertRequest, EngineName, LibraryRequest, Listen, Verification
from rhapsode.stages.intake import survey

GOAL = 1.7
BOOKS, CHUNKS = 4, 400


@dataclass(frozen=True, slots=True)
class Report:
    books: int
    chunks: int
    cores: int
    one_s: float
    two_s: float
    bare_one_s: float
    bare_two_s: float

    @property
    def ratio(self) -> float:
        return self.one_s / self.two_s

    @property
    def bare_ratio(self) -> float:
        """Of two books: one after the other over both at once."""
        return 2 * self.bare_one_s / self.bare_two_s


def run(books: int, chunks: int, folder: Path) -> Report:
    # Prefect reads its environment when it is imported.
    from tests.integration.floor import open_floor  # noqa: PLC0415
    from tests.integration.shelf_of_books import long  # noqa: PLC0415

    (folder / "books").mkdir()
    for number in range(books):
        # Of a sentence that is in two books of a library the second has the take of the first.
        long(folder / "books" / f"{number}.epub", chunks, 1 + number * chunks)
    bare_one_s, bare_two_s = _bare(folder, processes=1), _bare(folder, processes=2)
    with open_floor(folder / "floor") as floor:
        with _on_core(0):
            floor.start_worker("cpu", "one")
        one_s = _convert(folder, "by-one", books)
        with _on_core(1):
            floor.start_worker("cpu", "two")
        two_s = _convert(folder, "by-two", books)
    return Report(books, chunks, os.cpu_count() or 1, one_s, two_s, bare_one_s, bare_two_s)


@contextmanager
def _on_core(number: int) -> Iterator[None]:
    """What is started meanwhile has this core only, and so has what that starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[number]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _bare(folder: Path, processes: int) -> float:
    """Seconds until so many processes have converted a book each by the plain stages."""
    context = multiprocessing.get_context("spawn")
    start = time.perf_counter()
    at_work = []
    for number in range(processes):
        asked = (folder / "books" / f"{number}.epub", folder / f"bare-{processes}-{number}")
        with _on_core(number):
            at_work.append(context.Process(target=_convert_bare, args=asked))
            at_work[-1].start()
    for process in at_work:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - start


def _convert_bare(book: Path, library: Path) -> None:
    from tests.plain import convert  # noqa: PLC0415

    convert(ConvertRequest(epub=str(book), library=str(library), engine=EngineName.HIBARI))


def _convert(folder: Path, library: str, books: int) -> float:
    """Seconds until all books are published, from the moment when the first is asked for."""
    from tasks.children import Child, run_children  # noqa: PLC0415

    verify = Verification(listen=Listen.NONE)
    plain = {"engine": EngineName.HIBARI, "workers": 1, "verify": verify}
    request = LibraryRequest(folder=str(folder / "books"), library=str(folder / library), **plain)  # type: ignore[arg-type]
    asked: list[ConvertRequest] = [request.of_book(book.url) for book in survey(request)[:books]]
    children = [
        Child(f"{library} {number}", {"request": each.model_dump(mode="json")}, (f"{library}-{number}",))
        for number, each in enumerate(asked)
    ]
    start = time.perf_counter()
    for _, ended in run_children("convert-book/convert-book", children, at_once=books):
        assert ended.well, ended.error
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.workers", description="Two workers over one.")
    parser.add_argument("--books", type=int, default=BOOKS, help=f"default: {BOOKS}")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"in each book, six seconds each; default: {CHUNKS}")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        report = run(asked.books, asked.chunks, Path(folder))
    if asked.json:
        print(json.dumps(asdict(report) | {"ratio": report.ratio, "bare_ratio": report.bare_ratio}))
        return
    print(f"{report.books} books of {report.chunks} chunks on {report.cores} cores")
    print(f"one worker {report.one_s:.1f} s, two {report.two_s:.1f} s")
    print(f"two over one: {report.ratio:.2f} (goal: {GOAL} at least)")
    print(f"of the plain stages, two processes over one: {report.bare_ratio:.2f}")


if __name__ == "__main__":
    main()
