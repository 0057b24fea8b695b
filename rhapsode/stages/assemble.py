"""Accepted takes into chapters: a cue sheet for each, saved under the digest of what it is made from."""

from __future__ import annotations

from collections.abc import Iterator

from rhapsode.audio.joins import lay_out
from rhapsode.model import Audio, Chunk, Reading
from rhapsode.recipe import digest
from rhapsode.settings import AudioSettings
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import get_audio
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

LAYOUT_VERSION = 1
"""Bumped when the same takes are laid out differently."""


def assemble_chapter(reading: Reading, accepted: str, chapter: int, settings: AudioSettings) -> str:
    """Lays out one chapter and returns the digest under which its timeline is saved; one that is there is kept.

    Every audio object is read whole and checked against its sha256.

    Args:
        accepted: Digest of the saved `Acceptance`.

    Raises:
        ObjectDamaged: Stored audio is not what its evidence says.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    rows = [row for row in ReadingFolder(shelf, reading.key).load_accepted(accepted) if row.chapter == chapter]
    title = shelf.load_book(reading.book).chapters[chapter - 1].title
    chunks = {chunk.number: chunk for chunk in shelf.load_plan(reading.plan).chunks}
    name = digest(
        {
            "layout": LAYOUT_VERSION,
            "chapter": chapter,
            "title": title,
            "takes": [(row.chunk, row.key, row.sha256, row.boundary) for row in rows],
            "pauses": settings.pauses.model_dump(),
        }
    )
    if not shelf.has_timeline(name):
        shelf.save_timeline(name, lay_out(chapter, title, _takes(library, rows, chunks), settings))
    return name


def chapters_of(reading: Reading) -> list[int]:
    """The numbers of the chapters that have something to say."""
    plan = Shelf(open_library(reading.library), reading.shelf).load_plan(reading.plan)
    return sorted({chunk.chapter for chunk in plan.chunks})


def timeline_is_there(reading: Reading, name: str) -> bool:
    return Shelf(open_library(reading.library), reading.shelf).has_timeline(name)


def _takes(library: Library, rows: list[TakeRow], chunks: dict[int, Chunk]) -> Iterator[tuple[Chunk, str, str, Audio]]:
    for row in rows:
        yield chunks[row.chunk], row.key, row.sha256, get_audio(library, row.key, row.sha256)
