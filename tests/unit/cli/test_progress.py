"""From events to a bar: what is left, how fast, and what is said where there is no terminal."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rhapsode.cli import progress
from rhapsode.cli.progress import Display, Standing
from rhapsode.stages.progress import Spoken, Written, logger, tell

chunks = st.integers(1, 40)


@given(
    st.dictionaries(chunks, st.floats(0.5, 30), min_size=1), st.sets(chunks), st.lists(st.tuples(chunks, st.booleans()))
)
def test_the_part_grows_to_one(expected: dict[int, float], there: set[int], events: Sequence[tuple[int, bool]]) -> None:
    standing = Standing(expected, there)
    parts = [standing.part]
    for now, (chunk, reused) in enumerate(events):
        standing.add(Spoken(chunk, 1, 2.0, reused), float(now))
        parts.append(standing.part)
    assert parts == sorted(parts)
    assert all(-1e-9 <= part <= 1 for part in parts)
    done = there | {chunk for chunk, _ in events}
    assert (standing.part == 1.0) == (done >= expected.keys())
    assert standing.left_s == pytest.approx(sum(s for chunk, s in expected.items() if chunk not in done), abs=1e-6)


def test_the_speed_is_that_of_what_was_spoken_now() -> None:
    standing = Standing(dict.fromkeys(range(1, 6), 10.0), {1})
    standing.add(Spoken(2, 1, 500.0, reused=True), 0.0)
    assert standing.speed == 0.0
    standing.add(Spoken(3, 1, 10.0, reused=False), 100.0)  # the voice was loaded before it
    assert standing.speed == 0.0
    standing.add(Spoken(4, 1, 10.0, reused=False), 101.0)
    standing.add(Spoken(5, 1, 10.0, reused=False), 102.0)
    assert standing.speed == pytest.approx(10.0)


def shown(monkeypatch: pytest.MonkeyPatch, every_s: float) -> str:
    monkeypatch.setattr(progress, "EVERY_S", every_s)
    screen = io.StringIO()
    console = Console(file=screen, width=200, highlight=False, markup=False)
    standing = Standing({1: 5.0, 2: 5.0, 3: 5.0, 4: 5.0}, set())
    with Display(console, standing, {1: "The [bold]Sea", 2: "Two\x1b[31m"}, live=False) as display:
        display.phase("Starting Prefect")
        for chunk in (1, 2, 3, 4):
            tell(Spoken(chunk, 1 if chunk < 3 else 2, 5.0, reused=False))
        for samples in (10, 20):
            tell(Written(2, samples, 20))
        display.finish()
    return screen.getvalue()


def test_without_a_terminal_there_are_lines_and_no_control_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, 0.0).splitlines()
    assert lines[0] == "Starting Prefect ..."
    assert lines[1] == "Speaking: 25%, chapter 1 of 2 (The [bold]Sea)"
    assert "Finishing the last takes ..." in lines
    assert any(line.startswith("Writing the book: 50%, chapter 2 of 2") for line in lines)
    assert lines[-1] == "Reading it back ..."
    assert "\x1b" not in "".join(lines)


def test_lines_come_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(line.startswith("Speaking") for line in shown(monkeypatch, 3600.0).splitlines()) == 1


def test_the_logger_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (logger.level, logger.propagate, list(logger.handlers))
    shown(monkeypatch, 0.0)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_records_without_an_event_are_not_ours() -> None:
    standing = Standing({1: 1.0}, set())
    Display(Console(file=io.StringIO()), standing, {}, live=False).emit(
        logging.makeLogRecord({"msg": "hello", "levelno": logging.DEBUG})
    )
    assert standing.part == 0.0


def test_a_warning_is_a_line_and_steers_no_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    with Display(console, Standing({1: 1.0}, set()), {}, live=False):
        logging.getLogger("rhapsode.engines.maya1.engine").warning("Memory [bold]ran\x1b[31m out with %d slots.", 8)
        logging.getLogger("rhapsode.engines.maya1.engine").info("nothing to see")
    logging.getLogger("rhapsode.engines.maya1.engine").warning("after the run")
    assert screen.getvalue() == "Memory [bold]ran [31m out with 8 slots.\n"
