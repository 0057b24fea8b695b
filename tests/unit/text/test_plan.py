"""What must hold for the plan of any book at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import WordsLost
from rhapsode.model import BlockKind, Book, Boundary, Chunk
from rhapsode.settings import ChunkBudget
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.normalise import TERMINAL, spoken_text
from rhapsode.text.plan import check_words, estimate_s, plan_book
from tests.unit.text.by_hand import book, books, budgets, texts, without_space

P, H, SCENE = BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.SCENE_BREAK
LEXICON = Lexicon((("a", "ay ay ay ay ay ay ay ay"), ("nasa", "the space people of America")))

# Longer than any very short block, so that nothing moves between neighbours.
LONG = st.integers(8, 160).map(lambda n: "I have seen the great wide sea. " * (n // 8) + "We all went home to eat.")


def sayable(source: str) -> bool:
    return bool(spoken_text(source, P, Lexicon()))


@given(books, budgets, st.sampled_from([Lexicon(), LEXICON]))
@settings(max_examples=150, deadline=None)
def test_words_are_conserved_and_no_chunk_is_over_budget(drawn: Book, budget: ChunkBudget, lexicon: Lexicon) -> None:
    text, plan = drawn.text, plan_book(drawn, budget, lexicon)
    assert [chunk.number for chunk in plan.chunks] == list(range(1, len(plan.chunks) + 1))
    for chapter in drawn.chapters:
        chunks = [chunk for chunk in plan.chunks if chunk.chapter == chapter.number]
        blocks = [block for block in chapter.blocks if block.text]
        if any(sayable(block.text) for block in blocks):
            assert "".join(without_space(chunk.source) for chunk in chunks) == "".join(
                without_space(block.text) for block in blocks
            )
        else:
            assert not chunks
    for chunk in plan.chunks:
        assert chunk.source == text[chunk.char_start : chunk.char_end]
        assert len(chunk.spoken.split()) <= budget.words
        assert len(chunk.spoken) <= budget.characters
        assert estimate_s(chunk.spoken) <= budget.seconds + 1e-6


@given(books, budgets)
@settings(max_examples=100, deadline=None)
def test_spans_slice_book_and_speech(drawn: Book, budget: ChunkBudget) -> None:
    for chunk in plan_book(drawn, budget, LEXICON).chunks:
        assert (chunk.char_start, chunk.char_end) == (chunk.spans[0].char_start, chunk.spans[-1].char_end)
        said = [chunk.spoken[span.spoken_start : span.spoken_end] for span in chunk.spans]
        assert " ".join(said) == chunk.spoken
        assert all(any(map(str.isalnum, words)) for words in said)
        for one, following in zip(chunk.spans, chunk.spans[1:], strict=False):
            assert not drawn.text[one.char_end : following.char_start].strip()
        assert chunk.spoken.rstrip("\"')»").endswith(tuple(TERMINAL))


@given(books, budgets)
@settings(max_examples=30, deadline=None)
def test_planning_is_a_pure_function(drawn: Book, budget: ChunkBudget) -> None:
    plan = plan_book(drawn, budget, Lexicon())
    assert plan == plan_book(drawn, budget, Lexicon())
    assert plan.digest != plan_book(drawn, budget, Lexicon(), slots=8).digest


def edited(before: list[str], after: list[str]) -> tuple[list[Chunk], list[Chunk]]:
    """Chunks of the book before that are gone, chunks of the book after that are new (by what is spoken and paused)."""
    plans = [
        plan_book(book([(P, text) for text in texts]), ChunkBudget(), Lexicon()).chunks for texts in (before, after)
    ]
    said = [[(chunk.spoken, chunk.boundary) for chunk in chunks] for chunks in plans]
    gone = [chunk for chunk, key in zip(plans[0], said[0], strict=True) if key not in said[1]]
    new = [chunk for chunk, key in zip(plans[1], said[1], strict=True) if key not in said[0]]
    return gone, new


@given(st.lists(LONG, min_size=3, max_size=8), texts(max_size=100), st.data())
@settings(max_examples=60, deadline=None)
def test_an_edit_changes_only_the_chunks_of_its_paragraph(
    paragraphs: list[str], addition: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(paragraphs) - 1))
    paragraphs = [f"Paragraph {number} begins here. {text}" for number, text in enumerate(paragraphs, start=1)]
    changed = [*paragraphs]
    changed[place] += f" Here is more: {addition}"
    for chunks, old in zip(edited(paragraphs, changed), (paragraphs, changed), strict=True):
        start = sum(len(text) + 1 for text in old[:place])
        for chunk in chunks:
            assert start <= chunk.char_start and chunk.char_end <= start + len(old[place])


SHORT_OR_LONG = st.one_of(st.sampled_from(["“Yes.”", "“No!”", "Oh.", "He ran."]), LONG)


@given(st.lists(SHORT_OR_LONG, min_size=2, max_size=12), SHORT_OR_LONG, st.data())
@settings(max_examples=100, deadline=None)
def test_an_edit_reaches_no_further_than_the_very_short_lines_beside_it(
    lines: list[str], new: str, data: st.DataObject
) -> None:
    """The exact rule: the edited block, the runs of very short blocks on both sides, one block beyond each."""
    place = data.draw(st.integers(0, len(lines) - 1))
    changed = [*lines[:place], new, *lines[place + 1 :]]
    first, last = place - 1, place + 1
    while first > 0 and len(lines[first]) < 10:
        first -= 1
    while last < len(lines) - 1 and len(lines[last]) < 10:
        last += 1
    before, after = (plan_book(book([(P, t) for t in ls]), ChunkBudget(), Lexicon()).chunks for ls in (lines, changed))
    starts = [sum(len(text) + 1 for text in lines[:i]) for i in range(len(lines) + 1)]
    untouched_end = starts[max(first, 0)]
    untouched_start = starts[min(last + 1, len(lines))]
    shift = len(new) - len(lines[place])
    head = [chunk.spoken for chunk in before if chunk.char_end <= untouched_end]
    tail = [chunk.spoken for chunk in before if chunk.char_start >= untouched_start]
    assert head == [chunk.spoken for chunk in after if chunk.char_end <= untouched_end]
    assert tail == [chunk.spoken for chunk in after if chunk.char_start >= untouched_start + shift]


def spoken(*blocks: tuple[BlockKind, str], budget: ChunkBudget | None = None) -> list[str]:
    return [chunk.spoken for chunk in plan_book(book(blocks), budget or ChunkBudget(), Lexicon()).chunks]


def test_label_and_title_are_one_chunk_and_boundaries_say_what_follows() -> None:
    chunks = plan_book(
        book(
            [(H, "Letter I"), (H, "To Mrs. Saville, England"), (P, "You will rejoice to hear it. " * 9), (SCENE, "")],
            [(P, "I went to the North Sea."), (SCENE, ""), (P, "***"), (SCENE, ""), (P, "The sea was calm and grey.")],
        ),
        ChunkBudget(words=40),
        Lexicon(),
    ).chunks
    assert [(chunk.boundary, chunk.words) for chunk in chunks] == [
        (Boundary.HEADING, 6),
        (Boundary.SENTENCE, 24),
        (Boundary.CHAPTER, 30),
        (Boundary.SCENE, 7),
        (Boundary.CHAPTER, 6),
    ]
    assert chunks[0].spoken == "Letter 1. To Mrs. Saville, England."
    assert chunks[3].source.endswith("***"), "the ornament belongs to the chunk before it"


def test_sentences_are_balanced() -> None:
    words = [len(said.split()) for said in spoken((P, "We sat on the long wall by the sea. " * 7))]
    assert words in ([27, 36], [36, 27]), "63 words: not 60 and a rest of 3"


def test_one_very_short_neighbour_is_taken_in() -> None:
    long = "It was the best of times and the worst of times for them."
    assert spoken((P, long), (P, "“Yes.”"), (P, long)) == [long, f'"Yes." {long}']
    assert spoken((P, long), (P, "“Yes.”")) == [f'{long} "Yes."']
    assert spoken((P, "“Yes?”"), (P, "“Yes.”"), (P, "“No!”"), (P, long)) == ['"Yes?" "Yes."', f'"No!" {long}']
    assert spoken((P, long), (P, "“Yes?”"), (P, "“Yes.”"), (P, "“No!”")) == [long, '"Yes?" "Yes." "No!"']
    assert spoken((P, long), (H, "I"), (P, "“Yes.”"), (SCENE, ""), (P, long)) == [long, "1.", '"Yes."', long]
    assert spoken((P, long), (BlockKind.FOOTNOTE, "Ibid.")) == [long, "Ibid."]


def test_an_over_long_sentence_is_cut_at_its_clauses() -> None:
    clause = "the sea rose over the black stones and the old wall of the house"
    said = spoken((P, f"And then {clause}; {clause}, {clause}; {clause}, {clause}, and {clause}."))
    assert [text[-7:] for text in said] == [" house.", " house."]
    assert all(35 < len(text.split()) < 50 for text in said)


def test_a_chapter_that_says_nothing_has_no_chunk() -> None:
    chunks = plan_book(
        book([(P, "***"), (P, "—")], [(P, "* * *"), (P, "One."), (P, "…")]), ChunkBudget(), Lexicon()
    ).chunks
    assert [(chunk.chapter, chunk.source) for chunk in chunks] == [(2, "* * *\nOne.\n…")]


@pytest.mark.parametrize(
    "text",
    [
        "word " * 100_000,
        "“The cat sat. " * 40_000,
        "a" * 500_000,
        "." * 1_000_000,
        "没有空格的句子" * 20_000,
    ],
    ids=["words", "unclosed quotations", "one word", "dots", "ideographs"],
)
def test_a_monstrous_paragraph_takes_linear_time(text: str) -> None:
    started = time.process_time()
    plan = plan_book(book([(P, "Well. " + text.strip())]), ChunkBudget(), Lexicon())
    assert sum(len(without_space(chunk.source)) for chunk in plan.chunks) == len(without_space(text)) + len("Well.")
    assert time.process_time() - started < 20, "about 1 s; the quadratic ones took minutes"


def test_a_plan_that_loses_or_doubles_a_word_is_no_plan() -> None:
    text = "One two. Three four. Five six."
    whole = [
        Chunk(n, 1, text[a:b], "x.", a, b, (), Boundary.SENTENCE) for n, a, b in ((1, 0, 8), (2, 9, 20), (3, 21, 30))
    ]
    check_words(text, whole)
    with pytest.raises(WordsLost, match=r"'Three four\.' is not said, before chunk 2"):
        check_words(text, [whole[0], whole[2]])
    with pytest.raises(WordsLost, match=r"'Five six\.' is not said, after the last chunk"):
        check_words(text, whole[:2])
    with pytest.raises(WordsLost, match="said twice"):
        check_words(text, [whole[0], whole[1], whole[1], whole[2]])
