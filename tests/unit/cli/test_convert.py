"""`convert` as people run it: in a process of its own, with a temporary Prefect server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rhapsode.settings import DEFAULT_LIBRARY
from tests.unit.cli.conftest import Said

RHAPSODE = Path(sys.executable).with_name("rhapsode")
NOWHERE = "http://127.0.0.1:9/api"
"""The discard port: nothing answers there."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convert")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    """Without the settings of the session's Prefect harness, and of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RHAPSODE_"))}
    return kept | {"PREFECT_HOME": str(home / "prefect")}


def run(environment: dict[str, str], home: Path, *arguments: object) -> Said:
    command = [str(RHAPSODE), *map(str, arguments)]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=240, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def first(environment: dict[str, str], home: Path, story: Path) -> Said:
    return run(environment, home, "convert", story, "--engine", "tone")


def test_the_book_is_shown_before_prefect_starts_and_the_file_at_the_end(first: Said, home: Path) -> None:
    assert first.code == 0, first.err
    assert first.err == ""
    lines = first.out.splitlines()
    start = lines.index("Starting Prefect: its server needs 10 to 30 s")
    before, after = "\n".join(lines[:start]), lines[start:]
    assert lines[0].startswith("Reading ")
    for shown in (
        "The Tide Clock by",
        "4 chapters",
        "words skipped",
        "Chapter II. What Was in the Case",
        "min of audio",
    ):
        assert shown in before
    phases = ("Speaking", "Laying out", "Writing the book", "Reading it back")
    assert [next(i for i, line in enumerate(after) if line.startswith(phase)) for phase in phases] == sorted(
        next(i for i, line in enumerate(after) if line.startswith(phase)) for phase in phases
    )
    match = re.fullmatch(
        r"(.+\.m4b)  (\d:\d\d:\d\d), 4 chapters, spoken at \d+ times real time, (\d+) words skipped", lines[-1]
    )
    assert match
    assert (home / match[1]).is_file()
    assert match[1].startswith(f"{DEFAULT_LIBRARY}/books/the-tide-clock-")


def test_no_chatter_and_no_control_codes(first: Said) -> None:
    for noise in ("\x1b", "\r", "Traceback", "prefect -", "Flow run", "Task run", "http://", "Warning", "range 0000"):
        assert noise not in first.out + first.err


def test_a_second_run_speaks_nothing_and_needs_no_prefect(
    first: Said, environment: dict[str, str], home: Path, story: Path
) -> None:
    files = {path: path.stat().st_mtime_ns for path in (home / DEFAULT_LIBRARY / "objects").rglob("*.flac")}
    assert files
    second = run({**environment, "PREFECT_API_URL": NOWHERE}, home, "convert", story, "--engine", "tone")
    assert second.code == 0, second.err
    assert "published already" in second.out
    assert second.out.splitlines()[-1].split("  ")[0] == first.out.splitlines()[-1].split("  ")[0]
    assert {path: path.stat().st_mtime_ns for path in (home / DEFAULT_LIBRARY / "objects").rglob("*.flac")} == files


def test_an_error_in_the_flow_is_one_line(first: Said, environment: dict[str, str], home: Path) -> None:
    """A text without a word cannot be spoken; that is found out in a task of the flow."""
    assert first.code == 0
    said = run(environment, home, "redo", "The Tide Clock", "--chunks", "3", "--text", "...")
    assert said.code == 6
    assert said.err.startswith("error: 1 of 1 ranges failed") and said.err.count("\n") == 1
    assert "nothing is published" in said.err
    assert "Traceback" not in said.out + said.err


def test_a_prefect_server_that_does_not_answer(
    first: Said, environment: dict[str, str], home: Path, story: Path
) -> None:
    """Another format of the same takes: that much is said before Prefect is asked."""
    assert first.code == 0
    said = run(
        {**environment, "PREFECT_API_URL": NOWHERE}, home, "convert", story, "--engine", "tone", "--format", "mp3"
    )
    assert said.code == 1
    assert re.search(r"\d+ of them are in the library already", said.out)
    assert said.err.startswith(f"error: The Prefect server at {NOWHERE} does not answer")
    assert "PREFECT_API_URL" in said.err and said.err.count("\n") == 1


@pytest.fixture
def starting(environment: dict[str, str], home: Path, story: Path) -> Iterator[subprocess.Popen[str]]:
    """A conversion whose server is being started."""
    command = [str(RHAPSODE), "convert", str(story), "--engine", "tone", "--speed", "1.25"]
    process = subprocess.Popen(
        command,
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("Starting Prefect"):
            break
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(starting: subprocess.Popen[str], number: signal.Signals) -> None:
    time.sleep(2.0)
    starting.send_signal(number)
    out, err = starting.communicate(timeout=30)
    assert starting.returncode == 130
    assert out.splitlines()[-1].startswith(
        "Stopped. What was spoken is kept; go on with the same line: rhapsode convert "
    )
    assert "Traceback" not in out + err
    with pytest.raises(ProcessLookupError):  # its server is gone, too
        os.killpg(starting.pid, 0)


FIRST_WRITE = """
import sys, time
from rhapsode.cli import main

class Out:
    def __init__(self, stream): self.stream = stream
    def write(self, text):
        heavy = {"prefect", "pyarrow", "numpy", "lxml", "ebooklib", "onnxruntime"} & set(sys.modules)
        print(sorted(heavy), file=sys.stderr)
        raise SystemExit(0)
    def __getattr__(self, name): return getattr(self.stream, name)

sys.stdout = Out(sys.stdout)
sys.argv = ["rhapsode", "convert", "book.epub"]
main()
"""


def test_nothing_heavy_is_imported_before_the_first_line() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_WRITE], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.splitlines()[0] == "[]"


def first_line_s(*command: str) -> float:
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline()
        elapsed_s = time.perf_counter() - started
    return elapsed_s


def test_the_first_line_appears_within_a_second() -> None:
    """The best of five, less what this machine needs to start Python at all: others may be using its cores."""
    python_s = min(first_line_s(sys.executable, "-c", "print(1)") for _ in range(5))
    ours_s = min(first_line_s(str(RHAPSODE), "convert", "none.epub") for _ in range(5))
    assert ours_s - python_s < 1.0
