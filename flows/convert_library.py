"""The flow `convert-library`: every EPUB of a folder that is new or changed becomes an audiobook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.runtime import deployment

from flows.convert_book import convert_book
from rhapsode.recipe import digest
from rhapsode.report.summary import library_markdown
from rhapsode.settings import LibraryRequest
from rhapsode.stages.intake import BookState, Found, outcome, survey
from tasks.children import Child, error_of, run_children
from tasks.progress import Progress
from tasks.runs import server_errors

LABELS = {"book": "title", "state": "state", "what came of it": "note", "file": "url"}


@flow(name="convert-library", flow_run_name="convert the books of {request.folder}")
def convert_library(request: LibraryRequest) -> list[Found]:
    """Converts the books of a folder that are new or changed. One that fails does not stop the others.

    Where this runs as a deployment, every book is a run of the deployment `convert-book`, some at once; else the books
    are converted here, one after another.

    Args:
        request: The folder, the library, the voice, and how the results should sound.

    Raises:
        RhapsodeError: The folder or the lexicon cannot be read; see rhapsode/errors.py.
    """
    # 1. Look what is there, and what of it was never published like this.
    books = {book.url: book for book in survey(request)}
    new = [book for book in books.values() if book.state is BookState.NEW]
    # 2. Convert that.
    try:
        if new:
            progress = Progress(f"New books of {request.folder}", len(new))
        for book, error in _on_workers(request, new) if deployment.id else _here(request, new):
            books[book.url] = outcome(request, book, error)
            progress.add()
    # 3. Say what came of it, also where the run was stopped: then the others are new still.
    finally:
        _show(request, list(books.values()))
    return list(books.values())


def _show(request: LibraryRequest, books: Sequence[Found]) -> None:
    """Leaves what came out as artifacts of the run."""
    rows = [{label: str(getattr(book, field)) for label, field in LABELS.items()} for book in books]
    summary = library_markdown(request.folder, Counter(book.state.value for book in books))
    description = f"The books of {request.folder}"
    with server_errors():
        create_table_artifact(rows, key="library-books", description=description)
        create_markdown_artifact(summary, key="library-summary", description=description)


def _on_workers(request: LibraryRequest, books: Sequence[Found]) -> Iterator[tuple[Found, str]]:
    """Converts books in runs of their own; yields each with its error when it is done."""
    children = []
    for book in books:
        asked = request.of_book(book.url)
        # Not where the file lies, and who speaks the book: neither makes another audiobook of it.
        identity = digest([book.digest, asked.model_dump(mode="json", exclude={"epub", "workers", "fan_out"})])[:16]
        asked_for = {"request": asked.model_dump(mode="json")}
        children.append(Child(f"convert {book.title}"[:200], asked_for, (f"book-{identity}",)))
    with closing(run_children("convert-book/convert-book", children, request.at_once)) as all_ended:
        for index, ended in all_ended:
            yield books[index], ended.error


def _here(request: LibraryRequest, books: Sequence[Found]) -> Iterator[tuple[Found, str]]:
    """Converts books in this process; yields each with its error when it is done."""
    for book in books:
        state = convert_book(request.of_book(book.url), return_state=True)
        yield book, "" if state.is_completed() else error_of(state.message)
