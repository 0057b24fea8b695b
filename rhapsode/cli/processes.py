"""The processes of `up`: what they say goes into files, and none outlives us."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from rhapsode.audio.ffmpeg import last_lines

GRACE_S = 15.0
"""For a worker to end its runs, and for the server to close its database."""
MARK = "RHAPSODE_UP"
"""In the environment of all that we start: a run has a session of its own, and outlives a worker that is killed."""


class Running(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        return last_lines(self.log.read_bytes(), 3)


class Processes:
    """Starts programs of Prefect and ends them, with everything that they have started.

    Args:
        logs: The folder of their output, a file each; made where it is missing.
    """

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._mark = secrets.token_hex(8)
        self._running: list[Running] = []

    def start(self, name: str, arguments: Sequence[str]) -> Running:
        """Runs `prefect` with these arguments. A session of its own keeps the terminal's Ctrl-C from it: we end it."""
        log = self._logs / f"{name}.log"
        command = [sys.executable, "-m", "rhapsode.cli.tied", str(os.getpid()), sys.executable, "-m", "prefect"]
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {MARK: self._mark},
            )
        self._running.append(Running(name, process, log))
        return self._running[-1]

    def ended(self) -> Running | None:
        """The first that has ended by itself."""
        return next((each for each in self._running if each.process.poll() is not None), None)

    def stop(self) -> None:
        """Ends them one after the other, the last one first: workers still reach the server while they end."""
        for each in reversed(self._running):
            each.process.terminate()
            try:
                each.process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                each.process.kill()
        self.kill()

    def kill(self) -> None:
        """Ends at once whatever is left of them."""
        left = self._members()
        for each in left:
            each.kill()
        psutil.wait_procs(left, timeout=GRACE_S)
        for started in self._running:
            started.process.wait()

    def _members(self) -> list[psutil.Process]:
        found = []
        for each in psutil.process_iter():
            try:
                if each.environ().get(MARK) == self._mark:
                    found.append(each)
            except psutil.Error:  # it has ended, or is none of ours
                continue
        return found
