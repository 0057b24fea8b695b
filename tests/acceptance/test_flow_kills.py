"""Kill -9 of the flow, its Prefect server with it, at random moments; spoken by the embedded voice."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode.cli.orchestrate import ENVIRONMENT
from rhapsode.settings import ConvertRequest, EngineName
from tests.acceptance.killing import Child, Start, completed, killed, undisturbed

SEED = 20261124
PHASES = ("speak", "evidence", "publish")
WORKERS = 2
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts the flow in a fresh process; all of them share a Prefect home, as the runs of one user do."""
    folder = tmp_path_factory.mktemp("prefect")
    (folder / "scratch").mkdir()
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
        "TMPDIR": str(folder / "scratch"),
    }

    def started(request: ConvertRequest, descriptor: int) -> Child:
        command = [sys.executable, "-m", "tests.acceptance.killable", str(descriptor), request.model_dump_json()]
        return subprocess.Popen(command, cwd=CHECKOUT, env=environment, pass_fds=[descriptor], start_new_session=True)

    return started


@pytest.fixture(scope="module")
def fresh(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ConvertRequest]:
    folder = tmp_path_factory.mktemp("libraries")
    numbers = itertools.count(1)
    return lambda: ConvertRequest(
        epub=str(booklet), library=str(folder / f"{next(numbers):03d}"), engine=EngineName.HIBARI, workers=WORKERS
    )


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_killed_flow_resumes_to_the_same_bytes(start: Start, fresh: Callable[[], ConvertRequest]) -> None:
    reference = undisturbed(start, fresh(), at_once=WORKERS)
    draw = random.Random(SEED)
    for number, phase in enumerate(PHASES, start=1):
        moment = reference.moment(phase, draw)
        print(f"kill {number}, seed {SEED}: {moment}")
        request = killed(start, fresh, [moment], at_once=WORKERS)
        completed(start, reference, request, at_once=WORKERS)
