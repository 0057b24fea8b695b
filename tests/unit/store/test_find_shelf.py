"""A book is found by whatever people call it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rhapsode.errors import NotInLibrary
from rhapsode.store.library import Library
from rhapsode.store.shelf import Shelf, find_shelf, shelve

from .conftest import make_book


@pytest.fixture
def three(library: Library) -> Library:
    for title, digest in (
        ("The Lamp", "c0ffee" * 10 + "abcd"),
        ("The Lamp II", "c0ab" * 16),
        ("Война и мир", "beef" * 16),
    ):
        book = make_book(title, digest)
        shelve(library, book).save_book(book)
    return library


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("the-lamp-c0ffeec0ffee", "the-lamp-c0ffeec0ffee"),
        ("books/the-lamp-c0ffeec0ffee", "the-lamp-c0ffeec0ffee"),
        ("the-lamp", "the-lamp-c0ffeec0ffee"),
        ("The Lamp", "the-lamp-c0ffeec0ffee"),
        ("  THE LAMP ii ", "the-lamp-ii-c0abc0abc0ab"),
        ("lamp ii", "the-lamp-ii-c0abc0abc0ab"),
        ("c0ffee", "the-lamp-c0ffeec0ffee"),
        ("C0FFEE" * 10 + "ABCD", "the-lamp-c0ffeec0ffee"),
        ("война И МИР", "book-beefbeefbeef"),
        ("Мир", "book-beefbeefbeef"),
        ("beef", "book-beefbeefbeef"),
    ],
)
def test_a_book_is_found(asked: str, name: str, three: Library) -> None:
    assert find_shelf(three, asked).name == name
    assert find_shelf(three, asked).title()


def test_a_book_is_found_by_its_epub(library: Library, tmp_path: Path) -> None:
    epub, other = tmp_path / "renamed.epub", tmp_path / "other.epub"
    epub.write_bytes(b"an epub, as far as hashes go")
    other.write_bytes(b"another")
    book = make_book(digest=hashlib.sha256(epub.read_bytes()).hexdigest())
    shelf = shelve(library, book)
    shelf.save_book(book)
    assert find_shelf(library, str(epub)) == shelf
    with pytest.raises(NotInLibrary, match=r"other\.epub"):
        find_shelf(library, str(other))


@pytest.mark.parametrize(
    "asked", ["c0", "Lamp", "nothing", "", "..", "/", "x" * 5000, "a\0b", "/etc/passwd", "~nobody/x"]
)
def test_unknown_and_ambiguous_books_list_the_candidates(asked: str, three: Library) -> None:
    with pytest.raises(NotInLibrary, match=r"the-lamp-c0ffeec0ffee.*the-lamp-ii-c0abc0abc0ab") as error:
        find_shelf(three, asked)
    assert "\n" not in str(error.value)
    assert error.value.remedy


def test_an_empty_library_says_so(library: Library) -> None:
    with pytest.raises(NotInLibrary, match="it holds no book"):
        find_shelf(library, "x")


def test_a_damaged_book_hides_no_other(three: Library) -> None:
    for path in three.list("books/the-lamp-c0ffeec0ffee"):
        three.write_bytes(path, b"torn")
    assert find_shelf(three, "Война и мир").name == "book-beefbeefbeef"
    assert find_shelf(three, "the-lamp").title() == ""


def test_foreign_folders_are_no_books(library: Library) -> None:
    library.write_bytes("books/.stversions/x", b"")
    library.write_bytes("books/My Stuff/x", b"")
    with pytest.raises(NotInLibrary, match="it holds no book"):
        find_shelf(library, "stuff")


def test_titles_are_read_only_where_folders_do_not_tell_and_each_once(
    three: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    title = Shelf.title

    def noted(shelf: Shelf) -> str:
        read.append(shelf.name)
        return title(shelf)

    monkeypatch.setattr(Shelf, "title", noted)
    for named in ("the-lamp", "c0ffee", "books/the-lamp-c0ffeec0ffee"):
        assert find_shelf(three, named).name == "the-lamp-c0ffeec0ffee"
    assert not read
    assert find_shelf(three, "The Lamp").name == read.pop() == "the-lamp-c0ffeec0ffee"
    assert not read
    assert find_shelf(three, "lamp ii").name == "the-lamp-ii-c0abc0abc0ab"
    assert len(read) == len(set(read)) == 3


def test_a_book_is_found_by_the_title_that_it_has_by_now(library: Library) -> None:
    shelve(library, make_book("The Lamp")).save_book(make_book("Lamp, The: A Novel"))
    assert find_shelf(library, "Lamp, The: A Novel").name == "the-lamp-c0ffeec0ffee"
