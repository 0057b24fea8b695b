"""Names of files, and who may write them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.audio.encode import Encoded
from rhapsode.errors import LibraryUnreachable
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages import publish
from rhapsode.stages.publish import file_name
from rhapsode.store.editions import Edition, PublishedFile, edition_path, load_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf, find_shelf
from tests.fixtures.faults import Fault, FaultProxy
from tests.fixtures.s3 import make_bucket, use_s3
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


@pytest.mark.parametrize("stays", [False, True])
def test_a_file_that_goes_wrong_on_its_way_to_a_store_is_not_published(
    booklet: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    with FaultProxy(s3_endpoint) as proxy:
        use_s3(monkeypatch, proxy.address)
        library = open_library(f"{make_bucket(s3_endpoint)}/x")
        request = ConvertRequest(epub=str(booklet), library=library.root, engine=EngineName.TONE)
        proxy.plan = lambda asked: (
            Fault.WRONG_REQUEST
            if asked.method == "PUT" and asked.path.endswith(".m4b") and (stays or not proxy.fired)
            else None
        )
        if stays:
            with pytest.raises(LibraryUnreachable, match=r"The Lamps.m4b was sent 3 times"):
                convert(request)
            assert load_edition(find_shelf(library, "The Lamps"), 1) is None
            return
        edition = convert(request)
        (file,) = edition.files
        data = library.read_bytes(edition_path(find_shelf(library, edition.title), 1, file.name))
        assert len(proxy.fired) == 1 and sha256(data).hexdigest() == file.sha256
