"""`rhapsode up` as people run it: what it starts, who uses it, and that nothing of it is left."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient

from rhapsode.cli.deploy import POOLS
from tests.fixtures.postgres import serve_postgres
from tests.integration.running_up import END_S, RHAPSODE, Up, end, members, start, wait_until_none_is_left

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2hunter2"
SERVICES = yaml.safe_load((ROOT / "infra" / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def up(home: Path, port: int) -> Iterator[Up]:
    there = start(home, port)
    yield there
    end(there)


@pytest.fixture
def client(up: Up) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(up.url) as there:
        yield there


def test_what_it_says_is_what_there_is(up: Up, client: SyncPrefectClient) -> None:
    said = up.said.read_text()
    assert f"http://127.0.0.1:{up.port}\n" in said and "sqlite" in said
    assert {pool.name for pool in client.read_work_pools()} == set(POOLS)
    wanted = {each["name"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    there = client.read_deployments()
    assert {deployment.name for deployment in there} == wanted
    assert all(str(ROOT) in str(deployment.pull_steps) for deployment in there)
    assert len(client.read_automations()) == 3


def test_it_listens_on_this_machine_only(up: Up) -> None:
    families = psutil.Process(up.process.pid).children(recursive=True)
    listening = [c.laddr.ip for each in families for c in each.net_connections("inet") if c.status == "LISTEN"]
    assert listening and set(listening) == {"127.0.0.1"}


def test_every_pool_has_a_worker(up: Up, client: SyncPrefectClient) -> None:
    deadline = time.monotonic() + 60
    for pool in POOLS:
        while not client.read_workers_for_work_pool(pool):
            assert time.monotonic() < deadline, pool
            time.sleep(0.5)


def test_a_second_one_is_refused(up: Up) -> None:
    said = up.run("up", "--port", up.port)
    assert said.returncode == 2
    assert said.stderr.startswith(f"error: `rhapsode up` runs already at http://127.0.0.1:{up.port}")
    assert up.process.poll() is None


def test_convert_uses_it(up: Up, client: SyncPrefectClient, booklet: Path) -> None:
    said = up.run("convert", booklet, "--engine", "tone")
    assert said.returncode == 0, said.stderr
    assert f"Starting Prefect: `rhapsode up` serves {up.url}" in said.stdout
    runs = client.read_flow_runs()
    assert runs and {run.state_name for run in runs} == {"Completed"}


def test_the_set_up_of_the_containers_works_from_a_wheel_and_changes_nothing(
    up: Up, client: SyncPrefectClient, tmp_path: Path
) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    before, files = automations(up), set(site.rglob("*"))

    assert SERVICES["set-up"]["command"] == ["rhapsode", "deploy"]
    started = [sys.executable, "-c", "from rhapsode.cli import main; main()", "deploy"]
    given = up.environment | {"PYTHONPATH": str(site), "PREFECT_API_URL": up.url, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(started, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert automations(up) == before
    assert all(str(site) in str(deployment.pull_steps) for deployment in client.read_deployments())
    assert set(site.rglob("*")) == files, "in the image nobody may write there"


def automations(up: Up) -> dict[str, str]:
    """Each with the time of its last change."""
    there = httpx.post(f"{up.url}/automations/filter", json={}).json()
    assert len(there) == 3
    return {each["id"]: each["updated"] for each in there}


@pytest.mark.parametrize("service", ["worker-cpu", "worker-gpu"])
def test_the_workers_of_the_containers_start(up: Up, service: str) -> None:
    name, *arguments = SERVICES[service]["command"]
    command = [str(Path(sys.executable).with_name(name)), *arguments, "--run-once"]
    given = up.environment | {"PREFECT_API_URL": up.url}
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "started" in done.stdout, done.stdout + done.stderr


def test_ctrl_c_in_the_middle_of_a_run_leaves_no_process(
    up: Up, client: SyncPrefectClient, story: Path, home: Path
) -> None:
    deployment = client.read_deployment_by_name("convert-book/convert-book")
    assert up.run("deploy", PREFECT_API_URL=up.url).returncode == 0  # in the checkout again
    request = {"epub": str(story), "library": str(home / "library"), "engine": "hibari", "verify": {"listen": "none"}}
    run = client.create_flow_run_from_deployment(deployment.id, parameters={"request": request})
    deadline = time.monotonic() + 120
    while not ((state := client.read_flow_run(run.id).state) and state.is_running()):
        assert time.monotonic() < deadline, state
        time.sleep(0.3)
    mark = up.mark()
    assert len(members(mark)) >= 4, "the server, two workers and the run"

    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(END_S) == 0
    assert members(mark) == []
    assert "Stopped." in up.said.read_text()
    assert not list((home / ".local" / "state" / "rhapsode").glob("*.json"))


def test_on_postgresql_only_who_has_the_auth_string_comes_in_and_kill_9_leaves_nothing(
    up: Up, home: Path, port: int
) -> None:
    """Three tests in one, since a start is dear."""
    assert up.process.poll() is not None, "the test before this one has ended it"
    auth = f"rhapsode:{SECRET}"
    with serve_postgres() as database:
        given = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database, "PREFECT_SERVER_API_AUTH_STRING": auth}
        again = start(home, port, **given)
        mark = again.mark()
        assert len(members(mark)) >= 3
        stranger = again.run("deploy", PREFECT_API_URL=again.url)
        assert stranger.returncode == 1
        assert "does not let us in" in stranger.stderr and "PREFECT_API_AUTH_STRING" in stranger.stderr
        known = again.run("deploy", PREFECT_API_URL=again.url, PREFECT_API_AUTH_STRING=auth)
        assert known.returncode == 0, known.stderr

        again.process.kill()
        again.process.wait()
        wait_until_none_is_left(mark)
    said = [again.said, *(home / ".local" / "state" / "rhapsode").rglob("*.log")]
    assert len(said) == 4 and "Database: postgresql+asyncpg://rhapsode:***@" in again.said.read_text()
    password = database.split("@")[0].rpartition(":")[2]
    assert not [file for file in said if SECRET in file.read_text() or password in file.read_text()]


def test_a_server_that_does_not_come_up_is_an_error_without_the_password(tmp_path: Path, port: int) -> None:
    """Nothing listens at port 9 of this machine."""
    url = f"postgresql+asyncpg://rhapsode:{SECRET}@127.0.0.1:9/prefect"
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PREFECT_SERVER_DATABASE_CONNECTION_URL": url}
    command = [str(RHAPSODE), "up", "--port", str(port)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 1
    assert re.search(r"^error: The Prefect server did not come up: .+\. All it said: ", done.stderr, re.MULTILINE)
    assert "rhapsode:***@127.0.0.1:9" in done.stdout
    assert SECRET not in done.stdout + done.stderr
