"""What the pipeline costs over the bare engine and a bare encode of the same book.

    python -m bench.pipeline [BOOK.epub] [--chunks N] [--json]

Side by side in one run, on the same threads and with the same encoder settings:

1. the engine speaks the first half of the plan's texts, one after another, on one thread;
2. the flow `convert-book` converts the book on a Prefect server, `workers=1`, unverified, into a new library;
3. the engine speaks the second half, and one ffmpeg encodes all of that PCM.

The halves stand around the pipeline so that a machine that slows down or warms up favours neither. The server has
started, and an empty flow has run on it, before the clock starts: what Prefect needs once is its start-up. Seconds of
all processors (this process and its ffmpegs) stand beside those of the wall, for machines that have other work. Then
two fresh processes convert the first tenth of the book and all of it through the plain stages: their peak memory.
"""

from __future__ import annotations

import json
import os
import platform
import re
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import ffmpeg

from bench.cut import cut_book
from bench.memory import peak_mb
from bench.stopwatch import Cost, Stopwatch, now
from examples.build_epub import build_epub
from rhapsode import recipe
from rhapsode.audio.encode import m4b_output
from rhapsode.audio.ffmpeg import feed, find_ffmpeg
from rhapsode.cli.orchestrate import ENVIRONMENT
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import load_engine, sampling_of, voice_of
from rhapsode.model import Book, Plan, Samples, Utterance
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.stages.plan import fetch_book, lexicon_of
from rhapsode.text.plan import plan_book

BOOKS = Path(__file__).resolve().parents[2] / "shared" / "books"
NOVEL_WORDS = 40_000
RATIO_GOAL, MEMORY_GOAL_MB = 1.15, 100.0


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run. `memory_*_mb` are None where they were not taken.

    Attributes:
        parts: What each part of the pipeline cost; assembly runs on two threads, so its wall time counts twice.
        orchestration_s: Wall clock of the pipeline during which no part ran.
    """

    title: str
    chunks: int
    duration_s: float
    machine: str
    load: float
    ffmpeg: str
    engine: Cost
    encode: Cost
    pipeline: Cost
    parts: dict[str, Cost]
    orchestration_s: float
    server_cpu_s: float | None = None
    memory_tenth_mb: float | None = None
    memory_whole_mb: float | None = None

    @property
    def ratio(self) -> Cost:
        """The pipeline over engine and encode, by wall clock and by processor time."""
        raw = self.engine + self.encode
        return Cost(self.pipeline.wall_s / raw.wall_s, self.pipeline.cpu_s / raw.cpu_s)


def side_by_side(epub: Path, engine_name: EngineName, library: Path) -> Report:
    """Runs the three steps; needs a Prefect server, and a library that does not exist yet."""
    # Prefect reads its environment when it is imported.
    from prefect import flow  # noqa: PLC0415

    from flows.convert_book import convert_book  # noqa: PLC0415

    unverified = Verification(listen=Listen.NONE)  # listening is more than engine and encoder do: bench/verification.py
    request = ConvertRequest(epub=str(epub), library=str(library), engine=engine_name, workers=1, verify=unverified)
    engine = load_engine(engine_name)
    _, plan = read_and_plan(request)
    utterances = utterances_of(plan, engine)
    middle = len(utterances) // 2
    load = os.getloadavg()[0]

    first, cost_of_first = _speak(engine, utterances[:middle])
    flow(lambda: None, name="nothing")()
    stopwatch = Stopwatch()
    with stopwatch.installed():
        start = now()
        edition = convert_book(request)
        pipeline = now() - start
    second, cost_of_second = _speak(engine, utterances[middle:])
    encode = _encode(first + second, engine.sample_rate_hz, request, library)

    return Report(
        title=edition.title,
        chunks=len(plan.chunks),
        duration_s=sum(map(len, first + second)) / engine.sample_rate_hz,
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        load=load,
        ffmpeg=find_ffmpeg().version,
        engine=cost_of_first + cost_of_second,
        encode=encode,
        pipeline=pipeline,
        parts=stopwatch.spent,
        orchestration_s=pipeline.wall_s - stopwatch.busy_s,
    )


def read_and_plan(request: ConvertRequest) -> tuple[Book, Plan]:
    book = fetch_book(request)
    return book, plan_book(book, request.budget, lexicon_of(request), load_engine(request.engine).stack.slots)


def utterances_of(plan: Plan, engine: Engine) -> list[Utterance]:
    """What the pipeline asks of the engine in round 0."""
    voice, sampling, stack = voice_of(engine, ""), sampling_of(engine, None), engine.stack
    return [
        recipe.utterance(chunk.spoken, voice, sampling, stack.weights_digest, stack.precision, take=1)
        for chunk in plan.chunks
    ]


def _speak(engine: Engine, utterances: Sequence[Utterance]) -> tuple[list[Samples], Cost]:
    start = now()
    with engine.session() as session:
        spoken = [take.audio.samples for take in session.speak(utterances) if take.audio]
    return spoken, now() - start


def _encode(pcm: Sequence[Samples], sample_rate_hz: int, request: ConvertRequest, folder: Path) -> Cost:
    source = ffmpeg.input("pipe:0", format="s16le", ar=sample_rate_hz, ac=1)
    output = ffmpeg.output(source, f"file:{folder / 'raw.m4b'}", **m4b_output(request.audio))
    arguments = output.global_args("-v", "error", "-y").compile(cmd=find_ffmpeg().path)
    start = now()
    feed(arguments, pcm)
    return now() - start


@contextmanager
def prefect_server() -> Iterator[None]:
    """A server of its own with its own database, and Prefect's chatter silenced."""
    os.environ |= {**ENVIRONMENT, "PREFECT_LOGGING_LEVEL": "WARNING"}
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings  # noqa: PLC0415
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    with (
        TemporaryDirectory(prefix="rhapsode-bench-") as results,
        prefect_test_harness(server_startup_timeout=180),
        temporary_settings({PREFECT_LOCAL_STORAGE_PATH: results}),
    ):
        yield


def run(epub: Path, chunks: int | None) -> Report:
    """The whole benchmark, spoken by hibari; `chunks` cuts the book."""
    book, plan = read_and_plan(ConvertRequest(epub=str(epub), engine=EngineName.HIBARI))
    with TemporaryDirectory(prefix="rhapsode-bench-") as scratch:
        folder = Path(scratch)
        if chunks:
            cut_book(book, plan, chunks, epub := folder / "short.epub")
        cut_book(book, plan, (chunks or len(plan.chunks)) // 10 or 1, tenth := folder / "tenth.epub")
        with prefect_server():
            report = side_by_side(epub, EngineName.HIBARI, folder / "library")
            before = os.times()
        after = os.times()  # the server has ended, so its time counts now
        return replace(
            report,
            server_cpu_s=sum(after[2:4]) - sum(before[2:4]),
            memory_tenth_mb=peak_mb(tenth, EngineName.HIBARI),
            memory_whole_mb=peak_mb(epub, EngineName.HIBARI),
        )


def lines(report: Report) -> Iterator[str]:
    """The figures for people."""
    seconds = report.duration_s
    yield f"{report.title}: {report.chunks} chunks, {seconds / 3600:.2f} h of speech"
    yield f"{report.machine}, load {report.load:.1f}; ffmpeg {report.ffmpeg}"
    yield ""
    yield f"{'':24}{'wall s':>10}{'CPU s':>10}{'CPU ms a second':>18}{'x real time':>14}"
    rows = {"engine": report.engine, "raw encode": report.encode, "both": report.engine + report.encode}
    rows |= {"pipeline": report.pipeline} | {f"  {label}": cost for label, cost in report.parts.items()}
    for label, cost in rows.items():
        speed = seconds / cost.wall_s if cost.wall_s else 0.0
        yield f"{label:24}{cost.wall_s:10.2f}{cost.cpu_s:10.2f}{1000 * cost.cpu_s / seconds:18.3f}{speed:14.0f}"
    yield f"{'  orchestration':24}{report.orchestration_s:10.2f}"
    if report.server_cpu_s is not None:
        yield f"{'Prefect server':24}{'':10}{report.server_cpu_s:10.2f}   a process of its own, with its start"
    yield ""
    yield f"pipeline / (engine + encode): {report.ratio.wall_s:.3f} by the wall (goal: {RATIO_GOAL} at most)"
    yield f"                              {report.ratio.cpu_s:.3f} by processor time"
    if report.memory_whole_mb is not None and report.memory_tenth_mb is not None:
        tenth, whole = report.memory_tenth_mb, report.memory_whole_mb
        yield f"peak memory at 10 % of the book: {tenth:.0f} MB"
        yield f"           at 100 % of the book: {whole:.0f} MB, {whole - tenth:+.0f} (goal: {MEMORY_GOAL_MB:+.0f})"


def _shortest_novel() -> Path:
    """The shortest of the real books that is a novel, or else the example story."""
    words = {
        path: sum(line.narrated for line in fetch_book(ConvertRequest(epub=str(path))).ledger)
        for path in sorted(BOOKS.glob("*.epub"))
    }
    novels = [path for path in words if words[path] >= NOVEL_WORDS]
    if novels:
        return min(novels, key=words.__getitem__)
    target = Path(mkdtemp(prefix="rhapsode-bench-")) / "the-tide-clock.epub"
    build_epub(target)
    return target


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return name[1] if name else platform.machine()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.pipeline", description="The pipeline against the bare engine.")
    parser.add_argument("book", nargs="?", type=Path, help="an EPUB; default: the shortest novel at hand")
    parser.add_argument("--chunks", type=int, help="only the first N chunks of the book")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    report = run(asked.book or _shortest_novel(), asked.chunks)
    if asked.json:
        print(json.dumps(asdict(report) | {"ratio": asdict(report.ratio)}, indent=2))
    else:
        print("\n".join(lines(report)))


if __name__ == "__main__":
    main()
