"""The plan: what is said, in which chunks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Boundary(StrEnum):
    """What follows a chunk in the book; it sets the pause."""

    SENTENCE = "sentence"  # the paragraph goes on
    PARAGRAPH = "paragraph"
    SCENE = "scene"
    HEADING = "heading"  # the chunk is a heading and text follows
    CHAPTER = "chapter"  # last chunk of its chapter


@dataclass(frozen=True, slots=True)
class Span:
    """One sentence (or clause of an over-long one): where it stands in the book and in the chunk's spoken text."""

    char_start: int
    char_end: int
    spoken_start: int
    spoken_end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """One stretch of text spoken in one engine call.

    Attributes:
        number: From 1, over the whole book.
        chapter: Number of its chapter.
        source: The text as the book prints it, `Book.text[char_start:char_end]`.
        spoken: The text as the engine is asked to say it.
        boundary: What follows it.
    """

    number: int
    chapter: int
    source: str
    spoken: str
    char_start: int
    char_end: int
    spans: tuple[Span, ...]
    boundary: Boundary

    @property
    def words(self) -> int:
        return len(self.source.split())


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """A contiguous run of chunks, fixed by the plan: the unit of a synthesis task. Both ends are inclusive."""

    number: int
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first:05d}-{self.last:05d}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The chunks of a book, in order, and the size of its ranges. `digest` is a hash of all of it."""

    digest: str
    chunks: tuple[Chunk, ...]
    range_size: int

    @property
    def ranges(self) -> tuple[ChunkRange, ...]:
        firsts = range(1, len(self.chunks) + 1, self.range_size)
        return tuple(
            ChunkRange(i, first, min(first + self.range_size - 1, len(self.chunks)))
            for i, first in enumerate(firsts, start=1)
        )

    def chunks_of(self, chunk_range: ChunkRange) -> tuple[Chunk, ...]:
        return self.chunks[chunk_range.first - 1 : chunk_range.last]
