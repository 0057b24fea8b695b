"""Names of files, and who may write them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.audio.encode import Encoded
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages import publish
from rhapsode.stages.publish import file_name
from rhapsode.store.editions import Edition, PublishedFile, edition_path
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf, find_shelf
from tests.plain import convert

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


def test_who_encodes_otherwise_takes_a_number_of_its_own(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that is late, with another ffmpeg, must not write over what is published meanwhile."""
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE)
    late: list[Edition] = []
    stored, encoder = publish._stored, publish._encoder

    def overtaken(library: Library, shelf: Shelf, number: int, file: Encoded) -> PublishedFile:
        if not late:
            monkeypatch.setattr(publish, "_stored", stored)
            monkeypatch.setattr(publish, "_encoder", lambda: ["another ffmpeg"])
            late.append(convert(request))
            monkeypatch.setattr(publish, "_encoder", encoder)
        return stored(library, shelf, number, file)

    monkeypatch.setattr(publish, "_stored", overtaken)
    first = convert(request)
    assert (first.number, late[0].number, first.content) == (1, 2, late[0].content)
    for edition in (first, *late):
        path = edition_path(
            find_shelf(open_library(str(tmp_path)), edition.title), edition.number, edition.files[0].name
        )
        assert sha256((tmp_path / path).read_bytes()).hexdigest() == edition.files[0].sha256
