"""The plan of a book: its chunks in order, in ranges fixed for good."""

from __future__ import annotations

from dataclasses import asdict

from rhapsode import recipe
from rhapsode.model import Book, Chunk, Plan
from rhapsode.settings import ChunkBudget
from rhapsode.text.chunks import Draft, chapter_drafts
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.pace import estimate_s

__all__ = ["estimate_s", "plan_book"]


def plan_book(book: Book, budget: ChunkBudget, lexicon: Lexicon, slots: int = 1) -> Plan:
    """Plans a whole book: a pure function of its arguments, linear in the length of the text.

    Args:
        slots: How many chunks the engine speaks at once; it sets the size of the ranges and nothing else.
    """
    text = book.text
    chunks: list[Chunk] = []
    for chapter in book.chapters:
        for draft in chapter_drafts(chapter, budget, lexicon, book.metadata.language):
            chunks.append(_chunk(draft, text, len(chunks) + 1, chapter.number))
    range_size = max(32, 10 * slots)
    digest = recipe.digest({"chunks": [asdict(chunk) for chunk in chunks], "range_size": range_size})
    return Plan(digest, tuple(chunks), range_size)


def _chunk(draft: Draft, text: str, number: int, chapter: int) -> Chunk:
    spoken, spans = draft.spoken()
    start, end = spans[0].char_start, spans[-1].char_end
    return Chunk(number, chapter, text[start:end], spoken, start, end, spans, draft.boundary)
