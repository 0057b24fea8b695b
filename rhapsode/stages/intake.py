"""Which EPUBs of a folder are to be converted: those whose content is new, or was never published as it is asked for.

A book is known by the sha256 of its file, and what was published of it stands in the library, with every request that
came to an edition. No engine is loaded, so a night in which there is nothing to do costs a look at each file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rhapsode.errors import BadRequest, RhapsodeError
from rhapsode.model import Reading
from rhapsode.recipe import digest
from rhapsode.settings import ConvertRequest, LibraryRequest
from rhapsode.stages.plan import epub_digest, fetch_book, lexicon_of
from rhapsode.stages.publish import is_whole
from rhapsode.store.editions import Edition, load_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import SHELVES, Shelf


class BookState(StrEnum):
    """Where a book of the folder stands."""

    NEW = "new"
    CONVERTED = "converted"
    NOTHING_TO_DO = "nothing to do"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Found:
    """A book of the folder.

    Attributes:
        url: Where its file lies.
        digest: sha256 of the file; empty where it cannot be read.
        note: What came of it: the edition, or the error with its remedy.
    """

    url: str
    digest: str
    title: str
    state: BookState
    note: str = ""


def survey(request: LibraryRequest) -> list[Found]:
    """All EPUBs of the folder and below it, by name; a book that cannot be read is `FAILED` and hides no other.

    Raises:
        BadRequest: There is no such folder.
        LexiconError: The lexicon cannot be read.
        LibraryUnreachable: The folder cannot be read.
    """
    folder, library = open_library(request.folder), open_library(request.library)
    if folder.local and not folder.local.is_dir():
        raise BadRequest(f"There is no folder {request.folder}.", "Name the folder or URL in which the EPUBs lie.")
    lexicon_of(request)
    shelves = {name.rpartition("-")[2]: Shelf(library, name) for name in library.folders(SHELVES)}
    found: list[Found] = []
    first: dict[str, str] = {}  # digest -> the file that had it first
    for url in _epubs(folder, library):
        one = _look(request, url, shelves)
        if one.digest in first:
            one = Found(url, one.digest, one.title, BookState.NOTHING_TO_DO, f"the same file as {first[one.digest]}")
        elif one.digest:
            first[one.digest] = url
        found.append(one)
    return found


def outcome(request: LibraryRequest, book: Found, error: str) -> Found:
    """What came of a book that was converted.

    Args:
        error: Why its run failed, in one line; empty if it ended well.
    """
    if error:
        return Found(book.url, book.digest, book.title, BookState.FAILED, error)
    try:
        library = open_library(request.library)
        shelves = [Shelf(library, name) for name in library.folders(SHELVES) if name.endswith(f"-{book.digest[:12]}")]
        editions = (published_as(shelf, request.of_book(book.url)) for shelf in shelves)
        edition = next((edition for edition in editions if edition), None)
        note = _note(edition) if edition else "its edition is not in the library of this machine"
    except RhapsodeError as unread:  # the others are still at work
        note = str(unread)
    return Found(book.url, book.digest, book.title, BookState.CONVERTED, note)


def published_as(shelf: Shelf, request: ConvertRequest) -> Edition | None:
    """The edition that came of such a request, with all its files; that of another one does not count.

    Raises:
        LexiconError: The lexicon cannot be read.
    """
    asked = asked_digest(request)
    for folder in readings_of(shelf):
        number = folder.published_for(asked)
        edition = load_edition(shelf, number) if number else None
        if edition and is_whole(shelf, edition):
            return edition
    return None


def asked_digest(request: ConvertRequest) -> str:
    """Names what is asked of a book. Where the book lies, and how many workers speak it, does not matter.

    The lexicon counts by what it says. An engine `auto` is not chosen again: that a machine has another voice by now
    makes no book of a library new.

    Raises:
        LexiconError: The lexicon cannot be read.
    """
    asked = request.model_dump(mode="json", exclude={"epub", "library", "lexicon", "workers", "fan_out"})
    return digest([asked, lexicon_of(request).entries])


def note_published(reading: Reading, asked: str, edition: Edition) -> None:
    """Notes that an edition came of a request, so that the nights have nothing more to do for it.

    Args:
        asked: Its `asked_digest`, taken before the book was planned: a lexicon that has changed since says otherwise.
    """
    shelf = Shelf(open_library(reading.library), reading.shelf)
    ReadingFolder(shelf, reading.key).note_published(asked, edition.number)


def _epubs(folder: Library, library: Library) -> Iterator[str]:
    """The EPUB files, without hidden ones, and without what the library holds if it lies in the folder."""
    for path in folder.list():
        url, name = folder.url(path), path.rpartition("/")[2]
        if name.lower().endswith(".epub") and not name.startswith(".") and not url.startswith(f"{library.url()}/"):
            yield url


def _look(library: LibraryRequest, url: str, shelves: dict[str, Shelf]) -> Found:
    readable, digest = url.encode("utf-8", "backslashreplace").decode(), ""
    if readable != url:
        return Found(readable, digest, "", BookState.FAILED, "Its name is not UTF-8. Give the file another name.")
    try:
        request = library.of_book(url)
        digest = epub_digest(request)
        shelf = shelves.get(digest[:12])
        edition = published_as(shelf, request) if shelf else None
        if edition:
            return Found(url, digest, edition.title, BookState.NOTHING_TO_DO, _note(edition))
        # What cannot be read is found here already, and costs no run of its own, tonight and every night after.
        return Found(url, digest, fetch_book(request).metadata.title, BookState.NEW)
    except RhapsodeError as error:
        return Found(url, digest, "", BookState.FAILED, str(error))
    except OSError as error:
        return Found(url, digest, "", BookState.FAILED, f"It cannot be read: {error.strerror or error}.")
    except Exception as error:  # noqa: BLE001  a fault of ours, or no memory: it is told, and hides no other book
        note = f"{type(error).__name__} while it was read. Look at it with `rhapsode inspect`."
        return Found(url, digest, "", BookState.FAILED, note)


def _note(edition: Edition) -> str:
    flaws = len(edition.exceptions)
    named = f", {flaws} chunk{'s' if flaws > 1 else ''} without a good take" if flaws else ""
    return f"edition {edition.number}{named}"
