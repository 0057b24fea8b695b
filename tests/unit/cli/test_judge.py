"""`judge` and `report`: verdicts and a page from what was heard already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from rhapsode.cli.announce import show_edition
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.stages import verify
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import speak_job
from rhapsode.store import hearings
from rhapsode.store.editions import latest_edition
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf, find_shelf
from tests.fixtures.ear import NONSENSE, Ear
from tests.plain import convert
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]
BAD, OPEN = 5, 9


@pytest.fixture(scope="module")
def checked(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a book every take of which was heard, one of them as nonsense, and one without being sure."""
    library = tmp_path_factory.mktemp("judge") / "library"
    verification = Verification(listen=Listen.ALL)
    request = ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.HIBARI, verify=verification)
    reading = plan_chunks(request, parse_book(request))
    plan, ear = load_plan(reading), Ear()
    ear.garbles, ear.unsure = {plan.chunks[BAD - 1].spoken}, {plan.chunks[OPEN - 1].spoken}
    listening = verify.listening_of(reading, verification)
    assert listening
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "load_recogniser", lambda name: ear)
        for job in map(first_job, plan.ranges):
            speak_job(reading, job)
            ear.learn(ReadingFolder(Shelf(open_library(str(library)), reading.shelf), reading.key).read_takes())
            verify.verify_job(reading, job, listening)
    convert(request)
    return library


def test_what_no_take_is_good_of_is_shown_with_what_to_do(rhapsode: Rhapsode, checked: Path) -> None:
    said = rhapsode("judge", "The Lamps", "--library", checked)
    assert said.code == 1
    line = next(line for line in said.out.splitlines() if line.split()[:3] == [str(BAD), "1", "fail"])
    assert "otherwise" in line or "missing" in line
    assert "1 chunk without a good one" in said.out
    assert f"\nInconclusive, so worth a listen (rhapsode report): chunk {OPEN}\n" in said.out
    assert f"--chunks {BAD} --library {checked}" in said.out


def test_as_json_every_take_is_there_with_what_was_heard(rhapsode: Rhapsode, checked: Path) -> None:
    takes = json.loads(rhapsode("judge", "The Lamps", "--library", checked, "--json").out)
    assert len(takes) > 40
    [bad] = [take for take in takes if take["verdict"] == "fail"]
    assert (bad["chunk"], bad["heard"]) == (BAD, NONSENSE)
    assert bad["score"] > 0 and bad["reasons"]
    [unsure] = [take for take in takes if take["verdict"] == "inconclusive"]
    assert (unsure["chunk"], unsure["second"]) == (OPEN, None)


def test_another_strictness_needs_no_listening(rhapsode: Rhapsode, checked: Path) -> None:
    scores = {}
    for strictness in ("low", "high"):
        said = rhapsode("judge", "The Lamps", "--library", checked, "--strictness", strictness, "--json")
        scores[strictness] = {take["chunk"] for take in json.loads(said.out) if take["verdict"] != "pass"}
    assert BAD in scores["low"] <= scores["high"]


def test_the_last_lines_of_a_run_name_what_a_person_should_hear(
    checked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = find_shelf(open_library(str(checked)), "The Lamps")
    edition = latest_edition(shelf)
    assert edition
    reading, _ = ReadingFolder(shelf, edition.reading).load()
    show_edition(Console(width=200), shelf, edition, shelf.load_book(reading.book))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"Inconclusive, so worth a listen (rhapsode report): chunk {OPEN}"


def test_a_query_reads_what_applies_and_no_older_version(
    rhapsode: Rhapsode, checked: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def heard() -> list[dict[str, object]]:
        said = rhapsode("query", "The Lamps", "select chunk from heard", "--library", checked, "--json")
        assert said.code == 0, said.err
        rows: list[dict[str, object]] = json.loads(said.out)
        return rows

    assert len(heard()) > 40 and not caplog.messages
    monkeypatch.setattr(verify, "MEASURES_VERSION", 1000)
    monkeypatch.setattr(hearings, "KIND", "heard/1000")
    assert heard() == []
    [line] = caplog.messages
    assert line.startswith("heard lacks reading ") and "Convert the book again" in line


def test_no_such_strictness_is_one_line(rhapsode: Rhapsode, checked: Path) -> None:
    said = rhapsode("judge", "The Lamps", "--library", checked, "--strictness", "medium")
    assert_one_line(said, 2, "--strictness cannot be 'medium'")


def test_the_page_is_written_beside_the_edition(rhapsode: Rhapsode, checked: Path) -> None:
    said = rhapsode("report", "The Lamps", "--library", checked)
    assert said.code == 0, said.err
    page = Path(said.out.strip())
    assert page.name == "report.html" and (page.parent / "manifest.json").exists()
    text = page.read_text("utf-8")
    assert f'href="#chunk-{BAD}"' in text and f'href="#chunk-{OPEN}"' in text and f'id="chunk-{BAD}"' in text
    assert "data:audio/mpeg;base64," in text
    assert f"rhapsode redo {page.parents[2].name} --chunks {BAD}" in text


def test_a_book_that_nobody_checked_says_so(rhapsode: Rhapsode, library: Path) -> None:
    for command in ("judge", "report"):
        said = rhapsode(command, "The Tide Clock", "--library", library)
        assert_one_line(said, 4, "No take of the-tide-clock-")
