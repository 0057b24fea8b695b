"""`python -m rhapsode.cli.tied PID COMMAND...` becomes the command, and is told to end when its parent, PID, dies.

Linux only: elsewhere a parent that is killed by force leaves its children behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2). It outlives the exec, not a fork."""


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(sys.argv[1]):  # it died before we asked
            sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (that is what it is for)


if __name__ == "__main__":
    main()
