"""The words of a take beside what was heard of them, as the report shows them."""

from __future__ import annotations

import re
from collections import namedtuple

from hypothesis import given
from hypothesis import strategies as st

from rhapsode.quality.alignment import align
from rhapsode.quality.words import words_of
from rhapsode.report.listening import Difference, pieces_of

Word = namedtuple("Word", "start end")


def test_the_pieces_of_a_text_keep_what_stands_between_its_words() -> None:
    said, heard = "“The tide,” he said — “came in”; it cost £3.", "the tide he came, it cost three £"
    words = {
        word: Word(said.index(word), said.index(word) + len(word))
        for word in ("The", "tide", "he", "said", "came", "in", "it")
    }
    three = Word(said.index("£"), said.index("£") + 2)
    other = [Word(match.start(), match.end()) for match in re.finditer(r"\w+|£", heard)]
    pieces = pieces_of(
        said,
        heard,
        [
            ("equal", [words["The"], words["tide"], words["he"]], other[:3]),
            ("deleted", [words["said"]], []),
            ("equal", [words["came"]], other[3:4]),
            ("deleted", [words["in"]], []),
            ("equal", [words["it"], Word(three.start - 5, three.start - 1), three], other[4:7]),
            ("substituted", [three], other[7:8]),
        ],
    )
    assert [(piece.said, piece.heard) for piece in pieces] == [
        ("“The tide,” he ", "the tide he"),
        ("said — ", ""),
        ("“came ", "came"),
        ("in”; ", ""),
        ("it cost £3", "it cost three"),
        (".", "£"),
    ]


def test_an_alignment_becomes_text() -> None:
    said, heard = (
        "“It cost £3 in 1984,” said Ukridge — and left.",
        "It cost three pounds in 1984 said Eukridge. And and",
    )
    found = align(words_of(said), words_of(heard))
    runs = [
        (p.kind, found.said[p.said_start : p.said_end], found.heard[p.heard_start : p.heard_end]) for p in found.pieces
    ]
    pieces = pieces_of(said, heard, runs)
    assert "".join(piece.said for piece in pieces) == said
    assert (pieces[0].said, pieces[0].heard) == ("“It cost £3 in 1984,” said ", "It cost three pounds in 1984 said")
    assert (pieces[-1].kind, pieces[-1].said, pieces[-1].heard) == (Difference.SUBSTITUTED, "left.", "and")


def test_many_differences_in_a_row_are_told_as_one() -> None:
    word = Word(0, 1)
    kinds = ["equal", "inserted", "substituted", "deleted", "alike", "inserted", "deleted", "alike"]
    runs = [(kind, [] if kind == "inserted" else [Word(i, i + 1)], [word]) for i, kind in enumerate(kinds)]
    pieces = pieces_of("a.bcd.ef", "x", runs)
    assert [piece.kind.value for piece in pieces] == ["equal", "substituted", "alike", "inserted", "deleted", "alike"]
    assert (pieces[1].said, pieces[1].heard) == ("bc", "x x x")


@given(st.text("ab “”.\n£", max_size=40), st.data())
def test_the_pieces_of_a_text_make_up_the_text(said: str, data: st.DataObject) -> None:
    words = [Word(match.start(), match.end()) for match in re.finditer(r"[ab]+", said)]
    runs = []
    while words:
        count = data.draw(st.integers(0, len(words)))
        kind = "deleted" if count else "inserted"
        runs.append((kind, words[:count], [] if count else [Word(0, 1)]))
        words = words[count:] if count else words[1:]
    pieces = pieces_of(said, "x", runs)
    assert "".join(piece.said for piece in pieces) == said
    assert all(piece.said == "" for piece in pieces if piece.kind is Difference.INSERTED)
