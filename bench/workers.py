"""What a second worker brings: the same folder of books, converted on a production floor by one worker and by two.

    python -m bench.workers [--books N] [--chunks N] [--json]

The floor is that of the integration tests: a Prefect server on a PostgreSQL of its own, and process workers on the pool
`cpu`, each with one run at work, which speaks with the embedded voice on one thread. The runs are started and awaited
from here, as `convert-library` does it, so that nobody takes a worker's place. Both libraries are new.
"""

from __future__ import annotations

import json
import os
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode.settings import ConvertRequest, EngineName, LibraryRequest, Listen, Verification
from rhapsode.stages.intake import survey

GOAL = 1.7
BOOKS, CHUNKS = 6, 400


@dataclass(frozen=True, slots=True)
class Report:
    books: int
    chunks: int
    cores: int
    one_s: float
    two_s: float

    @property
    def ratio(self) -> float:
        return self.one_s / self.two_s


def run(books: int, chunks: int, folder: Path) -> Report:
    # Prefect reads its environment when it is imported.
    from tests.integration.floor import open_floor  # noqa: PLC0415
    from tests.integration.shelf_of_books import long  # noqa: PLC0415

    (folder / "books").mkdir()
    for number in range(books):
        long(folder / "books" / f"{number}.epub", chunks + number)  # no two files are the same
    with open_floor(folder / "floor") as floor:
        floor.start_worker("cpu", "one")
        _convert(folder, "warm", books=1)
        one_s = _convert(folder, "by-one", books)
        floor.start_worker("cpu", "two")
        two_s = _convert(folder, "by-two", books)
    return Report(books, chunks, os.cpu_count() or 1, one_s, two_s)


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
        assert ended.state and ended.state.is_completed(), ended.state
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
        print(json.dumps(asdict(report) | {"ratio": report.ratio}))
        return
    print(f"{report.books} books of {report.chunks} chunks on {report.cores} cores")
    print(f"one worker {report.one_s:.1f} s, two {report.two_s:.1f} s")
    print(f"two over one: {report.ratio:.2f} (goal: {GOAL} at least)")


if __name__ == "__main__":
    main()
