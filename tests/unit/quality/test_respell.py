"""The same words, written more plainly; never other words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.quality.respell import respelled, says_the_same
from rhapsode.quality.words import words_of


@pytest.mark.parametrize(
    ("printed", "plain"),
    [
        ("It was in 1984.", "It was in nineteen eighty four."),
        ("Since May, 1605, a thousand.", "Since May, sixteen oh five, a thousand."),
        ("In 1905, in 1900, and in 1066.", "In nineteen oh five, in nineteen hundred, and in ten sixty six."),
        ("On the 21st, 1,234 men came.", "On the twenty first, one thousand two hundred and thirty four men came."),
        ("Mr. Pott and Capt. Hare, etc.", "Mister Pott and Captain Hare, etc."),
        ("“Café,” he said; ‘don’t’—never-ending… no (or yes).", "Cafe, he said, don’t, never ending, no, or yes."),
        ("Go: now.", "Go, now."),
        ("Yes.", "Yes."),
    ],
)
def test_a_text_is_written_plainly(printed: str, plain: str) -> None:
    assert respelled(printed) == plain


@pytest.mark.parametrize("text", ["At 10:30 he paid $3.50.", "Agent 007.", "2.5 miles, 1/2 mile, No. 5", "A1 and B12."])
def test_what_could_become_another_word_stays(text: str) -> None:
    assert says_the_same(text, respelled(text))
    assert [word.text for word in words_of(respelled(text))] == [word.text for word in words_of(text)]


AWKWARD = [
    "Mr.",
    "12",
    "1,000",
    "3rd",
    "1999",
    "St.",
    "—",
    ";",
    "“",
    "”",
    "(",
    ")",
    "é.g.",
    "well-known",
    "£5",
    "…",
    "XIV",
]


@given(st.lists(st.sampled_from([*AWKWARD, "it's", "and", "Dr", "'", "-", "men", "0", "1.5"])))
def test_no_word_is_lost_or_changed(words: list[str]) -> None:
    text = " ".join(words)
    assert says_the_same(text, respelled(text))


@pytest.mark.parametrize(
    "text",
    [
        "He ate the fig.",
        "I love you, Jan.",
        "They crossed the col.",
        "Mark Pott, Esq.",
        "1001 nights.",
        "Call 555-1234.",
    ],
)
def test_what_may_be_read_in_two_ways_stays(text: str) -> None:
    assert respelled(text) == text


def test_other_words_are_noticed() -> None:
    assert not says_the_same("He paid twelve men.", "He paid twenty men.")
    assert not says_the_same("He paid the men.", "He paid men.")
