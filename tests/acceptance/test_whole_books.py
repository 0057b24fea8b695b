"""Three whole books of Standard Ebooks: their ledgers, chapters, kinds of blocks and footnotes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.model import BlockKind
from rhapsode.settings import Footnotes
from tests.conftest import SHARED


def book_path(name: str) -> Path:
    path = SHARED / "books" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.parametrize(
    ("name", "words"),  # schema:wordCount of their packages, which counts a little otherwise
    [
        ("mary-shelley_frankenstein.epub", 77_898),
        ("oscar-wilde_the-importance-of-being-earnest.epub", 20_536),
        ("p-g-wodehouse_love-among-the-chickens.epub", 50_565),
    ],
)
@pytest.mark.parametrize("footnotes", Footnotes)
def test_ledgers_of_whole_books_close_exactly(name: str, words: int, footnotes: Footnotes) -> None:
    book = read_book(book_path(name), footnotes)
    skipped: Counter[str] = Counter()
    for skip in book.skips:
        skipped[skip.document] += skip.words
    for line in book.ledger:
        assert line.words == line.narrated + line.skipped
        assert line.skipped == skipped[line.document]
    narrated = sum(line.narrated for line in book.ledger)
    assert narrated == pytest.approx(words, rel=0.005)
    assert len(book.text.split()) == pytest.approx(narrated, rel=0.005)
    assert book.metadata.language == "en-GB"
    assert book.cover is not None and book.cover.media_type == "image/svg+xml"


def test_frankenstein() -> None:
    book = read_book(book_path("mary-shelley_frankenstein.epub"))
    titles = [chapter.title for chapter in book.chapters]
    assert titles[:8] == [
        "Introduction",
        "Preface",
        "Dedication",
        "Epigraph",
        *(f"Letter {n}" for n in ["I", "II", "III", "IV"]),
    ]
    assert titles[8] == "Chapter I" and titles[31] == "Chapter XXIV" and titles[32:] == ["Walton, in Continuation"]
    assert (book.metadata.title, book.metadata.authors) == ("Frankenstein", ("Mary Shelley",))
    assert book.metadata.series == ""  # three lists of best books are no series
    words: Counter[str] = Counter()
    for skip in book.skips:
        words[skip.reason] += skip.words
    assert words["footnote-reference"] == words["backlink"] == 3
    assert words["footnote"] == 9
    assert {"front-matter: titlepage", "front-matter: imprint", "back-matter: colophon"} <= words.keys()
    assert book.chapters[4].blocks[1].kind is BlockKind.QUOTATION
    assert "Did I request thee, Maker" in book.chapters[3].blocks[0].text
    assert book.chapters[3].blocks[0].kind is BlockKind.VERSE


def test_footnotes_of_frankenstein() -> None:
    book = read_book(book_path("mary-shelley_frankenstein.epub"), Footnotes.INLINE)
    blocks = list(book.blocks)
    notes = [index for index, block in enumerate(blocks) if block.kind is BlockKind.FOOTNOTE]
    assert [blocks[index].text for index in notes] == [
        "Coleridge’s “Ancient Mariner.”",
        "The moon.",
        "Wordsworth’s “Tintern Abbey.”",
    ]
    assert blocks[notes[0] - 1].text == "Doth close behind him tread.”"
    late = read_book(book_path("mary-shelley_frankenstein.epub"), Footnotes.END_OF_CHAPTER)
    assert [chapter.title for chapter in late.chapters if chapter.blocks[-1].kind is BlockKind.FOOTNOTE] == [
        *("Chapter V", "Chapter XI", "Chapter XVIII")
    ]


def test_earnest() -> None:
    book = read_book(book_path("oscar-wilde_the-importance-of-being-earnest.epub"))
    assert [chapter.title for chapter in book.chapters] == [
        *("Dramatis Personae", "The Scenes of the Play", "Act I", "Act II", "Act III")
    ]
    rows = [block.text for block in book.blocks if block.kind is BlockKind.TABLE_ROW]
    assert "Algernon\tDid you hear what I was playing, Lane?" in rows
    assert rows[0] == "Lane is arranging afternoon tea on the table, and after the music has ceased, Algernon enters."


def test_chickens() -> None:
    book = read_book(book_path("p-g-wodehouse_love-among-the-chickens.epub"))
    titles = [chapter.title for chapter in book.chapters]
    assert len(titles) == 24
    assert titles[:2] == ["Dedication", "I: A Letter with a Postscript"]
    assert titles[-1] == "XXIII: After the Storm"
    assert sum(block.kind is BlockKind.SCENE_BREAK for block in book.blocks) == 10
