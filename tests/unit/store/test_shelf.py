from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import (
    Block,
    BlockKind,
    Book,
    Boundary,
    Chapter,
    Chunk,
    Cover,
    LedgerLine,
    Metadata,
    Placed,
    Plan,
    Skip,
    Span,
    Timeline,
)
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf, shelve, slug

from .conftest import make_book

NUMBER = st.integers(0, 2**31 - 1)
TEXTS = st.lists(st.text(), max_size=3).map(tuple)
DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)


def _many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=3).map(tuple)


BOOKS = st.builds(
    Book,
    DIGEST,
    st.builds(Metadata, st.text(), TEXTS, subjects=TEXTS, description=st.text(), series_index=st.text()),
    _many(
        st.builds(
            Chapter,
            NUMBER,
            st.text(),
            _many(st.builds(Block, st.sampled_from(BlockKind), st.text(), st.text(), NUMBER)),
        )
    ),
    _many(st.builds(Skip, st.text(), st.text(), NUMBER, st.text())),
    _many(st.builds(LedgerLine, st.text(), NUMBER, NUMBER, NUMBER)),
    st.none() | st.builds(Cover, st.sampled_from(["image/png", "image/svg+xml"]), st.binary(max_size=99)),
)
CHUNKS = st.builds(
    Chunk,
    NUMBER,
    NUMBER,
    st.text(),
    st.text(),
    NUMBER,
    NUMBER,
    _many(st.builds(Span, NUMBER, NUMBER, NUMBER, NUMBER)),
    st.sampled_from(Boundary),
)
PLANS = st.builds(Plan, DIGEST, _many(CHUNKS), st.integers(1, 999))
LEVEL = st.floats(allow_nan=False)
TIMELINES = st.builds(
    Timeline,
    NUMBER,
    st.text(),
    NUMBER,
    NUMBER,
    _many(st.builds(Placed, NUMBER, DIGEST, DIGEST, NUMBER, NUMBER, NUMBER, NUMBER)),
    NUMBER,
    st.dictionaries(LEVEL, NUMBER, max_size=6),
    LEVEL,
)


@settings(max_examples=40, deadline=None)
@given(book=BOOKS, plan=PLANS, timeline=TIMELINES)
def test_books_plans_and_timelines_come_back_without_loss(book: Book, plan: Plan, timeline: Timeline) -> None:
    shelf = Shelf(open_library("memory://shelf"), "x-0123456789ab")
    digest = shelf.save_book(book)
    assert shelf.load_book(digest) == book
    assert shelf.save_book(book) == digest
    shelf.save_plan(plan)
    assert shelf.load_plan(plan.digest) == shelf.load_plan(plan.digest[:8]) == plan
    shelf.save_timeline(plan.digest, timeline)
    assert shelf.has_timeline(plan.digest)
    assert shelf.load_timeline(plan.digest) == timeline


def test_two_ways_to_read_a_book_lie_side_by_side(library: Library) -> None:
    shelf = Shelf(library, "x-0123456789ab")
    one, two = make_book(cover=Cover("image/png", b"1")), replace(make_book(cover=Cover("image/png", b"2")), skips=())
    digests = [shelf.save_book(one), shelf.save_book(two)]
    assert digests[0] != digests[1]
    assert [shelf.load_book(digest) for digest in digests] == [one, two]


def test_what_is_saved_is_the_same_bytes_again(folder: Library, tmp_path: Path) -> None:
    other = open_library(str(tmp_path / "other"))
    book = make_book(cover=Cover("image/png", b"1"))
    for library in (folder, other):
        shelve(library, book).save_book(book)
    assert folder.list() == other.list()
    assert all(folder.read_bytes(path) == other.read_bytes(path) for path in folder.list())


def test_what_is_missing_or_damaged_is_named(library: Library) -> None:
    shelf = Shelf(library, "x-0123456789ab")
    digest = shelf.save_book(make_book(cover=Cover("image/png", b"picture")))
    plan = Plan("12345678" * 8, (Chunk(1, 1, "a", "A.", 0, 1, (Span(0, 1, 0, 2),), Boundary.CHAPTER),), 32)
    shelf.save_plan(plan)
    shelf.save_timeline("ab" * 32, Timeline(1, "t", 24_000, 0, (), 0, {}, -1.0))
    assert not shelf.has_timeline("cd" * 32)
    for load in (shelf.load_book, shelf.load_plan, shelf.load_timeline):
        with pytest.raises(NotInLibrary, match="00000000"):
            load("0" * 64)
    with pytest.raises(EvidenceDamaged, match=r"plan 12345678.*not 12345678ffff"):
        shelf.load_plan("12345678ffff")
    for path in library.list():
        library.write_bytes(path, library.read_bytes(path)[:-1])
    for load, name in ((shelf.load_book, digest), (shelf.load_plan, plan.digest), (shelf.load_timeline, "ab" * 32)):
        with pytest.raises(EvidenceDamaged, match=name[:8]):
            load(name)


def test_a_damaged_cover_is_found(library: Library) -> None:
    shelf = Shelf(library, "x-0123456789ab")
    digest = shelf.save_book(make_book(cover=Cover("image/png", b"picture")))
    cover = next(path for path in library.list() if "cover" in path)
    library.write_bytes(cover, b"pictura")
    with pytest.raises(EvidenceDamaged, match="cover"):
        shelf.load_book(digest)


TITLES = {
    "The Left Hand": "the-left-hand",
    "Éléonore / ../../etc": "eleonore-etc",
    "..": "book",
    "": "book",
    "\0\r\n\u202e\u200b": "book",
    "🦊🦊": "book",
    "Война и мир": "book",
    "CON.txt:stream*?": "con-txt-stream",
    "-rf": "rf",
    "x" * 300: "x" * 48,
    "ab " * 100: "ab-" * 15 + "ab",
}


@pytest.mark.parametrize("title", TITLES)
def test_a_slug_is_safe_and_says_what_it_can(title: str) -> None:
    assert slug(title) == TITLES[title]


@given(title=st.text())
def test_any_title_makes_a_safe_folder(title: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", slug(title))


def test_a_book_keeps_its_folder_when_its_title_is_read_differently(library: Library) -> None:
    first = shelve(library, make_book("The Lamp"))
    assert first.folder == "books/the-lamp-c0ffeec0ffee"
    first.save_book(make_book("The Lamp"))
    again = shelve(library, make_book("Lamp, The: A Novel"))
    assert again == first
    assert shelve(library, make_book("The Lamp", digest="beef" * 16)).name == "the-lamp-beefbeefbeef"
