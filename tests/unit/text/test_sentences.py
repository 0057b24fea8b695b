from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.text.pace import estimate_s
from rhapsode.text.sentences import WINDOW, clause_spans, sentence_spans
from tests.unit.text.by_hand import texts


def sentences(text: str, language: str = "en") -> list[str]:
    return [text[start:end].strip() for start, end in sentence_spans(text, language)]


@given(
    st.one_of(texts(), st.text(), texts().map(lambda text: text * 200)),
    st.sampled_from(["en", "en-GB", "fr", "ja", "xx", ""]),
)
@settings(max_examples=200, deadline=None)
def test_spans_tile_the_text(text: str, language: str) -> None:
    spans = sentence_spans(text, language)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(0 < end - start <= WINDOW for start, end in spans)
    assert all(one[1] == other[0] for one, other in pairwise(spans))


@pytest.mark.parametrize(
    "expected",
    [
        ["“Come in!”", "She came."],
        ["‘What?", "No!’ he cried.", "“Where?” he asked."],
        ["Mr. Smith went to St. Paul’s.", "Dr. Brown did not."],
        ["“Then so be it,” said he, “if you like.”", "“I do.”", "“Good.”"],
        ["“Stop it.”", "‘Yes.’", "“‘Tis late,’ he says.”", "(He left.)"],
        ["Café Müller, 😀 naïve — Ålesund.", "“Ça va?”", "It is 3.5 miles."],
        ["She said “Never.”", "‘E’s gone.", "’Im and me understand."],
        ["‘Be careful,’ says the missis.", "‘\u200a’E’s that timid,’ she says."],
        ["我来了。", "他走了。"],
        ['"Straight quotes."', '"So many."', "Here too."],
    ],
)
def test_sentences_of_a_quotation_count_and_marks_stay_with_theirs(expected: list[str]) -> None:
    joint = "" if expected[0][0] == "我" else " "
    assert sentences(joint.join(expected)) == expected


def test_each_cell_of_a_row_is_a_sentence() -> None:
    assert sentences("Lane\tYes, sir. Now.\tExit") == ["Lane", "Yes, sir.", "Now.", "Exit"]


@given(texts(), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_clauses_tile_and_fit(text: str, limit: int) -> None:
    spans = list(clause_spans(text, 0, len(text), lambda piece: len(piece) <= limit))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end - start <= limit for start, end in spans)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two three, four five; six seven, eight nine", "one two three, four five; |six seven, eight nine"),
        ("one two three four\u2060—five, six seven eight", "one two three four\u2060—|five, six seven eight"),
        ("one two three four five, six seven eight nine", "one two three four five, |six seven eight nine"),
        ("one two three four and five six seven eight", "one two three four |and five six seven eight"),
        ("one two three four five six seven eight", "one two three four |five six seven eight"),
        ("一二三四五，六七八九十", "一二三四五，|六七八九十"),
        ("abcdefghij", "abcde|fghij"),
        ("abcde\u0301\u0301fghi", "abcde\u0301\u0301|fghi"),
    ],
)
def test_where_an_over_long_sentence_is_cut(text: str, cut: str) -> None:
    spans = clause_spans(text, 0, len(text), lambda piece: len(piece) < len(text))
    assert "|".join(text[start:end] for start, end in spans) == cut


def test_the_estimate_is_near_what_hibari_took_and_adds_up() -> None:
    measured = {"Room 7.": 1.43, "No, sir.": 1.35, "Constantinople!": 1.77, "In 1823.": 1.98, "Call 5550199.": 4.55}
    for text, seconds in measured.items():
        assert estimate_s(text) == pytest.approx(seconds, rel=0.3), text
    assert estimate_s("Room 7. No, sir.") == pytest.approx(estimate_s("Room 7.") + estimate_s("No, sir."))
    assert estimate_s("再见再见") == pytest.approx(0.88)
