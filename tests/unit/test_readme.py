"""What the README tells people to type exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"^\.venv/bin/rhapsode [^#\n]+", README, re.MULTILINE)))
TARGETS = sorted(set(re.findall(r"^make (\w+)", README, re.MULTILINE)))


def test_the_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 5
    assert TARGETS == ["audiobook", "test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_exists(command: str) -> None:
    words = shlex.split(command)[1:]
    command_line = [Path(sys.executable).with_name("rhapsode"), words[0], "--help"]
    shown = subprocess.run(command_line, capture_output=True, text=True, timeout=60, check=True).stdout
    for option in (word for word in words if word.startswith("--")):
        assert option in shown


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_linked_file_exists() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
