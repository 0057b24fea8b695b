"""From an EPUB to a reading: parse the book, shelve it, choose the voice, plan the chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode import recipe
from rhapsode.book.reader import read_book
from rhapsode.engines.registry import choose_engine, load_engine, sampling_of, voice_of
from rhapsode.errors import BadRequest, BookError, LibraryUnreachable
from rhapsode.model import Book, Plan, Reading
from rhapsode.settings import Conversion, ConvertRequest
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.remote import explain, open_url, store_errors
from rhapsode.store.shelf import Shelf, shelve
from rhapsode.text.lexicon import Lexicon, load_lexicon
from rhapsode.text.plan import plan_book


@dataclass(frozen=True, slots=True)
class Parsed:
    """A book that lies in the library: the name of its shelf, and the digest of what was read."""

    shelf: str
    book: str


def fetch_book(request: ConvertRequest) -> Book:
    """Reads the EPUB of a request, wherever it lies; writes nothing.

    Raises:
        BadRequest: There is no such file.
        BookError: See `read_book`.
    """
    with _local_copy(request.epub) as path:
        return read_book(path, request.footnotes)


def epub_digest(request: ConvertRequest) -> str:
    """sha256 of the EPUB file."""
    with _local_copy(request.epub) as path, path.open("rb") as epub:
        return hashlib.file_digest(epub, "sha256").hexdigest()


@contextmanager
def _local_copy(url: str) -> Iterator[Path]:
    """The EPUB as a local file: itself, or fetched for as long as it is needed."""
    remedy = "Give the path or URL of an EPUB file."
    with TemporaryDirectory(prefix="rhapsode-") as folder:
        local = Path(folder) / "book.epub"
        try:
            filesystem, path = open_url(url)
            kind = filesystem.info(path)["type"]
            if "file" in filesystem.protocol:
                local = Path(path)
            elif kind == "file":
                filesystem.get_file(path, str(local))
        except (ValueError, ImportError) as error:
            raise BadRequest(f"{url} cannot be opened: {error}.", remedy) from error
        except (FileNotFoundError, NotADirectoryError):
            kind = "nothing"
        except store_errors() as error:
            raise LibraryUnreachable(f"{url}: {explain(error)[0]}.", explain(error)[1]) from error
        if kind == "directory":
            raise BadRequest(f"{url} is a folder.", f"{remedy} `rhapsode up` has a form that converts whole folders.")
        if kind != "file":
            raise BadRequest(f"There is no file {url}.", remedy)
        yield local


def parse_book(request: ConvertRequest) -> Parsed:
    """Reads the book and lays it into the library."""
    book = fetch_book(request)
    shelf = shelve(open_library(request.library), book)
    return Parsed(shelf.name, shelf.save_book(book))


def book_is_there(request: ConvertRequest, parsed: Parsed) -> bool:
    return Shelf(open_library(request.library), parsed.shelf).has_book(parsed.book)


def plan_chunks(request: ConvertRequest, parsed: Parsed, lexicon: Lexicon | None = None) -> Reading:
    """Chooses the voice and plans the chunks; the plan lies in the library afterwards.

    Args:
        lexicon: The request's, if it was read already, perhaps on another machine.

    Raises:
        BadRequest: An unknown voice, or a speed that the engine cannot speak at.
        LexiconError: The user's lexicon cannot be read.
        BookError: The book holds nothing but signs that cannot be said.
        WordsLost: The chunks do not hold every word of the book.
    """
    shelf = Shelf(open_library(request.library), parsed.shelf)
    engine = load_engine(request.engine)
    voice, sampling = voice_of(engine, request.voice), sampling_of(engine, request.speed)
    lexicon = lexicon_of(request) if lexicon is None else lexicon
    plan = plan_book(shelf.load_book(parsed.book), request.budget, lexicon, slots=engine.stack.slots)
    if not plan.chunks:
        raise BookError("There is nothing in this book that can be said.", "Look at it with `rhapsode inspect`.")
    shelf.save_plan(plan)
    reading = recipe.reading(
        Reading(
            key="",
            library=request.library,
            shelf=parsed.shelf,
            book=parsed.book,
            plan=plan.digest,
            engine=choose_engine(request.engine).name.value,
            voice=voice,
            sampling=sampling,
            weights_digest=engine.stack.weights_digest,
            precision=engine.stack.precision,
        )
    )
    ReadingFolder(shelf, reading.key).save(reading, request)
    return reading


def planning_digest(request: ConvertRequest) -> str:
    """Digest of everything that a plan depends on besides the book."""
    engine = load_engine(request.engine)
    stack = [engine.stack.engine, engine.stack.weights_digest, engine.stack.precision, engine.stack.slots]
    asked = request.model_dump(mode="json", exclude={"epub", "engine", "lexicon", "workers", "fan_out"})
    return recipe.digest([*stack, lexicon_of(request).entries, asked])


def lexicon_of(request: Conversion) -> Lexicon:
    return load_lexicon(Path(request.lexicon) if request.lexicon else None)


def plan_is_there(request: ConvertRequest, reading: Reading) -> bool:
    """Whether the plan is saved, and this request is what is known of the reading: a redo asks for the same."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    folder, here = ReadingFolder(shelf, reading.key), request.model_copy(update={"library": shelf.library.root})
    return shelf.has_plan(reading.plan) and folder.exists() and folder.load()[1] == here


@lru_cache(maxsize=1)
def load_plan(reading: Reading) -> Plan:
    """The plan of a reading, read once a process: every job needs it, and its digest names all that is in it."""
    return Shelf(open_library(reading.library), reading.shelf).load_plan(reading.plan)
