"""What docs/OPERATIONS.md names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from rhapsode.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "OPERATIONS.md").read_text()


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert len(links) > 5
    for link in links:
        assert (ROOT / "docs" / link).exists(), link


def test_every_command_and_option_exists() -> None:
    group = typer.main.get_command(app)
    commands: dict[str, typer.core.TyperCommand] = group.commands  # type: ignore[attr-defined]
    named = re.findall(r"\brhapsode ([a-z]+)((?: [^`\n#]*)?)", TEXT)
    assert {name for name, _ in named} >= {"status", "clean", "redo", "deploy", "up", "doctor"}
    for name, rest in named:
        options = {option for each in commands[name].params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (name, rest)


@pytest.mark.parametrize(
    "path", ["rhapsode/cli/floor/server.env", "infra/compose.yaml", "prefect.yaml", "CHANGELOG.md"]
)
def test_every_file_that_it_sends_people_to_exists(path: str) -> None:
    assert path.rpartition("/")[2] in TEXT
    assert (ROOT / path).is_file()
