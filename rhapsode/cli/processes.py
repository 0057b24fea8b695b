"""The processes of `up`: what they say goes into files, and none outlives us."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rhapsode.audio.ffmpeg import last_lines
from rhapsode.cli.orphans import GRACE_S, MARK, kill_all


class Running(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        return last_lines(self.log.read_bytes(), 3)


class Processes:
    """Starts programs of Prefect and ends them, with everything that they have started; so does our own end.

    Args:
        logs: The folder of their output, a file each; made where it is missing.
    """

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._mark = secrets.token_hex(8)
        self._running: list[Running] = []
        heir = [sys.executable, "-m", "rhapsode.cli.orphans", self._mark]
        # Like all of them in a session of its own, which keeps the terminal's Ctrl-C from it.
        self._heir = subprocess.Popen(heir, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)

    def start(self, name: str, arguments: Sequence[str]) -> Running:
        """Runs `prefect` with these arguments."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
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
        kill_all(self._mark)
        for started in self._running:
            started.process.wait()
        self._heir.kill()
        self._heir.communicate()
