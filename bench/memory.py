"""The peak memory of a conversion through the plain stages, in a process of its own.

python -m bench.memory BOOK.epub ENGINE       prints MB
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode.settings import ConvertRequest, EngineName


def peak_mb(epub: Path, engine: EngineName) -> float:
    """Converts the book in a fresh process and returns the most memory that it held."""
    command = [sys.executable, "-m", __spec__.name, str(epub), engine.value]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_peak_mb() -> float:
    """The most memory that this process ever held, in MB of 1024 kB; Linux only.

    Not `ru_maxrss`: it outlives fork and exec, so a child of a large process would report that one's size.
    """
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert peak
    return int(peak[1]) / 1024


def main() -> None:
    from tests.plain import convert  # noqa: PLC0415  the caller only starts processes

    with TemporaryDirectory(prefix="rhapsode-bench-") as library:
        convert(ConvertRequest(epub=sys.argv[1], library=library, engine=EngineName(sys.argv[2]), workers=1))
    print(own_peak_mb())


if __name__ == "__main__":
    main()
