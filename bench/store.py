"""What a store costs that answers slowly: the same book into a folder, and onto S3 through a proxy that waits.

    python -m bench.store [--latency-ms 30] [--chunks N] [--json]

A book is spoken by `tone`, which costs next to nothing, so that what remains is the store; once as it is, and once with
a codec, as Maya1 has one (its takes are tokens first). The store is moto on loopback, and each answer is late by what
was asked for, beside what moto and the proxy take themselves. Each step is done in a folder, then on S3, in new
libraries: the book is converted through the plain stages; listened to by an ear that knows what was said; asked for
what a flow asks when a range has ended, whether it is done; and converted again, when everything is found.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from rhapsode.model import Job, Listening, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages import verify
from rhapsode.stages.jobs import job_is_done
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.coded import Coded
from tests.faulty import Watched, install
from tests.fixtures import faults
from tests.fixtures.ear import Ear
from tests.fixtures.faults import Fault, FaultProxy, always
from tests.fixtures.s3 import make_bucket, serve_s3, use_s3
from tests.integration.shelf_of_books import long
from tests.plain import convert

CHUNKS, LATENCY_MS = 192, 30.0
ENGINES: dict[str, Callable[[], Watched]] = {"audio": Watched, "tokens": Coded}
HEARS = Listening(1.0, "ear", "bench")


@dataclass(frozen=True, slots=True)
class Step:
    """One step, in a folder and on the store. `requests` are those of the whole step, by method."""

    takes: str
    name: str
    chunks: int
    folder_s: float
    store_s: float
    requests: dict[str, int]

    @property
    def a_chunk(self) -> float:
        return sum(self.requests.values()) / self.chunks


def listen(request: ConvertRequest) -> None:
    reading, jobs = _planned(request)
    ear = Ear()
    ear.learn(ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "load_recogniser", lambda name: ear)
        patch.setattr(verify, "load_voices", lambda: SimpleNamespace(embed=lambda audio: (1.0,)))
        heard = [verify.verify_job(reading, job, HEARS).listened for job in jobs]
    assert sum(heard) == len(load_plan(reading).chunks)


def ask(request: ConvertRequest) -> None:
    reading, jobs = _planned(request)
    assert all(job_is_done(reading, job) for job in jobs)


STEPS: dict[str, Callable[[ConvertRequest], object]] = {
    "convert": convert,
    "listen": listen,
    "ask": ask,
    "convert again": convert,
}


def run(chunks: int, latency_ms: float, folder: Path) -> list[Step]:
    book = long(folder / "book.epub", chunks)
    found = []
    with _late_store(latency_ms) as proxy:
        for takes, engine in ENGINES.items():
            places = [str(folder / takes), f"{make_bucket(proxy.endpoint)}/library"]
            here, there = [ConvertRequest(epub=str(book), library=each, engine=EngineName.TONE) for each in places]
            with pytest.MonkeyPatch.context() as patch:
                install(patch, engine())
                convert(here.model_copy(update={"library": str(folder / f"{takes} to warm up")}))
                for name, step in STEPS.items():
                    _planned(here), _planned(there)  # once, and on nobody's clock
                    folder_s = _seconds(step, here)
                    proxy.requests.clear()
                    store_s = _seconds(step, there)
                    requests = dict(Counter(request.method for request in proxy.requests).most_common())
                    found.append(Step(takes, name, chunks, folder_s, store_s, requests))
    return found


@contextmanager
def _late_store(latency_ms: float) -> Iterator[FaultProxy]:
    """A store whose every answer is late, which the environment names meanwhile."""
    with pytest.MonkeyPatch.context() as patch, serve_s3() as endpoint, FaultProxy(endpoint) as proxy:
        patch.setattr(faults, "LATENCY_S", latency_ms / 1000)
        use_s3(patch, proxy.address)
        proxy.plan = always(Fault.LATENCY)
        yield proxy


def _seconds(step: Callable[[ConvertRequest], object], request: ConvertRequest) -> float:
    start = time.perf_counter()
    step(request)
    return time.perf_counter() - start


@cache
def _planned(request: ConvertRequest) -> tuple[Reading, list[Job]]:
    reading = plan_chunks(request, parse_book(request))
    return reading, [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.store", description="What a store costs that answers slowly.")
    parser.add_argument("--latency-ms", type=float, default=LATENCY_MS, help=f"default: {LATENCY_MS:g}")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"default: {CHUNKS}")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        steps = run(asked.chunks, asked.latency_ms, Path(folder))
    if asked.json:
        print(json.dumps([asdict(step) | {"a_chunk": step.a_chunk} for step in steps]))
        return
    print(f"{asked.chunks} chunks, each answer {asked.latency_ms:g} ms late")
    print(f"{'takes':<8}{'':<16}{'folder s':>9}{'store s':>9}  requests a chunk")
    for step in steps:
        kinds = ", ".join(f"{method} {number / step.chunks:.2f}" for method, number in step.requests.items())
        print(f"{step.takes:<8}{step.name:<16}{step.folder_s:9.2f}{step.store_s:9.2f}{step.a_chunk:8.2f} ({kinds})")


if __name__ == "__main__":
    main()
