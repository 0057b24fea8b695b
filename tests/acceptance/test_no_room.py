"""A library that takes no more: one clear error, and the next run loses at most what was in hand."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest

from rhapsode.errors import LibraryUnreachable
from rhapsode.settings import ConvertRequest
from rhapsode.store import durable
from rhapsode.store.editions import Edition, latest_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf
from tests.faulty import Watched
from tests.plain import convert


def published(library: Library) -> list[Edition]:
    shelves = [Shelf(library, name) for name in library.folders("books")]
    return [edition for shelf in shelves if (edition := latest_edition(shelf))]


def fails_after(monkeypatch: pytest.MonkeyPatch, number: int, writes: int) -> list[str]:
    """Lets so many writes into the library succeed; then every one fails as the system call would.

    Returns its log: the names of the files that were to be written.
    """
    begun: list[str] = []
    write = durable._partial

    def failing(path: Path, fill: Callable[[BinaryIO], object]) -> AbstractContextManager[Path]:
        def refused(file: BinaryIO) -> None:
            file.write(b"torn")
            raise OSError(number, os.strerror(number))

        begun.append(path.name)
        return write(path, fill if len(begun) <= writes else refused)

    monkeypatch.setattr(durable, "_partial", failing)
    return begun


@pytest.fixture
def writes(request_: ConvertRequest, engine: Watched, tmp_path: Path) -> list[str]:
    """The names of the files that a conversion writes, in their order."""
    with pytest.MonkeyPatch.context() as patch:
        names = fails_after(patch, errno.ENOSPC, writes=1000)
        convert(request_.model_copy(update={"library": str(tmp_path / "with space")}))
    engine.spoken.clear()
    return names


def convert_with_room_for(writes: int, request: ConvertRequest, number: int, words: str) -> None:
    """Converts into a library that takes so many writes; what comes of it has to be one clear error."""
    with pytest.MonkeyPatch.context() as patch:
        fails_after(patch, number, writes)
        with pytest.raises(LibraryUnreachable, match=words) as caught:
            convert(request)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


no_more = pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")]
)


@no_more
@pytest.mark.parametrize("when", ["first write", "while speaking", "manifest"])
def test_a_library_that_takes_no_more_is_one_clear_error(
    number: int, words: str, when: str, writes: list[str], engine: Watched, request_: ConvertRequest
) -> None:
    room = {"first write": 0, "while speaking": len(writes) // 2, "manifest": writes.index("manifest.json")}[when]
    convert_with_room_for(room, request_, number, words)
    library = open_library(request_.library)
    assert not published(library)
    stored = len(library.list("objects"))
    spoken = len(engine.spoken)
    assert spoken - stored <= 2, "only the take that could not be written and the one in the engine are lost"
    assert convert(request_).number == 1
    assert len(engine.spoken) - spoken == len(library.list("objects")) - stored


@no_more
def test_an_edition_whose_request_could_not_be_noted_is_published_and_not_made_again(
    number: int, words: str, writes: list[str], engine: Watched, request_: ConvertRequest
) -> None:
    note = writes.index("manifest.json") + 1
    assert writes[note].startswith("published-")
    convert_with_room_for(note, request_, number, words)
    [edition] = published(open_library(request_.library))
    engine.spoken.clear()
    assert convert(request_) == edition
    assert engine.spoken == []
