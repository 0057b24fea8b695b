"""Accepted takes into chapters: a cue sheet for each, saved under the digest of what it is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from rhapsode.audio.joins import OUTLINE_VERSION, lay_out
from rhapsode.model import Chunk, Outline, Reading
from rhapsode.recipe import digest
from rhapsode.settings import AudioSettings
from rhapsode.stages.plan import load_plan
from rhapsode.stages.rows import outline_of
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

LAYOUT_VERSION = 2
"""Bumped when the same takes are laid out differently."""


def assemble_chapter(reading: Reading, accepted: str, chapter: int, settings: AudioSettings) -> str:
    """Lays out one chapter and returns the digest under which its timeline is saved; one that is there is kept.

    No audio is decoded: takes were measured when they were stored. Publishing decodes and checks every object.

    Args:
        accepted: Digest of the saved `Acceptance`.

    Raises:
        NotInLibrary, ObjectDamaged: A take has gone, or is another one than its evidence says.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    title, rows = _accepted_chapters(reading, accepted)[chapter]
    name = digest(
        {
            "layout": [LAYOUT_VERSION, OUTLINE_VERSION],
            "chapter": chapter,
            "title": title,
            "takes": [(row.chunk, row.key, row.sha256, row.boundary) for row in rows],
            "pauses": settings.pauses.model_dump(),
        }
    )
    if not shelf.has_timeline(name):
        shelf.save_timeline(name, lay_out(chapter, title, _takes(library, reading, rows), settings))
    return name


def chapters_of(reading: Reading) -> list[int]:
    """The numbers of the chapters that have something to say."""
    return sorted({chunk.chapter for chunk in load_plan(reading).chunks})


def timeline_is_there(reading: Reading, name: str) -> bool:
    return Shelf(open_library(reading.library), reading.shelf).has_timeline(name)


@lru_cache(maxsize=1)
def _accepted_chapters(reading: Reading, accepted: str) -> dict[int, tuple[str, list[TakeRow]]]:
    """Number of a chapter -> its title and its accepted takes; read once a process, for a book has many chapters."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    rows: dict[int, list[TakeRow]] = defaultdict(list)
    for row in ReadingFolder(shelf, reading.key).load_accepted(accepted):
        rows[row.chapter].append(row)
    return {chapter.number: (chapter.title, rows[chapter.number]) for chapter in shelf.load_book(reading.book).chapters}


def _takes(library: Library, reading: Reading, rows: list[TakeRow]) -> Iterator[tuple[Chunk, str, str, Outline]]:
    chunks = load_plan(reading).chunks
    for row in rows:
        yield chunks[row.chunk - 1], row.key, row.sha256, outline_of(library, row.key, row.sha256)
