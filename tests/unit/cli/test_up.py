"""What `up` refuses, and how its processes are held. The whole of it: tests/integration/test_up.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings

from rhapsode.cli import up
from rhapsode.cli.orphans import bearers
from rhapsode.cli.processes import Processes
from rhapsode.errors import BadRequest, RhapsodeError
from tests.unit.cli.conftest import Said

Rhapsode = Callable[..., Said]


@pytest.fixture(autouse=True)
def nobody_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_open_server_wants_an_auth_string(host: str, rhapsode: Rhapsode) -> None:
    said = rhapsode("up", "--host", host)
    assert said.code == 2 and said.err.count("\n") == 1
    assert host in said.err and "PREFECT_SERVER_API_AUTH_STRING" in said.err


def test_the_floor_speaks_on_its_workers_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HOME": os.environ["HOME"]})
    up._prepare_environment("http://127.0.0.1:9/api")
    assert os.environ["RHAPSODE_FAN_OUT"] == "workers"
    os.environ["RHAPSODE_FAN_OUT"] = "inline"
    up._prepare_environment("http://127.0.0.1:9/api")
    assert os.environ["RHAPSODE_FAN_OUT"] == "inline"


@pytest.mark.parametrize("command", [["up"], ["deploy"], ["convert", "book.epub"]])
def test_a_fan_out_that_cannot_be_is_an_error_of_one_line(command: list[str], tmp_path: Path) -> None:
    given = {**os.environ, "RHAPSODE_FAN_OUT": "sideways"}
    line = [str(Path(sys.executable).with_name("rhapsode")), *command]
    done = subprocess.run(line, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: RHAPSODE_FAN_OUT cannot be 'sideways'. Valid: inline, workers.\n"


def test_a_port_that_is_taken_is_named(rhapsode: Rhapsode) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rhapsode("up", "--port", port)
    assert said.code == 2 and said.err.count("\n") == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in said.err and "--port" in said.err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_no_auth_string(host: str) -> None:
    assert up._is_own(host)


@pytest.mark.parametrize(
    ("url", "words"), [("rhapsode:hunter2@somewhere", "no database URL"), ("mysql://rhapsode:hunter2@host/db", "mysql")]
)
def test_a_database_that_cannot_be_is_refused_without_its_password(url: str, words: str) -> None:
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: url}), pytest.raises(BadRequest) as refused:
        up._database()
    assert words in str(refused.value) and "postgresql+asyncpg://" in refused.value.remedy
    assert "hunter2" not in str(refused.value)


def test_no_password_is_repeated() -> None:
    url = "postgresql+asyncpg://rhapsode:hunter2@127.0.0.1/prefect"
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: url}):
        database = up._database()
        assert database and "hunter2" not in database.render_as_string()
        assert up._without_password(f"cannot connect to {url}") == f"cannot connect to {url.replace('hunter2', '***')}"


def test_a_part_that_ends_by_itself_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("worker-brass", ["worker", "begin"])
    with pytest.raises(RhapsodeError, match=r"worker-brass ended by itself: .*begin"):
        up._watch(processes)
    processes.stop()


def test_what_a_part_has_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a session of its own and without its parent, as a run whose worker was killed."""
    orphan = "import subprocess, sys; subprocess.Popen(['sleep', '97'], start_new_session=True)"
    (tmp_path / "prefect.py").write_text(orphan)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    processes = Processes(tmp_path / "logs")
    started = processes.start("worker", [])
    assert started.process.wait(60) == 0, started.last_words()
    [left] = bearers(processes._mark)
    assert left.cmdline() == ["sleep", "97"]
    processes.stop()
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


def test_what_a_floor_has_started_is_killed_when_the_floor_is(tmp_path: Path) -> None:
    """It heeds no request to end, as a worker that wants to tell its server of it, and the server has gone too."""
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(98)"
    )
    (tmp_path / "prefect.py").write_text(deaf)
    floor = (
        "import sys; from pathlib import Path; from rhapsode.cli.processes import Processes\n"
        "print(Processes(Path(sys.argv[1])).start('worker', []).process.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command, environment = [sys.executable, "-c", floor, tmp_path / "logs"], os.environ | {"PYTHONPATH": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        child = psutil.Process(int(process.stdout.readline()))
        wait_for(lambda: "here" in (tmp_path / "logs" / "worker.log").read_text())
        process.kill()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
