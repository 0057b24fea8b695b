"""Accepted takes into chapters: a cue sheet for each, saved under the digest of what it is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from rhapsode.audio.joins import OUTLINE_VERSION, lay_out
from rhapsode.errors import AudioError
from rhapsode.model import Chunk, Outline, Reading
from rhapsode.recipe import digest
from rhapsode.settings import AudioSettings
from rhapsode.stages.plan import load_plan
from rhapsode.stages.rows import outlines_of
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

LAYOUT_VERSION = 2
"""Bumped when the same takes are laid out differently."""

_Entry = tuple[Chunk, TakeRow | None]
"""A chunk and its accepted take, if it has one."""


def assemble_chapter(reading: Reading, accepted: str, chapter: int, settings: AudioSettings) -> str:
    """Lays out one chapter and returns the digest under which its timeline is saved; one that is there is kept.

    No audio is decoded: takes were measured when they were stored. Publishing decodes and checks every object. A chunk
    without a take leaves its pause.

    Args:
        accepted: Digest of the saved `Acceptance`.

    Raises:
        AudioError: No chunk of the book has a take.
        NotInLibrary, ObjectDamaged: A take has gone, or is another one than its evidence says.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    title, entries, rate = _accepted_chapters(reading, accepted)[chapter]
    name = digest(
        {
            "layout": [LAYOUT_VERSION, OUTLINE_VERSION],
            "chapter": chapter,
            "title": title,
            "takes": [
                (chunk.number, row.key if row else "", row.sha256 if row else "", chunk.boundary)
                for chunk, row in entries
            ],
            "pauses": settings.pauses.model_dump(),
        }
    )
    if not shelf.has_timeline(name):
        shelf.save_timeline(name, lay_out(chapter, title, _takes(library, entries), settings, rate))
    return name


def chapters_of(reading: Reading) -> list[int]:
    """The numbers of the chapters that have something to say."""
    return sorted({chunk.chapter for chunk in load_plan(reading).chunks})


def timeline_is_there(reading: Reading, name: str) -> bool:
    return Shelf(open_library(reading.library), reading.shelf).has_timeline(name)


@lru_cache(maxsize=1)
def _accepted_chapters(reading: Reading, accepted: str) -> dict[int, tuple[str, list[_Entry], int]]:
    """Number of a chapter -> its title, its chunks, and the sample rate of the book; read once a process, for there are
    many chapters."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    rows = {row.chunk: row for row in ReadingFolder(shelf, reading.key).load_accepted(accepted)}
    if not rows:
        raise AudioError("No chunk of the book has a take.", "Convert the book again: only what is missing is spoken.")
    rate = next(iter(rows.values())).sample_rate_hz
    entries: dict[int, list[_Entry]] = defaultdict(list)
    for chunk in load_plan(reading).chunks:
        entries[chunk.chapter].append((chunk, rows.get(chunk.number)))
    chapters = shelf.load_book(reading.book).chapters
    return {chapter.number: (chapter.title, entries[chapter.number], rate) for chapter in chapters}


def _takes(library: Library, entries: list[_Entry]) -> Iterator[tuple[Chunk, str, str, Outline | None]]:
    outlines = outlines_of(library, [row for _, row in entries if row])
    for chunk, row in entries:
        if row:
            yield chunk, row.key, row.sha256, next(outlines)
        else:
            yield chunk, "", "", None
