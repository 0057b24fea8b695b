"""Names that the recogniser never spells right: what a book's lexicon learns of them, and what it does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.quality.alignment import Alignment, spellings_of
from tests.unit.quality.test_alignment import aligned


def heard_for(name: str, *forms: str) -> list[Alignment]:
    return [aligned(f"At last {name} opened door number {i}.", f"At last {form} opened door number {i}.")
            for i, form in enumerate(forms)]  # fmt: skip


def test_a_lexicon_learns_what_is_heard_again_and_again() -> None:
    odd = heard_for("Waukeesis", "orange pips", "orange pips", "Waukeesis", "orange pips")
    assert odd[0].word_errors > 0
    spellings = spellings_of(odd)
    assert spellings == {"waukeesis": ("orange pips",)}
    assert aligned("So Waukeesis came.", "So orange pips came.", spellings).word_errors == 0
    assert aligned("So Waukeesis's dog came.", "So orange pips dog came.").word_errors > 0
    assert aligned("So Waukeesis came.", "So came.", spellings).word_errors == 1
    assert aligned("So Waukeesis came.", "So Baxter came.", spellings).word_errors == 1


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Waukeesis", ("orange pips", "orange pips")),  # not often enough
        ("Waukeesis", ("orange pips", "marmalade", "the bishop", "purple")),  # each time another
        ("Waukeesis", ("orange pips",) * 3 + ("Waukeesis",) * 20),  # seldom
        ("nobody", ("somebody",) * 5),  # a common word
        ("Waukeesis", ("",) * 5),  # missing
        ("Waukeesis", ("a",) * 5),  # as good as missing
        ("Waukeesis", ("six purple elephants in a garden",) * 5),  # not one word
    ],
)
def test_what_a_lexicon_does_not_learn(name: str, forms: tuple[str, ...]) -> None:
    assert spellings_of(heard_for(name, *forms)) == {}


def test_a_lexicon_does_not_learn_from_gibberish() -> None:
    said = "Waukeesis sat on green hills."
    assert spellings_of([aligned(said, "mother sat of bring elf")] * 5) == {}


@given(st.randoms(use_true_random=False))
def test_a_lexicon_does_not_depend_on_the_order(shuffle: random.Random) -> None:
    alignments = heard_for(
        "Waukeesis", "orange pips", "orange pips", "marmalade", "orange pips", "marmalade", "marmalade"
    )
    expected = spellings_of(alignments)
    assert expected == {"waukeesis": ("marmalade", "orange pips")}
    shuffle.shuffle(alignments)
    assert spellings_of(alignments) == expected
