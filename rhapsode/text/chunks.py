"""Chapters into chunks: what one engine call is asked to say.

A chunk is whole sentences of one block (one paragraph, list item, line of verse ...), evenly filled. Three exceptions:

- Consecutive headings (a label and its title) are packed together.
- A very short block (`VERY_SHORT_S`; language-model voices fail on a lone "Yes.") joins the first chunk of the block
  that follows, or else (at the end of a scene) the last chunk of the block before: never a heading, notes and pictures
  only among themselves. So a chunk takes in one such neighbour, at the end of a scene one more.
- What cannot be said ("***", a lone dash) belongs to the chunk before it, or else to the one after it in the chapter.

Every block is packed by itself before any neighbour is taken in, so an edit of one block changes only its own chunks,
and at most the chunks that hold the very short blocks beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from rhapsode.model import Block, BlockKind, Boundary, Chapter, Span
from rhapsode.settings import ChunkBudget
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.normalise import ensure_terminal, phrase
from rhapsode.text.pace import estimate_s
from rhapsode.text.sentences import clause_spans, sentence_spans

VERY_SHORT_S = 1.5
"""Blocks that take less than this (a sentence of some 13 letters) are not spoken alone if it can be helped."""

_APART = frozenset({BlockKind.HEADING, BlockKind.IMAGE, BlockKind.FOOTNOTE})

_CHUNK_COST, _CUT_COST, _UNEVEN_COST = 1.0, 2.0, 0.5
"""What packing minimises: chunks, cuts inside a sentence (worth two chunks), and the sum of squared fillings."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a clause of an over-long one. Offsets count in `Book.text`."""

    block: int
    char_start: int
    char_end: int
    phrase: str  # spoken, if the next piece continues it
    spoken: str  # spoken, if it ends the sentence or the chunk: with terminal punctuation
    words: int
    characters: int
    seconds: float
    ends_sentence: bool


@dataclass(slots=True)
class Draft:
    """A chunk without its number."""

    pieces: list[Piece]
    boundary: Boundary = Boundary.PARAGRAPH
    took_neighbour: bool = False

    def spoken(self) -> tuple[str, tuple[Span, ...]]:
        """The spoken text and where in it each piece stands."""
        text, spans = "", []
        for piece in self.pieces:
            said = piece.spoken if piece.ends_sentence or piece is self.pieces[-1] else piece.phrase
            text += " " if text else ""
            spans.append(Span(piece.char_start, piece.char_end, len(text), len(text) + len(said)))
            text += said
        return text, tuple(spans)


@dataclass(slots=True)
class Group:
    """What is packed together: one block, or consecutive headings."""

    kind: BlockKind
    pieces: list[Piece]
    scene_follows: bool = False
    drafts: list[Draft] = field(default_factory=list)

    @property
    def very_short(self) -> bool:
        return len(self.drafts) == 1 and sum(piece.seconds for piece in self.pieces) < VERY_SHORT_S


def chapter_drafts(chapter: Chapter, budget: ChunkBudget, lexicon: Lexicon, language: str) -> Iterator[Draft]:
    """The chunks of a chapter in order; none if nothing in it can be said."""
    groups = _groups(chapter.blocks, budget, lexicon, language)
    for group in groups:
        group.drafts = [Draft(pieces) for pieces in pack(group.pieces, budget)]
    _take_in_neighbours(groups, budget)
    drafts = [(draft, group) for group in groups for draft in group.drafts]
    for i, (draft, group) in enumerate(drafts):
        draft.boundary = _boundary(draft, group, drafts[i + 1][0] if i + 1 < len(drafts) else None)
        yield draft


def _boundary(draft: Draft, group: Group, following: Draft | None) -> Boundary:
    if following is None:
        return Boundary.CHAPTER
    if following.pieces[0].block == draft.pieces[-1].block:
        return Boundary.SENTENCE
    if group.scene_follows and draft is group.drafts[-1]:
        return Boundary.SCENE
    return Boundary.HEADING if group.kind is BlockKind.HEADING else Boundary.PARAGRAPH


def _groups(blocks: Sequence[Block], budget: ChunkBudget, lexicon: Lexicon, language: str) -> list[Group]:
    groups: list[Group] = []
    unsaid: int | None = None  # where marks began that no piece precedes in this chapter
    for number, block in enumerate(blocks):
        if block.kind is BlockKind.SCENE_BREAK and groups:
            groups[-1].scene_follows = True
        if not block.text.strip():
            continue
        pieces = list(block_pieces(number, block, budget, lexicon, language))
        if not pieces:
            if groups:
                last = groups[-1].pieces
                last[-1] = replace(last[-1], char_end=block.char_start + len(block.text.rstrip()))
            elif unsaid is None:
                unsaid = block.char_start + len(block.text) - len(block.text.lstrip())
            continue
        if unsaid is not None:
            pieces[0], unsaid = replace(pieces[0], char_start=unsaid), None
        last_group = groups[-1] if groups else None
        if last_group and last_group.kind is block.kind is BlockKind.HEADING and not last_group.scene_follows:
            last_group.pieces.extend(pieces)
        else:
            groups.append(Group(block.kind, pieces))
    return groups


def block_pieces(number: int, block: Block, budget: ChunkBudget, lexicon: Lexicon, language: str) -> Iterator[Piece]:
    """The sentences of a block, cut at clauses where one exceeds the budget; none if nothing in it can be said."""

    def fits(source: str) -> bool:
        # The first tests keep a sentence of thousands of characters from being normalised at every cut.
        if len(source) > 2 * budget.characters or len(source.split()) > budget.words:
            return not any(map(str.isalnum, source)) and not say(source)
        return _fits([piece_of(0, source, ends=True)], budget)

    @lru_cache(maxsize=64)  # what was normalised to see whether it fits is then said
    def say(source: str) -> str:
        return phrase(source, block.kind, lexicon, language)

    def piece_of(start: int, source: str, ends: bool) -> Piece:
        said = say(source)
        spoken = ensure_terminal(said) if said else ""
        words = max(len(source.split()), len(spoken.split())) if said else 0
        characters, seconds = max(len(said), len(spoken)), max(estimate_s(said), estimate_s(spoken))
        start += block.char_start
        return Piece(number, start, start + len(source), said, spoken, words, characters, seconds, ends)

    held: Piece | None = None
    unsaid: int | None = None
    for sentence_start, sentence_end in sentence_spans(block.text, language):
        for clause_start, clause_end in clause_spans(block.text, sentence_start, sentence_end, fits):
            source = block.text[clause_start:clause_end].strip()
            if not source:
                continue
            piece = piece_of(block.text.index(source[0], clause_start), source, clause_end == sentence_end)
            if piece.spoken:
                if unsaid is not None:
                    piece, unsaid = replace(piece, char_start=unsaid), None
                if held:
                    yield held
                held = piece
            elif held:
                held = replace(held, char_end=piece.char_end, ends_sentence=held.ends_sentence or piece.ends_sentence)
            elif unsaid is None:
                unsaid = piece.char_start
    if held:
        yield held


def _fits(pieces: Sequence[Piece], budget: ChunkBudget) -> bool:
    return (
        sum(piece.words for piece in pieces) <= budget.words
        and sum(piece.characters + 1 for piece in pieces) <= budget.characters + 1
        and sum(piece.seconds for piece in pieces) <= budget.seconds
    )


def pack(pieces: Sequence[Piece], budget: ChunkBudget) -> list[list[Piece]]:
    """Shares pieces out over as few, as evenly filled chunks as the budget allows (exact, by dynamic programming)."""
    best = [0.0] + [float("inf")] * len(pieces)
    first_of = [0] * (len(pieces) + 1)
    for end in range(1, len(pieces) + 1):
        words, characters, seconds = 0, -1, 0.0
        cut = 0.0 if pieces[end - 1].ends_sentence else _CUT_COST
        for start in range(end - 1, -1, -1):
            piece = pieces[start]
            words, characters = words + piece.words, characters + piece.characters + 1
            seconds += piece.seconds
            fits = words <= budget.words and characters <= budget.characters and seconds <= budget.seconds
            if not fits and start < end - 1:
                break
            cost = best[start] + _CHUNK_COST + cut + _UNEVEN_COST * (seconds / budget.seconds) ** 2
            if cost < best[end]:
                best[end], first_of[end] = cost, start
    chunks, end = [], len(pieces)
    while end:
        chunks.append(list(pieces[first_of[end] : end]))
        end = first_of[end]
    return chunks[::-1]


def _take_in_neighbours(groups: list[Group], budget: ChunkBudget) -> None:
    """Merges each very short block, in reading order, into the chunk after it or else the chunk before it."""
    for i, group in enumerate(groups):
        if not group.very_short or group.drafts[0].took_neighbour:
            continue
        before = groups[i - 1] if i else None
        following = groups[i + 1] if i + 1 < len(groups) else None
        alone = group.drafts[0].pieces
        if following and _may_join(group, following) and _fits(alone + following.drafts[0].pieces, budget):
            following.drafts[0] = Draft(alone + following.drafts[0].pieces, took_neighbour=True)
            group.drafts = []
        elif before and _may_join(before, group) and _fits(before.drafts[-1].pieces + alone, budget):
            group.drafts = [Draft(before.drafts.pop().pieces + alone)]


def _may_join(one: Group, other: Group) -> bool:
    if not one.drafts or one.scene_follows or BlockKind.HEADING in (one.kind, other.kind):
        return False
    return one.kind is other.kind or not _APART & {one.kind, other.kind}
