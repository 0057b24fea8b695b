"""The plan of a book: its chunks in order, in ranges fixed for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rhapsode import recipe
from rhapsode.errors import WordsLost
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

    Raises:
        WordsLost: See `check_words`.
    """
    text = book.text
    chunks: list[Chunk] = []
    for chapter in book.chapters:
        for draft in chapter_drafts(chapter, budget, lexicon, book.metadata.language):
            chunks.append(_chunk(draft, text, len(chunks) + 1, chapter.number))
    check_words(text, chunks)
    range_size = max(32, 10 * slots)
    digest = recipe.digest({"chunks": [asdict(chunk) for chunk in chunks], "range_size": range_size})
    return Plan(digest, tuple(chunks), range_size)


def check_words(text: str, chunks: Sequence[Chunk]) -> None:
    """The second half of the word ledger: what is narrated is in the chunks, each word once and in order.

    Raises:
        WordsLost: Chunks overlap, or there are letters or digits between two of them.
    """
    starts = [chunk.char_start for chunk in chunks] + [len(text)]
    ends = [0] + [chunk.char_end for chunk in chunks]
    for number, (end, start) in enumerate(zip(ends, starts, strict=True), start=1):
        between = text[end:start]
        if start < end or any(char.isalnum() for char in between):
            where = f"before chunk {number}" if number <= len(chunks) else "after the last chunk"
            what = f"{' '.join(between.split())[:80]!r} is not said" if between else "words are said twice"
            raise WordsLost(
                f"The plan does not keep the book's words: {what}, {where}.",
                "This is a fault of Rhapsode: please report it with the book; other books are not affected.",
            )


def _chunk(draft: Draft, text: str, number: int, chapter: int) -> Chunk:
    spoken, spans = draft.spoken()
    start, end = spans[0].char_start, spans[-1].char_end
    return Chunk(number, chapter, text[start:end], spoken, start, end, spans, draft.boundary)
