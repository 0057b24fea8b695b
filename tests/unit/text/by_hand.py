"""Books made by hand, and drawn by hypothesis, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from rhapsode.model import Block, BlockKind, Book, Chapter, Metadata
from rhapsode.settings import ChunkBudget

Draw = list[tuple[BlockKind, str]]


def book(*chapters: Iterable[tuple[BlockKind | str, str]], language: str = "en") -> Book:
    """A book of the given chapters; offsets are counted here as `Book.text` joins the blocks."""
    offset, made = 0, []
    for number, blocks in enumerate(chapters, start=1):
        laid = []
        for kind, text in blocks:
            laid.append(Block(BlockKind(kind), text, "text.xhtml", offset))
            offset += len(text) + 1
        made.append(Chapter(number, f"Chapter {number}", tuple(laid)))
    return Book("0" * 64, Metadata("By hand", language=language), tuple(made), (), ())


def without_space(text: str) -> str:
    return "".join(text.split())


_ODDITIES = [
    *["***", "—", "…", ".", "!", "?!", ",", ";", "“", "”", "‘", "’", "(", ")", "[", "<laugh>", "\u2060", "\u200b"],
    *["\u2060—", "\u200a…", "⸻", "⸺", "&", "№", "§§", "°", "½", "£25", "1,000,000", "12345678901234567890", "\u202e"],
    *[
        "😀",
        "👩\u200d👩\u200d👧",
        "e\u0301",
        "z" + "\u0301" * 30,
        "ﬁ",
        "œ",
        "𝐇",
        "XIV",
        "MIX",
        "NASA",
        "DON’T",
        "GO",
        "A",
    ],
    *[
        "你好。",
        "这是一个没有空格的长句子，里面有很多字，一直写下去",
        "नमस्ते",
        "مرحبا",
        "Dr.",
        "Mrs.\xa0",
        "e.g.",
        "i.e.",
        "U.S.A.",
    ],
]
_letters = st.text("abcdefghijklmnopqrstuvwxyzéA", min_size=1, max_size=12)
_words = st.one_of(
    _letters,
    _letters,
    st.sampled_from(_ODDITIES),
    st.text(max_size=6),
    st.builds(lambda sign, times: sign * times, st.sampled_from("aA&⸻.字😀"), st.integers(1, 1500)),
    st.sampled_from([". ", "! ", ", ", "; ", ".” ", "—"]),
)
_joints = st.sampled_from([" ", " ", " ", "", ". ", ", "])


@st.composite
def texts(draw: st.DrawFn, max_size: int = 60) -> str:
    """Text as a block holds it: white space is single spaces, everything else may occur."""
    words = draw(st.lists(st.tuples(_words, _joints), max_size=max_size))
    return " ".join("".join(word + joint for word, joint in words).split())


_kinds = st.sampled_from([*BlockKind, *[BlockKind.PARAGRAPH] * 8])
_blocks = st.tuples(_kinds, texts()).map(lambda made: (made[0], "" if made[0] is BlockKind.SCENE_BREAK else made[1]))
_short_lines = st.tuples(
    st.just(BlockKind.PARAGRAPH), st.sampled_from(["“Yes.”", "No.", "—", "“Oh, I see.”", "“Well?”"])
)
chapters = st.lists(st.one_of(_blocks, _blocks, _short_lines), max_size=8)
books = st.lists(chapters, min_size=1, max_size=3).map(lambda drawn: book(*drawn))

budgets = st.one_of(
    st.just(ChunkBudget()),
    st.builds(
        ChunkBudget,
        words=st.integers(8, 80),
        characters=st.integers(60, 500),
        seconds=st.floats(4, 30),
    ),
)
