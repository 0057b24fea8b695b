"""Ctrl-C: one line that says what is kept and how to go on, and an end that no thread can hold up."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from types import FrameType

from rich.console import Console

from rhapsode.cli.orchestrate import kill_server
from rhapsode.cli.progress import Display

GRACE_S = 3.0
"""For temporary folders to be cleared and states to be reported; a thread that is speaking is not waited for."""
STOPPED = 130

_asked = threading.Event()


def stopped() -> bool:
    """Whether the user has asked for the end.

    From then on nothing that is raised is an error: libraries turn the interrupt into exceptions of their own.
    """
    return _asked.is_set()


def stop_on_signals(console: Console, display: Display) -> None:
    """From now on Ctrl-C (or SIGTERM) ends the process within `GRACE_S`, with exit code 130.

    A take is stored in one step when it is finished, so a hard end loses only what the engine is saying.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: leave())
        _asked.set()
        display.finish()
        again = shlex.join(["rhapsode", *sys.argv[1:]])
        console.print(f"Stopped. What was spoken is kept; go on with the same line: {again}", soft_wrap=True)
        timer = threading.Timer(GRACE_S, leave)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    def leave() -> None:
        kill_server()
        os._exit(STOPPED)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
