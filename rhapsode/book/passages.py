"""Runs of text and the passages that they make: what a document is, before it is cut into chapters."""

from __future__ import annotations

from dataclasses import dataclass, field

from rhapsode.book import semantics
from rhapsode.book.notes import NoteKey
from rhapsode.model import BlockKind

CELL = "\t"
"""Stands between the cells of a table row: white space, so that a block holds the book's characters only, yet a mark
that the text floor can speak as a stop ("Algernon. Did you hear what I was playing, Lane?")."""

_MAY_BE_A_MARK = frozenset({BlockKind.PARAGRAPH, BlockKind.QUOTATION, BlockKind.VERSE, BlockKind.IMAGE})


@dataclass(slots=True)
class Run:
    """A text node, or the alternative text of an image.

    Attributes:
        text: As in the document.
        skip: Why it is not narrated; empty if it is.
        before: White space that markup puts before it: a line break, a cell.
    """

    text: str
    skip: str = ""
    before: str = ""
    is_alt: bool = False


@dataclass(slots=True)
class Passage:
    """A stretch with no break inside: a block to be, or something skipped.

    Attributes:
        level: Of a heading, 1 to 6; else 0.
        anchors: The ids that stand before or in it.
        note: The note that it is part of.
        references: The notes that it refers to.
    """

    kind: BlockKind
    level: int = 0
    note: NoteKey | None = None
    runs: list[Run] = field(default_factory=list)
    anchors: tuple[str, ...] = ()
    references: tuple[NoteKey, ...] = ()

    @property
    def is_narrated(self) -> bool:
        return any(not run.skip for run in self.runs)  # no run is only white space

    def text(self) -> str:
        """The narrated words: white space collapsed, cells separated by `CELL`; nothing else is changed."""
        parts = []
        before = ""
        for run in self.runs:
            before = max(before, "\0" if run.before == CELL else run.before, key=("", " ", "\0").index)
            if not run.skip:
                parts += [before, run.text]
                before = ""
        text = collapse(parts[1] if len(parts) == 2 else "".join(parts))
        return text.replace(" \0", "\0").replace("\0 ", "\0").strip("\0").replace("\0", CELL) if "\0" in text else text

    def settle_kind(self) -> None:
        """Once it is whole: pictures without text are images, and marks without words are a scene break."""
        narrated = [run for run in self.runs if not run.skip]
        if narrated and all(run.is_alt for run in narrated) and self.kind is not BlockKind.HEADING:
            self.kind = BlockKind.IMAGE
        short = self.kind in _MAY_BE_A_MARK and sum(len(run.text) for run in narrated) < 200
        if short and semantics.is_scene_break("".join(run.text for run in narrated)):
            self.kind = BlockKind.SCENE_BREAK
            for run in narrated:
                run.skip = "scene-break-mark"


def collapse(text: str) -> str:
    """Runs of white space as one space each, none at the ends; without a list of words, which 20 MB would not bear."""
    for space in set(text):
        if space.isspace() and space != " ":
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip()
