"""What docs/ENGINES.md names exists: a promise whose test was renamed is a promise without a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rhapsode.engines.machine import MachineSettings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "ENGINES.md").read_text()
TESTS = "\n".join(f"{path.name}\n{path.read_text()}" for path in (ROOT / "tests").rglob("*.py"))


def test_it_names_tests() -> None:
    assert len(set(re.findall(r"`(test_\w+)`", TEXT))) >= 20


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", TEXT))))
def test_every_test_exists(name: str) -> None:
    assert f"def {name}(" in TESTS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:rhapsode|tests|bench)/[\w./]+)`", TEXT))))
def test_every_file_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", MachineSettings.model_fields)
def test_every_variable_is_explained(name: str) -> None:
    assert f"| `RHAPSODE_{name.upper()}` |" in TEXT
