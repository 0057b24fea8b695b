"""The reader makes of the example what its author meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.build_epub import build_epub
from rhapsode.book.reader import read_book
from rhapsode.model import Block, BlockKind, Book
from rhapsode.settings import Footnotes


@pytest.fixture(scope="module")
def epub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("example") / "the-tide-clock.epub"
    build_epub(target)
    return target


@pytest.fixture(scope="module")
def book(epub: Path) -> Book:
    return read_book(epub, Footnotes.SKIP)


def blocks(book: Book, *kinds: BlockKind) -> list[Block]:
    return [block for block in book.blocks if block.kind in kinds]


def test_the_dedication_and_three_chapters_are_narrated(book: Book) -> None:
    assert [(chapter.number, chapter.title) for chapter in book.chapters] == [
        (1, "Dedication"),
        (2, "Chapter I. The Clock with One Hand"),
        (3, "Chapter II. What Was in the Case"),
        (4, "Chapter III. High Water"),
    ]
    assert [block.text for block in book.chapters[0].blocks] == ["For the one who told you your first story."]
    assert [block.text for block in blocks(book, BlockKind.HEADING)] == [chapter.title for chapter in book.chapters[1:]]


def test_what_is_skipped_is_named(book: Book) -> None:
    reasons = {skip.reason for skip in book.skips}
    assert {"front-matter: titlepage", "back-matter: colophon", "footnote", "footnote-reference", "toc"} <= reasons
    assert "tide clock follows the moon" not in book.text
    assert "version 2.0" not in book.text


def test_ledger_closes(book: Book) -> None:
    assert len(book.ledger) == 7
    assert all(line.words == line.narrated + line.skipped for line in book.ledger)
    assert 1100 <= sum(line.narrated for line in book.ledger) <= 1300


def test_verse_letter_list_and_scene_break(book: Book) -> None:
    assert [block.text for block in blocks(book, BlockKind.VERSE)] == [
        "The sea goes out, the sea comes in,",
        "It never asks you where you’ve been.",
        "So light the lamp and leave the door,",
        "And call me home across the shore.",
    ]
    letter = [block.text for block in blocks(book, BlockKind.QUOTATION)]
    assert len(letter) == 7
    assert (letter[0], letter[-1]) == ("To the one who could not leave it alone,", "Tom")
    assert len(blocks(book, BlockKind.LIST_ITEM)) == 4
    narrated = list(book.blocks)
    [scene] = [index for index, block in enumerate(narrated) if block.kind is BlockKind.SCENE_BREAK]
    assert narrated[scene - 1].text.endswith("and she was laughing.")
    assert narrated[scene + 1].text.startswith("After that they lived")


def test_the_reference_mark_is_not_read(book: Book) -> None:
    [sentence] = [block.text for block in book.blocks if "for low water" in block.text]
    assert sentence.endswith("at the bottom a crab, for low water.")


@pytest.mark.parametrize("footnotes", [Footnotes.INLINE, Footnotes.END_OF_CHAPTER])
def test_the_footnote_is_read_where_it_is_asked_for(epub: Path, footnotes: Footnotes) -> None:
    chapter = read_book(epub, footnotes).chapters[1].blocks
    [note] = [index for index, block in enumerate(chapter) if block.text.startswith("A tide clock follows the moon")]
    assert chapter[note].kind is BlockKind.FOOTNOTE
    assert chapter[note].text.endswith("a little more than twelve hours.")  # without its link back
    assert (note == len(chapter) - 1) is (footnotes is Footnotes.END_OF_CHAPTER)


def test_metadata_and_cover(book: Book) -> None:
    metadata = book.metadata
    assert (metadata.title, metadata.author, metadata.language) == ("The Tide Clock", "The Rhapsode Founders", "en")
    assert (metadata.series, metadata.series_index) == ("Stories to Be Read Aloud", "1")
    assert metadata.published.startswith("2026")
    assert "Clocks" in metadata.subjects
    assert book.cover is not None
    assert (book.cover.media_type, book.cover.data[:2]) == ("image/jpeg", b"\xff\xd8")
