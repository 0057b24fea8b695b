"""`python -m rhapsode.cli.orphans MARK` kills what bears the mark as soon as its parent is no more.

The parent holds the other end of our standard input, and the kernel closes that whatever the parent dies of. Nothing
is asked to end: a worker would go on for long, to tell that to a server that has gone as well, and so would its runs.
A kill costs no finished work, and the next floor finds the runs.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

import psutil

MARK = "RHAPSODE_UP"
"""In the environment of all that a floor starts: a run, in a session of its own, outlives a worker that is killed."""
GRACE_S = 15.0
"""For a worker to end its runs, and for the server to close its database; and for what was killed to be gone."""


def bearers(mark: str) -> list[psutil.Process]:
    """All processes with the mark in their environment, be they whose children they may."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended, or is none of ours
            if each.environ().get(MARK) == mark:
                found.append(each)
    return found


def kill_all(mark: str) -> None:
    """Kills them, and what they start meanwhile, for `GRACE_S` at most."""
    deadline = time.monotonic() + GRACE_S
    while (left := bearers(mark)) and time.monotonic() < deadline:
        for each in left:
            with suppress(psutil.NoSuchProcess):  # it was faster
                each.kill()
        psutil.wait_procs(left, timeout=1)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    kill_all(sys.argv[1])
