"""Which books a library holds, and where a new one goes.

shelve(library, book: Book) -> Shelf                makes the folder (or finds it) and saves the book
find_shelf(library, query: str) -> Shelf            by folder, slug, title, digest prefix, or EPUB file
slug(title: str) -> str
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import Book
from rhapsode.store.library import Library
from rhapsode.store.shelf import Shelf

SHELVES = "books"
SLUG_LENGTH = 48
REMEDY_UNKNOWN = "Name the folder, the title, the first digits of the digest, or the EPUB file."


def shelve(library: Library, book: Book) -> Shelf:
    """Saves a book in its folder, which is named by its title and its digest when it comes for the first time."""
    for shelf in _shelves(library):
        if shelf.name.endswith(f"-{book.digest[:12]}"):
            break
    else:
        shelf = Shelf(library, f"{SHELVES}/{slug(book.metadata.title)}-{book.digest[:12]}")
    shelf.save_book(book)
    return shelf


def find_shelf(library: Library, query: str) -> Shelf:
    """Finds a book by folder, slug, title, the first digits of its digest, its EPUB file, or a part of its title.

    Raises:
        NotInLibrary: None or several; the message lists them.
    """
    shelves = list(_shelves(library))
    found: list[Shelf] = []
    for matches in _matchers(query):
        found = [shelf for shelf in shelves if matches(shelf)]
        if found:
            break
    if len(found) == 1:
        return found[0]
    if found:
        raise NotInLibrary(f"{query!r} is the name of several books: {_names(found)}.", "Name one of them.")
    there = f"; it holds {_names(shelves)}" if shelves else "; it holds no book"
    raise NotInLibrary(f"No book {query!r} in the library {library.url()}{there}.", REMEDY_UNKNOWN)


def slug(title: str) -> str:
    """A folder name from a title: ASCII letters, digits and hyphens, 1 to 48 of them."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].rstrip("-") or "book"


def _shelves(library: Library) -> Iterator[Shelf]:
    for name in library.folders(SHELVES):
        if re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{12}", name):
            yield Shelf(library, f"{SHELVES}/{name}")


def _matchers(query: str) -> Iterator[Callable[[Shelf], bool]]:
    """Ways to mean a book, the strictest first; the first that fits any book decides."""
    wanted = _folded(query)
    yield lambda shelf: wanted in (shelf.name, shelf.folder)
    if digest := _digest_of_file(query):
        yield lambda shelf: shelf.name.endswith(f"-{digest[:12]}")
    yield lambda shelf: wanted == shelf.name.rpartition("-")[0]
    yield lambda shelf: wanted == _title(shelf)
    if re.fullmatch(r"[0-9a-f]{4,64}", wanted):
        yield lambda shelf: shelf.name.rpartition("-")[2].startswith(wanted[:12])
    if wanted:
        yield lambda shelf: wanted in shelf.name or wanted in _title(shelf)


def _digest_of_file(query: str) -> str:
    """sha256 of the file of that name, or nothing: most queries are no file, and some could not be a file's name."""
    try:
        with Path(query).open("rb") as epub:
            return hashlib.file_digest(epub, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _title(shelf: Shelf) -> str:
    """Folded; empty where book.json is missing or damaged, so that one bad folder hides no other book."""
    try:
        return _folded(shelf.load_book().metadata.title)
    except (NotInLibrary, EvidenceDamaged):
        return ""


def _names(shelves: Sequence[Shelf], most: int = 8) -> str:
    names = ", ".join(shelf.name for shelf in shelves[:most])
    return names + (f" and {len(shelves) - most} more" if len(shelves) > most else "")
