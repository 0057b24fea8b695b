"""A running `rhapsode up`, started as people start it, and what is left of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from rhapsode.cli.orphans import MARK, bearers

RHAPSODE = Path(sys.executable).with_name("rhapsode")
START_S = 280
END_S = 60


class Up(NamedTuple):
    """A running `up`."""

    process: subprocess.Popen[bytes]
    said: Path
    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def mark(self) -> str:
        marks = [child.environ().get(MARK) for child in psutil.Process(self.process.pid).children()]
        return next(mark for mark in marks if mark)

    def run(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        """Another command of the same user."""
        command = [str(RHAPSODE), *map(str, arguments)]
        given = self.environment | more
        return subprocess.run(
            command, env=given, cwd=given["HOME"], capture_output=True, text=True, timeout=200, check=False
        )


def start(home: Path, port: int, **more: str) -> Up:
    """Starts `up` in a home of its own and waits until it says that all is there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    given = environment | more
    said = home / "up.txt"
    with said.open("wb") as out:
        command = [str(RHAPSODE), "up", "--port", str(port)]
        process = subprocess.Popen(command, env=given, cwd=home, stdout=out, stderr=subprocess.STDOUT)
    up = Up(process, said, port, environment)
    deadline = time.monotonic() + START_S
    while "The floor is up" not in said.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            end(up)
            raise AssertionError(said.read_text())
        time.sleep(0.2)
    return up


def end(up: Up) -> None:
    up.process.terminate()
    try:
        up.process.wait(END_S)
    except subprocess.TimeoutExpired:
        up.process.kill()
        up.process.wait()


def members(mark: str) -> list[str]:
    """What runs with the mark of a floor in its environment."""
    found = []
    for each in bearers(mark):
        with suppress(psutil.Error):  # it has just ended
            found.append(" ".join(each.cmdline()))
    return found


def wait_until_none_is_left(mark: str) -> None:
    deadline = time.monotonic() + END_S
    while left := members(mark):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
