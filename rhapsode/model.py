"""The frozen dataclasses that flow from one floor to the next.

Units are in the names: `_s` seconds, `_hz` hertz, `_dbfs` decibels relative to full scale. Numbers shown to people
(chapters, chunks, ranges, takes, editions) start at 1. Character offsets count Python characters in `Book.text`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Mono 16-bit PCM, shape (n,). Engines quantise once; from there on all audio is integers, so equal means equal."""


# -- the book ----------------------------------------------------------------------------------------------------------


class BlockKind(StrEnum):
    """What a stretch of the book is, as far as speech cares."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    VERSE = "verse"  # one line of a poem
    LIST_ITEM = "list-item"
    TABLE_ROW = "table-row"  # one row, cells joined so that they can be read aloud
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


# -- the plan ----------------------------------------------------------------------------------------------------------


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


# -- speech ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of one engine. `description` is what a described voice (Maya1) is asked to sound like."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine draws. An engine refuses what it does not know by ignoring nothing: unused fields stay None."""

    speed: float | None = None  # 1.0 is the voice's own pace
    temperature: float | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said once: everything that the audio may depend on. `key` names the audio object (see recipe.py)."""

    text: str
    voice: Voice
    sampling: Sampling
    seed: int
    take: int
    key: str


class FinishReason(StrEnum):
    """Why a take ended. A deadline or a crash is an error, never a take."""

    END = "end"
    BUDGET = "budget"
    LOOP = "loop"
    STRETCH = "stretch"


@dataclass(frozen=True, slots=True)
class Audio:
    samples: Samples
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an engine with a codec says: token ids, to be decoded into audio at any later time.

    Attributes:
        duration_s: How long they will sound.
        slots: Beside how many others they were made: fewer than the engine has, where its memory ran out.
        legal_mass: Samples, 0 to 1, of the probability that the model itself gave to what was legal to say next.
    """

    ids: tuple[int, ...]
    duration_s: float
    slots: int
    legal_mass: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """One attempt at one utterance: a waveform, or the tokens of one."""

    utterance: Utterance
    finish: FinishReason
    elapsed_s: float
    audio: Audio | None = None
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What a take was made on. Promise 1 is bitwise for one stack; the stack is recorded, never part of a key."""

    engine: str
    weights_digest: str
    precision: str
    slots: int
    threads: int
    libraries: dict[str, str] = field(default_factory=dict)  # name -> version
    host: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is spoken, and by whom: a plan, a voice, an engine. Its evidence lies under its key.

    Attributes:
        key: Digest of all the rest but the library, from recipe.py.
        library: Root of the library, a folder or an fsspec URL.
        shelf: Name of the book's folder in the library.
        book, plan: Digests of the saved Book and Plan.
    """

    key: str
    library: str
    shelf: str
    book: str
    plan: str
    engine: str
    voice: Voice
    sampling: Sampling
    weights_digest: str
    precision: str


@dataclass(frozen=True, slots=True)
class Order:
    """One chunk to be spoken once: which take, and with which text where the planned one is overruled."""

    chunk: int
    take: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The orders of one synthesis task. `name` names its evidence: a range in round 0, the digest of its set later."""

    round: int
    name: str
    orders: tuple[Order, ...]


# -- assembly ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placed:
    """A chunk in its chapter: which audio object, which samples of it, and the pause that follows.

    Attributes:
        number: The chunk.
        key, sha256: The audio object and the digest of its samples.
        trim_start, trim_end: The samples of the object that are heard, `[trim_start:trim_end]`.
        start: Offset of its first heard sample in the chapter.
        pause: Samples of room tone after it.
    """

    number: int
    key: str
    sha256: str
    trim_start: int
    trim_end: int
    start: int
    pause: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """One assembled chapter: a cue sheet, not a copy of the audio.

    Attributes:
        lead_in: Samples of room tone before the first chunk.
        length: Samples in all: `lead_in + sum(trim_end - trim_start + pause)`.
        loudness_blocks: Histogram of the momentary loudness of its 400 ms blocks, LUFS in steps of 0.1 -> count; the
            histograms of all chapters together give the book's integrated loudness.
        true_peak_dbtp: Highest inter-sample peak before gain.
    """

    chapter: int
    title: str
    sample_rate_hz: int
    lead_in: int
    placed: tuple[Placed, ...]
    length: int
    loudness_blocks: dict[float, int]
    true_peak_dbtp: float
