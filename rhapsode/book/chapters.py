"""From the passages of all documents to chapters: cut where the navigation points, in the order of the spine.

A chapter may begin in the middle of a document, and may go on over several. What comes before the first entry is a
chapter of its own. A stretch of headings and pictures only (a part's title page) opens the chapter that follows.
Without a navigation, chapters begin at h1 and h2; without those, at each document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rhapsode.book.documents import Reading
from rhapsode.book.metadata import one_line
from rhapsode.book.navigation import Entry
from rhapsode.book.notes import NoteKey
from rhapsode.book.passages import Passage
from rhapsode.model import Block, BlockKind, Chapter
from rhapsode.settings import Footnotes

_TITLE_WORDS = 40  # more than that is text, whatever it is marked as


@dataclass
class _Segment:
    title: str = ""
    parts: list[tuple[str, Passage]] = field(default_factory=list)  # document, passage

    def blocks(self) -> Iterator[tuple[str, Passage]]:
        return ((document, passage) for document, passage in self.parts if passage.is_narrated)

    def is_only_a_title(self) -> bool:
        """Headings and no more; before the first entry of the navigation also pictures, such as the cover."""
        allowed = {BlockKind.HEADING} if self.title else {BlockKind.HEADING, BlockKind.IMAGE}
        words = 0
        for _, passage in self.blocks():
            words += len(passage.text().split()) if passage.kind in allowed else _TITLE_WORDS + 1
            if words > _TITLE_WORDS:
                return False
        return True


def divide(readings: list[Reading], entries: Iterable[Entry], footnotes: Footnotes) -> tuple[Chapter, ...]:
    """The chapters of the book; notes that are not placed in one get their runs skipped as `footnote`."""
    body = [(reading.document, passage) for reading in readings for passage in reading.passages if not passage.note]
    notes: dict[NoteKey, list[tuple[str, Passage]]] = {}
    for reading in readings:
        for passage in reading.passages:
            if passage.note:
                notes.setdefault(passage.note, []).append((reading.document, passage))
    cuts = _cuts(body, entries)
    segments = _opened(_segments(body, cuts))
    placer = _Placer(notes, footnotes)
    chapters: list[Chapter] = []
    offset = 0
    for segment in segments:
        blocks, offset = placer.blocks(segment, offset)
        chapters.append(Chapter(len(chapters) + 1, _title(segment, len(chapters) + 1), blocks))
    for passages in notes.values():
        for _, passage in passages:
            for run in passage.runs:
                if id(passage) not in placer.placed and not run.skip:
                    run.skip = "footnote"
    return tuple(chapters)


def _cuts(body: list[tuple[str, Passage]], entries: Iterable[Entry]) -> dict[int, str]:
    """Index in `body` -> title."""
    starts: dict[str, int] = {}
    anchors: dict[tuple[str, str], int] = {}
    for index, (document, passage) in enumerate(body):
        starts.setdefault(document, index)
        for anchor in passage.anchors:
            anchors.setdefault((document, anchor), index)
    cuts: dict[int, str] = {}
    for entry in entries:
        place = anchors.get((entry.document, entry.fragment), starts.get(entry.document))
        if place is not None:
            # A part and its first chapter may point to one place: both names are the chapter's.
            known = cuts.get(place, "")
            cuts[place] = entry.title if not known or known == entry.title else f"{known} – {entry.title}"
    if cuts:
        return cuts
    headings = [index for index, (_, passage) in enumerate(body) if passage.level in (1, 2) and passage.is_narrated]
    return dict.fromkeys(headings or starts.values(), "")


def _segments(body: list[tuple[str, Passage]], cuts: dict[int, str]) -> list[_Segment]:
    segments = [_Segment()]
    for index, part in enumerate(body):
        if index in cuts:
            segments.append(_Segment(cuts[index]))
        segments[-1].parts.append(part)
    return segments


def _opened(segments: list[_Segment]) -> list[_Segment]:
    """Drops what has no words to narrate, and lets titles without text open the chapter that follows."""
    spoken = [segment for segment in segments if any(True for _ in segment.blocks())]
    chapters: list[_Segment] = []
    ahead: list[tuple[str, Passage]] = []
    for index, segment in enumerate(spoken):
        if segment.is_only_a_title() and index + 1 < len(spoken):
            ahead += segment.parts
        else:
            chapters.append(_Segment(segment.title, ahead + segment.parts))
            ahead = []
    return chapters


def _title(segment: _Segment, number: int) -> str:
    heading = next((passage.text() for _, passage in segment.blocks() if passage.kind is BlockKind.HEADING), "")
    return one_line(segment.title) or one_line(heading) or f"Chapter {number}"


class _Placer:
    """Turns passages into blocks, with the notes where the listener wants them."""

    def __init__(self, notes: dict[NoteKey, list[tuple[str, Passage]]], footnotes: Footnotes) -> None:
        self.notes, self.footnotes = notes, footnotes
        self.placed: set[int] = set()  # ids of the passages of notes

    def blocks(self, segment: _Segment, offset: int) -> tuple[tuple[Block, ...], int]:
        """The blocks of a chapter and the offset in `Book.text` after it."""
        ordered: list[tuple[BlockKind, str, Passage]] = []
        late: list[NoteKey] = []
        for document, passage in segment.parts:
            if passage.kind is BlockKind.SCENE_BREAK:
                if ordered and ordered[-1][0] is not BlockKind.SCENE_BREAK:
                    ordered.append((BlockKind.SCENE_BREAK, document, passage))
                continue
            if passage.is_narrated:
                ordered.append((passage.kind, document, passage))
                late += passage.references
            if self.footnotes is Footnotes.INLINE:
                ordered += self._take(late)
                late = []
        if self.footnotes is Footnotes.END_OF_CHAPTER:
            ordered += self._take(late)
        while ordered and ordered[-1][0] is BlockKind.SCENE_BREAK:
            ordered.pop()
        blocks = []
        for kind, document, passage in ordered:
            text = "" if kind is BlockKind.SCENE_BREAK else passage.text()
            blocks.append(Block(kind, text, document, offset))
            offset += len(text) + 1  # the newline that joins blocks
        return tuple(blocks), offset

    def _take(self, keys: list[NoteKey]) -> list[tuple[BlockKind, str, Passage]]:
        """The notes of these keys that were not placed before, and the notes that they refer to."""
        taken = []
        waiting = list(keys)
        while waiting:
            for document, passage in self.notes.get(waiting.pop(0), []):
                if id(passage) not in self.placed and passage.is_narrated:
                    self.placed.add(id(passage))
                    taken.append((BlockKind.FOOTNOTE, document, passage))
                    waiting += passage.references
        return taken
