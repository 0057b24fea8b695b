"""A cut book is the beginning of the book, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cut import cut_book
from bench.pipeline import read_and_plan
from rhapsode.settings import ConvertRequest, EngineName


@pytest.mark.parametrize("chunks", [1, 10, 10_000])
def test_a_cut_book_says_what_the_book_says_up_to_there(chunks: int, story: Path, tmp_path: Path) -> None:
    book, plan = read_and_plan(ConvertRequest(epub=str(story), engine=EngineName.TONE))
    cut_book(book, plan, chunks, tmp_path / "cut.epub")
    cut, its_plan = read_and_plan(ConvertRequest(epub=str(tmp_path / "cut.epub"), engine=EngineName.TONE))
    wanted = " ".join(chunk.source for chunk in plan.chunks[:chunks]).split()
    words = cut.text.split()
    assert words[: len(wanted)] == wanted
    assert len(its_plan.chunks) >= min(chunks, len(plan.chunks)) - 1
    assert words == book.text.split()[: len(words)]
    rest_of_block = len(words) - len(wanted)
    assert rest_of_block <= max(len(block.text.split()) for block in book.blocks)
    assert cut.cover is not None
