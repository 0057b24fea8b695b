"""infra/install_chromium.sh: takes the Chromium that is there, installs Debian's, or says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "infra" / "install_chromium.sh"


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., tuple[int, str, str, list[str]]]:
    """Runs the script where these programs are and no others: exit code, output, errors, what apt-get was asked for."""

    def call(user: int, **programs: str) -> tuple[int, str, str, list[str]]:
        calls = tmp_path / "calls"
        for name, body in {"id": f"echo {user}", **programs}.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{calls}"\n{body}\n')
            program.chmod(0o755)
        done = subprocess.run(
            ["/bin/sh", SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=20
        )
        asked = calls.read_text().splitlines() if calls.exists() else []
        return done.returncode, done.stdout, done.stderr, [line.split()[1] for line in asked if "apt-get " in line]

    return call


def test_a_chromium_that_is_there_is_enough(machine: Callable[..., tuple[int, str, str, list[str]]]) -> None:
    assert machine(0, chromium="exit 1", apt_get="exit 0") == (0, "", "", [])


def test_root_installs_it(machine: Callable[..., tuple[int, str, str, list[str]]]) -> None:
    code, out, err, asked = machine(0, apt_get="exit 0")
    assert (code, err, asked) == (0, "", ["update", "install"])
    assert out.startswith("Installing Chromium")


@pytest.mark.parametrize(("user", "asked"), [(1000, []), (0, ["update"])])
def test_where_it_cannot_be_had_the_tests_go_on_without(
    machine: Callable[..., tuple[int, str, str, list[str]]], user: int, asked: list[str]
) -> None:
    code, _, err, calls = machine(user, apt_get="exit 100")
    assert (code, calls) == (0, asked)
    assert "apt install chromium-headless-shell" in err
