"""`convert --second-opinion`: who is asked is said, and who is not here is told before Prefect starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from rhapsode.book.reader import read_book
from rhapsode.cli.announce import show_listening
from rhapsode.engines.maya1.weights import Models
from rhapsode.model import Listening
from rhapsode.quality.whispers import FETCHED, TINY_EN, carried
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    return Models(tmp_path / "models")


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (
            ("--second-opinion", "small.en"),
            3,
            "small.en is not on this machine. Run: rhapsode models fetch small.en",
        ),
        (("--recogniser", "small.en"), 3, "rhapsode models fetch small.en"),
        (("--second-opinion", "huge"), 2, "There is no recogniser 'huge'"),
        (("--second-opinion", "tiny.en"), 2, "--second-opinion cannot be 'tiny.en': it is the recogniser itself"),
    ],
)
def test_who_cannot_listen_is_one_line_before_anything_is_spoken(
    rhapsode: Rhapsode, story: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, what: str
) -> None:
    library = tmp_path / "library"
    said = rhapsode("convert", story, "--engine", "hibari", "--library", library, *arguments)
    assert_one_line(said, code, what)
    assert "Starting Prefect" not in said.out
    assert not list(library.rglob("*.flac"))


def test_models_tells_how_to_ask_a_larger_one(rhapsode: Rhapsode, models: Models) -> None:
    last = rhapsode("models").out.splitlines()[-1]
    assert "--second-opinion NAME" in last and ", ".join(FETCHED) in last
    models.add("base.en", carried(TINY_EN))  # it has the files that base.en has
    last = rhapsode("models").out.splitlines()[-1]
    assert last.endswith("rhapsode convert BOOK.epub --second-opinion base.en")


def test_the_run_says_who_is_asked(story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = read_book(story)
    show_listening(Console(), book, Listening(1.0, "tiny.en", "x", "small.en"))
    assert "What that one is not sure of is heard by small.en too." in capsys.readouterr().out
    show_listening(Console(), book, Listening(1.0, "tiny.en", "x"))
    assert "too" not in capsys.readouterr().out
