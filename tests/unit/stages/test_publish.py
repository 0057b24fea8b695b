"""Titles as names of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.stages.publish import file_name

LONGEST_ENDING = " - 1000.flac"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(max_size=400) | st.text(st.sampled_from('a. /\\:*?"<>|\x00\n\u202e\U0001f56f'), max_size=300))
def test_every_title_becomes_a_name_that_a_file_can_have(title: str, tmp_path: Path) -> None:
    name = file_name(title)
    assert name == " ".join(name.split()) != ""
    assert not set(name) & set('<>:"/\\|?*\0')
    assert not name.startswith(".")
    assert not name.endswith(".")
    file = tmp_path / f"{name}{LONGEST_ENDING}"
    file.write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    file.unlink()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Tide Clock", "The Tide Clock"),
        ("Who? What: A Story / A Play", "Who What A Story A Play"),
        ("../../etc/passwd", "etc passwd"),
        ("...", "Untitled"),
        ("", "Untitled"),
    ],
)
def test_names_stay_readable(title: str, name: str) -> None:
    assert file_name(title) == name
