"""`diagnose` refuses what it cannot do before Prefect starts, in one line, and shows what the flow found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rhapsode import recipe
from rhapsode.cli import orchestrate, stopping
from rhapsode.quality.diagnosis import Finding, Verdict
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.diagnose import COLUMNS, Report
from rhapsode.stages.plan import parse_book, plan_chunks
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]


@pytest.fixture
def no_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise AssertionError("Prefect was started for nothing")

    monkeypatch.setattr(orchestrate, "run_flow", started)


@pytest.mark.usefixtures("no_flow")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("tide", "--chunks", "9999"), 2, ("9999", "1 to", "rhapsode locate")),
        (("tide", "--chunks", "the last"), 2, ("'the last' is no chunk number", "17,120-180")),
        (("tide", "--chunks", "1", "--before", "-1"), 2, ("--before",)),
        (("tide",), 2, ("--chunks",)),
        (("Moby-Dick", "--chunks", "1"), 4, ("Moby-Dick", "the-tide-clock")),
    ],
)
def test_bad_input_is_one_line(
    rhapsode: Rhapsode, library: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    assert_one_line(rhapsode("diagnose", *arguments, "--library", library), code, *words)


@pytest.mark.usefixtures("no_flow")
@pytest.mark.parametrize(("engine", "model"), [("maya1-hf", "maya1"), ("maya1-gguf", "maya1-gguf")])
def test_a_book_whose_engine_is_not_here(
    rhapsode: Rhapsode, booklet: Path, tmp_path: Path, engine: str, model: str
) -> None:
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE)
    parsed = parse_book(request)
    there = plan_chunks(request, parsed)
    shelf = Shelf(open_library(request.library), parsed.shelf)
    shelf.library.delete(ReadingFolder(shelf, there.key).path("reading.json"))
    elsewhere = recipe.reading(replace(there, engine=engine))
    ReadingFolder(shelf, elsewhere.key).save(elsewhere, request)
    said = rhapsode("diagnose", "lamps", "--chunks", "1", "--library", tmp_path)
    assert_one_line(said, 3, engine, f"its model {model} is not on this machine", f"rhapsode models fetch {model}")


@pytest.mark.parametrize(("verdict", "code"), [(one, int(one is not Verdict.CLEAN)) for one in Verdict])
def test_the_verdict_decides_the_exit_code(
    rhapsode: Rhapsode, library: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: int
) -> None:
    row = dict(zip(COLUMNS, ("1", "alone", "84", "abc", "yes", "end", "0.990", "silent"), strict=True))
    report = Report(Finding(verdict, "For this reason."), (row,), "books/x/diagnosis/y/diagnosis.json")
    monkeypatch.setattr(orchestrate, "run_flow", lambda *_: report)
    monkeypatch.setattr(stopping, "stop_on_signals", lambda *_: None)
    said = rhapsode("diagnose", "tide", "--chunks", "1-2", "--library", library)
    assert (said.code, said.err) == (code, "")
    assert "2 chunks, spoken by tone in 6 ways." in said.out
    lines = [line.split() for line in said.out.splitlines()]
    assert " ".join(COLUMNS).split() in lines and [*row.values()] in lines
    assert f"{verdict}: For this reason." in said.out
