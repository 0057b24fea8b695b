"""The three real books, planned whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.model import Boundary
from rhapsode.settings import ChunkBudget
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.plan import estimate_s, plan_book
from tests.conftest import shared_files
from tests.unit.text.by_hand import without_space

BOOKS = shared_files("books")


@pytest.mark.skipif(not BOOKS, reason="the real books are not beside the checkout")
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_real_book(path: Path) -> None:
    book = read_book(path)
    chunks = plan_book(book, ChunkBudget(), Lexicon()).chunks
    assert "".join(without_space(chunk.source) for chunk in chunks) == without_space(book.text)
    assert sum(chunk.boundary is Boundary.CHAPTER for chunk in chunks) == len(book.chapters)
    for chunk in chunks:
        assert chunk.words <= 60 and len(chunk.spoken) <= 400 and estimate_s(chunk.spoken) <= 24
        assert not re.search(r"[^\w\s.,;:!?…—'\"()£½-]", chunk.spoken), "a sign that no engine should have to guess at"
        assert not re.search(r"\b(?!OK|MP|TV)[A-Z]{4,}\b", re.sub(r"\b[IVXLC]+\b", "", chunk.spoken))
    alone = [chunk for chunk in chunks if estimate_s(chunk.spoken) < 1.5 and chunk.boundary is Boundary.PARAGRAPH]
    assert not alone, "very short lines stand beside another in these books"
    # Sentences are cut only where they must be: 60 words or 24 s are rare even in Frankenstein.
    inside = [chunk for chunk in chunks if chunk.boundary is Boundary.SENTENCE]
    cut = [chunk for chunk in inside if not re.search(r"[.!?…][\"'’”)\]]*$", chunk.source)]
    assert len(cut) < 0.05 * len(chunks)
