"""The book: what is read from an EPUB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a stretch of the book is, as far as speech cares."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    VERSE = "verse"  # one line of a poem
    LIST_ITEM = "list-item"
    TABLE_ROW = "table-row"  # one row, its cells parted by tabs: speech makes a stop of each
    QUOTATION = "quotation"  # a paragraph inside a block quotation or a letter
    SCENE_BREAK = "scene-break"  # has no text; only lengthens the pause
    IMAGE = "image"  # its alternative text
    FOOTNOTE = "footnote"


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of narrated text with no break inside it.

    Attributes:
        text: The words as the book prints them; white space is collapsed to single spaces, nothing else is changed.
        document: Name of the zip member that it comes from.
        char_start: Offset of its first character in `Book.text`.
    """

    kind: BlockKind
    text: str
    document: str
    char_start: int

    @property
    def char_end(self) -> int:
        return self.char_start + len(self.text)


@dataclass(frozen=True, slots=True)
class Chapter:
    number: int
    title: str  # from the navigation; for people and for the chapter marks, not spoken
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """Words of a spine document that are not narrated, and why.

    `reason` is one of a small vocabulary: `toc`, `landmarks`, `page-list`, `page-number`, `footnote`,
    `footnote-reference`, `backlink`, `scene-break-mark`, `ruby`, `hidden`, `fallback`, `non-linear`,
    `front-matter: <type>`, `back-matter: <type>`.
    """

    document: str
    reason: str
    words: int
    excerpt: str  # the first words, for people


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """The word account of one spine document: `words == narrated + skipped`, or the conversion stops.

    `words` was counted by a parser of its own that knows nothing of chapters, notes or blocks.
    """

    document: str
    words: int
    narrated: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Metadata:
    title: str
    authors: tuple[str, ...] = ()
    language: str = "en"  # BCP 47
    identifier: str = ""
    publisher: str = ""
    published: str = ""  # as the book gives it; starts with a year
    description: str = ""
    subjects: tuple[str, ...] = ()
    series: str = ""
    series_index: str = ""

    @property
    def author(self) -> str:
        return ", ".join(self.authors)


@dataclass(frozen=True, slots=True)
class Cover:
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Book:
    """A parsed book. `digest` is the sha256 of the EPUB file and names its folder in the library."""

    digest: str
    metadata: Metadata
    chapters: tuple[Chapter, ...]
    skips: tuple[Skip, ...]
    ledger: tuple[LedgerLine, ...]
    cover: Cover | None = None

    @property
    def blocks(self) -> Iterator[Block]:
        for chapter in self.chapters:
            yield from chapter.blocks

    @property
    def text(self) -> str:
        """All blocks joined by newlines: what `char_start` and `char_end` count in."""
        return "\n".join(block.text for block in self.blocks)
