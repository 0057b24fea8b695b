"""compose.yaml and Dockerfile without a container engine: the schema, and that whatever they name is there.

No machine that runs these tests needs Docker. Where it is, with its plugin `compose`, it reads the file too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rhapsode.cli.deploy import POOLS
from rhapsode.settings import FanOut
from tests.unit.cli.test_floor import unknown_to_prefect

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
TEXT = (INFRA / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("rhapsode:")}
GPU: dict[str, Any] = yaml.safe_load((INFRA / "gpu.yaml").read_text())["services"]
BUILT = [service for service in (*SERVICES.values(), *GPU.values()) if "build" in service]
DOCKERFILE = (INFRA / "Dockerfile").read_text()


def test_the_compose_specification_allows_it(tmp_path: Path) -> None:
    assert checked(INFRA / "compose.yaml").returncode == 0
    assert checked(INFRA / "gpu.yaml").returncode == 0
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(TEXT.replace("    ports:\n", "    prots:\n", 1))
    assert "prots" in checked(wrong).stdout


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    tool = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(tool, capture_output=True, text=True, timeout=60, check=False)


def test_docker_reads_it() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no `docker compose` on this machine")
    for more in ([], ["--file", "gpu.yaml"]):
        files = ["--file", "compose.yaml", *more, "--env-file", ".env.example"]
        command = [docker, "compose", *files, "config", "--no-interpolate"]
        done = subprocess.run(command, cwd=INFRA, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, INFRA / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_every_port_is_published_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_every_image_that_is_not_ours_is_pinned() -> None:
    others = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    others += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(others) == 4
    for image in others:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)*$", image), image


def test_what_services_wait_for_is_there() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], needed


def test_every_volume_is_declared_and_used() -> None:
    mounted = {str(volume).split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in mounted if name.isalpha()} == set(COMPOSE["volumes"])


def test_every_image_of_ours_is_built_once_and_pulled_from_nowhere() -> None:
    """Two services that build one name at once fail where the image is not there yet."""
    built = [service["image"] for service in BUILT]
    assert sorted(built) == sorted({service["image"] for service in (*OURS.values(), *GPU.values())})
    assert all(service["pull_policy"] == "never" for service in OURS.values())


def test_every_file_is_there() -> None:
    for service in BUILT:
        context = (INFRA / service["build"]["context"]).resolve()
        assert context == ROOT
        assert (context / service["build"]["dockerfile"]).is_file()
    assert (INFRA / SERVICES["server"]["env_file"]).is_file()


def test_the_image_is_built_of_what_is_in_the_repository_and_not_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert {"rhapsode", "tasks", "flows", "prefect.yaml", "constraints.txt", "pyproject.toml"} <= sources
    ignored = (INFRA / "Dockerfile.dockerignore").read_text().splitlines()
    assert sources == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_runs_as_nobody_special_with_extras_that_exist() -> None:
    assert re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE) == ["1000"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for service in BUILT:
        assert set(service["build"]["args"]["EXTRAS"].split(",")) <= set(extras)


def test_the_example_names_every_variable_and_no_other() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    example = (INFRA / ".env.example").read_text()
    assert asked == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert "\n.env\n" in (ROOT / ".gitignore").read_text().replace("/infra/", "")


def test_there_is_no_password_in_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY|AUTH_STRING|CONNECTION_URL", name):
                assert "${" in str(value), name


def test_prefect_knows_every_setting_of_it() -> None:
    named = {name for service in OURS.values() for name in service.get("environment", {}) if "PREFECT" in name}
    assert "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD" in named
    assert not unknown_to_prefect(named)


def test_there_is_a_worker_for_every_pool() -> None:
    commands = [service["command"] for name, service in SERVICES.items() if name.startswith("worker-")]
    served = {command[command.index("--pool") + 1]: command for command in commands}
    assert served.keys() == POOLS.keys()
    for pool, command in served.items():
        assert command[:3] == ["prefect", "worker", "start"]
        assert tuple(command[7:]) == POOLS[pool].limit
    assert not [name for name, service in SERVICES.items() if "profiles" in service], "all of them start, GPU or not"


def test_books_are_spoken_on_the_pool_gpu_by_default() -> None:
    for name in ("set-up", "worker-cpu", "worker-gpu"):
        assert SERVICES[name]["environment"]["RHAPSODE_FAN_OUT"] == FanOut.WORKERS, name


def test_nobody_asks_for_a_gpu_where_none_is() -> None:
    assert not [name for name, service in SERVICES.items() if "deploy" in service]
    assert set(GPU) == {"worker-gpu"}
    [device] = GPU["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert GPU["worker-gpu"]["image"] != SERVICES["worker-gpu"]["image"]
    small, large = ({*service["build"]["args"]["EXTRAS"].split(",")} for service in BUILT)
    assert small < large


def test_no_parent_can_wait_for_itself() -> None:
    """convert-library waits on the pool of its books."""
    assert POOLS["cpu"].limit == ()
    by_hand = re.findall(
        r"^#\s+prefect worker start --pool cpu(.*)$", (ROOT / "prefect.yaml").read_text(), re.MULTILINE
    )
    assert by_hand == [""]
