"""`models`: what is here, taking a copy, verifying it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode.cli import models as command
from rhapsode.engines.maya1.sources import SOURCES
from rhapsode.engines.maya1.weights import Models
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    made = tmp_path / "copy"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "pytorch_model.bin").write_text("tensors")
    return made


def test_nothing_is_here_and_it_says_how_to_get_it(rhapsode: Rhapsode) -> None:
    said = rhapsode("models")
    assert said.code == 0
    for name in SOURCES:
        assert f"rhapsode models fetch {name}" in said.out
    assert "no models" in rhapsode("models", "verify").out


def test_a_copy_is_taken_listed_and_verified(rhapsode: Rhapsode, copy: Path) -> None:
    taken = rhapsode("models", "fetch", "snac", "--from", copy)
    assert taken.code == 0 and str(copy) in taken.out
    listed = rhapsode("models").out
    assert f"{copy} (your own)" in listed and "rhapsode models fetch snac" not in listed
    assert "snac: 2 files are what they were" in rhapsode("models", "verify").out
    (copy / "config.json").write_text("[]")
    for arguments in (("verify",), ("verify", "snac")):
        assert_one_line(rhapsode("models", *arguments), 3, "has changed")
    assert "has changed" in rhapsode("models").out


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("fetch", "maya2"), 2, "no model 'maya2'"),
        (("verify", "maya2"), 2, "no model 'maya2'"),
        (("verify", "snac"), 3, "not on this machine"),
        (("fetch", "snac", "--from", "/nowhere"), 2, "/nowhere"),
        (("fetch", "snac", "maya1", "--from", "/nowhere"), 2, "One path"),
    ],
)
def test_what_cannot_be_done_is_one_line(rhapsode: Rhapsode, arguments: tuple[str, ...], code: int, what: str) -> None:
    assert_one_line(rhapsode("models", *arguments), code, what)


def test_fetching_names_the_commit(
    rhapsode: Rhapsode, copy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        command, "fetch", lambda models, name, tell: Models(folder).add(name, copy, "someone@" + "a" * 40)
    )
    said = rhapsode("models", "fetch", "snac")
    assert said.code == 0
    assert SOURCES["snac"].revision[:12] in said.out and "digest" in said.out
    assert "someone@aaaa" in rhapsode("models").out


def test_voices_of_maya1_are_listed_with_what_they_need(rhapsode: Rhapsode) -> None:
    said = rhapsode("voices")
    assert "maya1-hf    clara" in said.out and "rhapsode models fetch maya1" in said.out
    assert said.out.strip().endswith("Maya1 is not on this machine (rhapsode models).")


def test_an_own_voice_is_listed(rhapsode: Rhapsode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[sailor]\ndescription = "A very old sailor with a hoarse voice who takes his time."\n')
    monkeypatch.setenv("RHAPSODE_VOICES", str(own))
    assert "sailor" in rhapsode("voices").out
    own.write_text("[sailor\n")
    assert_one_line(rhapsode("voices"), 2, "no TOML")


def test_a_setting_that_means_nothing_is_named(rhapsode: Rhapsode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_SLOTS", "many")
    assert_one_line(rhapsode("models"), 2, "RHAPSODE_SLOTS is 'many'")
