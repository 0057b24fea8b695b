"""What orchestration costs: the flow `convert-book` over the same stages in plain Python, without Prefect.

    python -m bench.orchestration [--chunks N] [--json]

A book of 1,200 chunks is spoken by `tone`, which costs next to nothing, so that what remains is what surrounds the
voice. Both sides do the same on one session and unverified, into libraries that are new: stages, flow, stages. The
stages' time is the mean of the two. The server has started, and an empty flow has run on it, before the clock starts.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.pipeline import prefect_server
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from tests.integration.shelf_of_books import long
from tests.plain import convert

GOAL_S = 30.0
CHUNKS = 1200


@dataclass(frozen=True, slots=True)
class Report:
    chunks: int
    duration_s: float
    stages_s: float
    flow_s: float

    @property
    def added_s(self) -> float:
        return self.flow_s - self.stages_s


def run(chunks: int, folder: Path) -> Report:
    """All three conversions; needs a Prefect server."""
    # Prefect reads its environment when it is imported.
    from prefect import flow  # noqa: PLC0415

    from flows.convert_book import convert_book  # noqa: PLC0415

    book = long(folder / "book.epub", chunks)

    def request(library: str) -> ConvertRequest:
        verify = Verification(listen=Listen.NONE)
        plain = ConvertRequest(epub=str(book), library=str(folder / library), engine=EngineName.TONE)
        return plain.model_copy(update={"workers": 1, "verify": verify})

    flow(lambda: None, name="nothing")()
    start = time.perf_counter()
    convert(request("before"))
    before_s = time.perf_counter() - start
    start = time.perf_counter()
    edition = convert_book(request("flow"))
    flow_s = time.perf_counter() - start
    start = time.perf_counter()
    convert(request("after"))
    after_s = time.perf_counter() - start
    return Report(chunks, edition.duration_s, (before_s + after_s) / 2, flow_s)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.orchestration", description="The flow over its stages.")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"default: {CHUNKS}")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder, prefect_server():
        report = run(asked.chunks, Path(folder))
    if asked.json:
        print(json.dumps(asdict(report) | {"added_s": report.added_s}))
        return
    print(f"{report.chunks} chunks, {report.duration_s / 3600:.1f} h of audio")
    print(f"stages {report.stages_s:.1f} s, flow {report.flow_s:.1f} s")
    print(f"orchestration: {report.added_s:.1f} s (goal: {GOAL_S:.0f} s at most for {CHUNKS} chunks)")


if __name__ == "__main__":
    main()
