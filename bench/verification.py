"""What listening to every take costs a conversion whose voice is slower than real time, and by itself.

    python -m bench.verification [BOOK.epub] [--chunks N] [--pace X] [--json]

A paced voice stands for a GPU: the embedded one, that hands out each take only when X times real time has passed since
the one before (and leaves the processor alone meanwhile). The flow `convert-book` converts the first N chunks on a
Prefect server twice: unverified, and with every take listened to. Both speak the same; the difference is what is added
by measuring, listening, judging and the report. The real-time factor of verifying is seconds of audio over seconds of
the task that measures and listens, on its one thread, beside the speaking.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.cut import cut_book
from bench.pipeline import prefect_server, read_and_plan
from bench.stopwatch import Cost, Stopwatch, now
from examples.build_epub import build_epub
from rhapsode.engines import registry
from rhapsode.engines.hibari import load_hibari
from rhapsode.engines.protocol import Session
from rhapsode.model import Take, Utterance
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification

PACE, CHUNKS = 1.0, 24
GOAL = 0.15  # of the wall time


@dataclass(frozen=True, slots=True)
class Report:
    """Attributes:
    added: The part of the unverified conversion's wall time that verification adds.
    real_time_factor: Of the verifying task: how many seconds of audio it does in one.
    """

    chunks: int
    duration_s: float
    pace: float
    unverified: Cost
    verified: Cost
    verifying: Cost

    @property
    def added(self) -> float:
        return self.verified.wall_s / self.unverified.wall_s - 1

    @property
    def real_time_factor(self) -> float:
        return self.duration_s / self.verifying.wall_s


class Paced:
    """hibari at the pace of a slower voice."""

    def __init__(self, pace: float) -> None:
        self._voice = load_hibari()
        self.pace = pace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._voice, name)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._voice.session() as session:
            yield _PacedSession(session, self.pace)


class _PacedSession:
    def __init__(self, session: Session, pace: float) -> None:
        self._session, self._pace = session, pace

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        due = time.monotonic()
        for take in self._session.speak(utterances):
            assert take.audio is not None
            due += take.audio.duration_s / self._pace
            time.sleep(max(0.0, due - time.monotonic()))
            yield take


def run(epub: Path, chunks: int, pace: float) -> Report:
    book, plan = read_and_plan(ConvertRequest(epub=str(epub), engine=EngineName.HIBARI))
    registry.ENGINES[EngineName.HIBARI] = lambda: Paced(pace)
    registry._loaded.clear()
    with TemporaryDirectory(prefix="rhapsode-bench-") as scratch, prefect_server():
        folder = Path(scratch)
        cut_book(book, plan, chunks, short := folder / "short.epub")
        # Prefect reads its environment when it is imported.
        from prefect import flow  # noqa: PLC0415

        from flows.convert_book import convert_book  # noqa: PLC0415

        flow(lambda: None, name="nothing")()
        costs, stopwatch = [], Stopwatch()
        for listen in (Listen.NONE, Listen.ALL):
            verify = Verification(listen=listen)
            library = folder / listen.value
            request = ConvertRequest(
                epub=str(short), library=str(library), engine=EngineName.HIBARI, verify=verify, workers=1
            )
            start = now()
            with stopwatch.installed():
                edition = convert_book(request)
            costs.append(now() - start)
    return Report(min(chunks, len(plan.chunks)), edition.duration_s, pace, *costs, stopwatch.spent["verify"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.verification", description="What listening to every take costs.")
    parser.add_argument("book", nargs="?", type=Path, help="an EPUB; default: the example story")
    parser.add_argument("--chunks", type=int, default=CHUNKS, help=f"only the first N chunks; default: {CHUNKS}")
    parser.add_argument("--pace", type=float, default=PACE, help=f"of the voice, times real time; default: {PACE:g}")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        book = asked.book
        if book is None:
            build_epub(book := Path(folder, "the-tide-clock.epub"))
        report = run(book, asked.chunks, asked.pace)
    if asked.json:
        print(json.dumps(asdict(report) | {"added": report.added, "real_time_factor": report.real_time_factor}))
        return
    print(f"{report.chunks} chunks, {report.duration_s:.0f} s of speech at {report.pace:g} times real time")
    print(f"unverified {report.unverified.wall_s:.1f} s, every take listened to {report.verified.wall_s:.1f} s")
    print(f"verification adds {report.added:.1%} (goal: {GOAL:.0%} at most)")
    print(f"measuring and listening: {report.real_time_factor:.1f} times real time on one thread")


if __name__ == "__main__":
    main()
