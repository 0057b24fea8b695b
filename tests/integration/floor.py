"""The production floor for tests: PostgreSQL, a Prefect server on it, what it must know of Rhapsode, and workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.request import urlopen
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from rhapsode.cli.processes import Processes, Running
from tests.fixtures.postgres import serve_postgres
from tests.fixtures.s3 import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVER_SETTINGS = ROOT / "rhapsode" / "cli" / "floor" / "server.env"
WITNESS = ROOT / "tests" / "integration" / "witness"
T = TypeVar("T")


class Account(NamedTuple):
    """What a process that had a run at work asked of the engine: keys, in the order in which it did."""

    worker: str
    began: float
    keys: list[str]


class Floor:
    """What runs. `client` asks the server; runs leave their notes in a folder."""

    def __init__(self, processes: Processes, client: SyncPrefectClient, notes: Path) -> None:
        self.client, self._processes, self._notes = client, processes, notes
        self._workers: dict[Running, tuple[str, int]] = {}

    def start_worker(self, pool: str, name: str, limit: int = 1) -> None:
        """Starts a process worker, which serves its pool when this returns."""
        arguments = ["worker", "start", "--pool", pool, "--name", name, "--limit", str(limit), "--type", "process"]
        worker = self._processes.start(name, arguments)
        self._workers[worker] = (pool, limit)
        await_(lambda: self._online(pool, name), 120, f"worker {name}")

    def replace(self, worker: Running) -> None:
        """Starts another in the place of one that was killed."""
        pool, limit = self._workers.pop(worker)
        self.start_worker(pool, f"{worker.name}-b", limit)

    def worker_of(self, run: FlowRun) -> Running:
        """The worker that has a run at work."""
        for worker in self._workers:
            if worker.process.poll() is None and _runs(psutil.Process(worker.process.pid), str(run.id)):
                return worker
        raise AssertionError(f"no worker has the run {run.id}")

    @property
    def ui(self) -> str:
        return str(self.client.api_url).rstrip("/").removesuffix("/api")

    def accounts(self, run: FlowRun) -> list[Account]:
        """Of each process that had this run at work, the first one first. They are from witness/sitecustomize.py."""
        found = []
        for notes in self._notes.glob(f"{run.id}.*"):
            marks = [line.split() for line in notes.read_text().splitlines()]
            keys = [mark[2] for mark in marks if mark[1] == "speak"]
            if marks:  # Prefect's own process beside the run does nothing
                found.append(Account(notes.name.split(".")[1], float(marks[0][0]), keys))
        return sorted(found, key=lambda account: account.began)

    def _online(self, pool: str, name: str) -> bool:
        workers = self.client.read_workers_for_work_pool(pool)
        return any(worker.name == name and worker.status == "ONLINE" for worker in workers)

    def submit(self, deployment: str, **parameters: object) -> FlowRun:
        found = self.client.read_deployment_by_name(f"{deployment}/{deployment}")
        return self.client.create_flow_run_from_deployment(found.id, parameters=parameters)

    def ended(self, run: UUID, timeout_s: float) -> FlowRun:
        """The run, when it has ended for good."""

        def look() -> FlowRun | None:
            found = self.client.read_flow_run(run)
            return found if found.state and found.state.is_final() and not found.state.is_crashed() else None

        return await_(look, timeout_s, f"the end of {run}: {self.client.read_flow_run(run).state}")


def _runs(worker: psutil.Process, run: str) -> bool:
    for child in worker.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if child.environ().get("PREFECT__FLOW_RUN_ID") == run:
                return True
    return False


def kill_tree(worker: Running) -> None:
    """Kill -9 of a worker's process group and of the runs that it has started, as if their machine had gone."""
    children = psutil.Process(worker.process.pid).children(recursive=True)
    for process in (worker.process.pid, *(child.pid for child in children)):
        with suppress(ProcessLookupError):  # it went with its group
            os.killpg(os.getpgid(process), signal.SIGKILL)
    psutil.wait_procs(children, timeout=10)
    worker.process.wait(10)


def await_(look: Callable[[], T | None], timeout_s: float, what: str) -> T:
    """What `look` returns as soon as it is something."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{timeout_s} s were not enough for {what}")


@contextmanager
def open_floor(folder: Path) -> Iterator[Floor]:
    """The server with pools, automations and deployments; workers are started by the tests, and all ends with it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    lines = [line for line in SERVER_SETTINGS.read_text().splitlines() if line and not line.startswith("#")]
    notes = folder / "notes"
    notes.mkdir(parents=True)
    with serve_postgres() as database:
        os.environ |= dict(line.split("=", 1) for line in lines)
        os.environ |= {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database,
            "PREFECT_API_URL": url,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PYTHONPATH": f"{WITNESS}{os.pathsep}{ROOT}",
            "RHAPSODE_TEST_NOTES": str(notes),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",  # its 60 s are long for a night that begins soon
        }
        processes = Processes(folder / "logs")
        try:
            server = processes.start("server", ["server", "start", "--host", "127.0.0.1", "--port", str(port)])
            await_(lambda: _answers(server, url), 180, "the server")
            deploy = [str(Path(sys.executable).with_name("rhapsode")), "deploy"]
            subprocess.run(deploy, cwd=ROOT, check=True, timeout=300, stdout=subprocess.DEVNULL)
            settings = {PREFECT_API_URL: url, PREFECT_HOME: folder / "prefect"}
            with temporary_settings(settings), get_client(sync_client=True) as client:
                yield Floor(processes, client, notes)
        finally:
            processes.stop()


def _answers(server: Running, url: str) -> bool:
    assert server.process.poll() is None, server.last_words()
    try:
        with urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False
