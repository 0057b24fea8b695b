"""Kill -9 at random moments: after a rerun the audio is that of an uninterrupted run, and nothing was spoken twice."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from rhapsode.settings import ConvertRequest, EngineName
from tests.acceptance.killable import PHASES, run_plain
from tests.acceptance.killing import Child, Moment, Reference, Start, completed, killed, undisturbed

DELAY_S = 0.02  # a chunk: long enough that moments of speaking differ
SEED = 20261123
FIVE = ("speak", "store", "evidence", "encode", "publish")
TWENTY_FIVE = (*PHASES, *PHASES, *PHASES[2:])
SURE = ("parse", "plan", "evidence")  # what a rerun goes through, wherever the first kill fell


@dataclass(frozen=True, slots=True)
class Forked:
    process: BaseProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self) -> int:
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts conversions in children of a fork server, which has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.acceptance.killable"])
    scratch = str(tmp_path_factory.mktemp("scratch"))

    def started(request: ConvertRequest, descriptor: int) -> Child:
        pipe = Connection(os.dup(descriptor), readable=False)
        process = context.Process(target=run_plain, args=(pipe, request, DELAY_S, scratch))
        process.start()
        pipe.close()
        return Forked(process)

    return started


@pytest.fixture(scope="module")
def fresh(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ConvertRequest]:
    """Requests for the same book, each with a library of its own."""
    folder = tmp_path_factory.mktemp("libraries")
    numbers = itertools.count(1)
    return lambda: ConvertRequest(
        epub=str(booklet), library=str(folder / f"{next(numbers):03d}"), engine=EngineName.TONE, speed=2.0
    )


@pytest.fixture(scope="module")
def reference(start: Start, fresh: Callable[[], ConvertRequest]) -> Reference:
    return undisturbed(start, fresh(), at_once=1)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "phases", [pytest.param(FIVE, id="5"), pytest.param(TWENTY_FIVE, id="25", marks=pytest.mark.slow)]
)
def test_a_killed_conversion_resumes_to_the_same_bytes(
    phases: tuple[str, ...], start: Start, reference: Reference, fresh: Callable[[], ConvertRequest]
) -> None:
    draw = random.Random(SEED + len(phases))
    for number, phase in enumerate(phases):
        moments = _moments(reference, phase, draw, twice=number % 3 == 1)
        print(f"kill {number + 1}, seed {SEED + len(phases)}: {moments}")
        request = killed(start, fresh, moments, at_once=1)
        completed(start, reference, request, at_once=1)


def _moments(reference: Reference, phase: str, draw: random.Random, twice: bool) -> list[Moment]:
    """One kill, or two: the rerun is killed too."""
    moments = [reference.moment(phase, draw)]
    if twice:
        before_encoding = PHASES.index(phase) < PHASES.index("encode")
        moments.append(reference.moment(draw.choice((*SURE, *(["encode"] if before_encoding else []))), draw))
    return moments
