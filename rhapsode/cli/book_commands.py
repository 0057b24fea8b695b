"""The commands that ask or change something of a converted book: their options and help, in the order of `COMMANDS`."""

from __future__ import annotations

from typing import Annotated

import typer

from rhapsode.cli.options import Book, Library, StrictnessChoice, Verbose, Workers


def locate(
    book: Book,
    char: Annotated[
        int | None, typer.Option(metavar="N", help="A character of the book's text, counted from 0.")
    ] = None,
    time: Annotated[str | None, typer.Option(metavar="H:MM:SS", help="A moment of the audiobook.")] = None,
    text: Annotated[str | None, typer.Option(metavar="WORDS", help="Words of the book.")] = None,
    chunk: Annotated[int | None, typer.Option(metavar="N", help="The number of a chunk.")] = None,
    library: Library = None,
) -> None:
    """Find a place of a converted book: chapter, chunk, time, take, file and text.

    Example:  rhapsode locate "Pride and Prejudice" --time 2:13:05
    """
    from rhapsode.cli.books import locate_place

    locate_place(book, library, {"char": char, "time": time, "text": text, "chunk": chunk})


def redo(
    book: Book,
    chunks: Annotated[str, typer.Option(metavar="17,120-180|failed", help="Which chunks; rhapsode locate finds them.")],
    text: Annotated[str | None, typer.Option(metavar="WORDS", help="Say this instead (for one chunk).")] = None,
    library: Library = None,
    workers: Workers = None,
    verbose: Verbose = False,
) -> None:
    """Speak some chunks of a converted book anew and publish a new edition.

    Example:  rhapsode redo "Pride and Prejudice" --chunks 17,120-180
    """
    from rhapsode.cli.convert import redo_chunks

    redo_chunks(verbose, book=book, chunks=chunks, text=text, library=library, workers=workers)


def judge(
    book: Book,
    strictness: StrictnessChoice = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of objects, one a take.")] = False,
    library: Library = None,
) -> None:
    """Judge a converted book again by what was heard of it. Listens to nothing, changes nothing.

    Exit code 1 if there are chunks that no take is good of.

    Example:  rhapsode judge "Pride and Prejudice" --strictness high
    """
    from rhapsode.cli.judge import judge_book

    raise typer.Exit(judge_book(book, library, strictness, json))


def report(book: Book, library: Library = None) -> None:
    """Write the listening report of a converted book again: a page in which every doubtful take can be heard.

    Example:  rhapsode report "Pride and Prejudice"
    """
    from rhapsode.cli.judge import write_page

    write_page(book, library)


def diagnose(
    book: Book,
    chunks: Annotated[
        str, typer.Option(metavar="1,100,485", help="Which chunks; good ones beside bad ones tell more.")
    ],
    before: Annotated[
        int | None, typer.Option(metavar="N", help="Predecessors of each at its place. [dim]Default: all[/dim]")
    ] = None,
    library: Library = None,
    verbose: Verbose = False,
) -> None:
    """Find out why chunks sound wrong: the engine's history, the model, the text.

    Speaks them alone, at their place, beside others, after a reload, in other precisions and on the other backend, and
    compares. Exit code 1 unless all is clean.

    Example:  rhapsode diagnose "Pride and Prejudice" --chunks 1,100,485,486
    """
    from rhapsode.cli.diagnose import diagnose_chunks

    raise typer.Exit(diagnose_chunks(verbose, book=book, chunks=chunks, before=before, library=library))


def query(
    book: Book,
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over takes, heard, chunks and plan.")],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of objects.")] = False,
    library: Library = None,
) -> None:
    """Ask a converted book in SQL what was measured of every chunk.

    Example:  rhapsode query "Pride and Prejudice" "select chunk, speed, source from chunks order by speed limit 5"
    """
    from rhapsode.cli.books import print_query

    print_query(book, library, sql, "csv" if csv else "json" if json else "table")


def status(
    book: Annotated[
        str | None, typer.Argument(metavar="BOOK", help="A book of the library; without it, all of them.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of books, or one book in full.")] = False,
    library: Library = None,
) -> None:
    """Show where the books of a library stand; of one book its chapters, its ranges, and the command that goes on.

    The files are asked, no server, so it works anywhere and at any time. A range that is being spoken counts when done.

    Example:  rhapsode status "Pride and Prejudice"
    """
    from rhapsode.cli.status import show_status

    show_status(book, library, json)


def clean(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it. Without this nothing is changed.")] = False,
    grace: Annotated[
        float,
        typer.Option(metavar="DAYS", help="What is younger stays: a conversion may need it. With --delete 1 at least."),
    ] = 7.0,
    library: Library = None,
) -> None:
    """Show what a library does not need any more, and delete it with --delete.

    Kept are all editions; all takes of every reading (a plan in a voice) that has an edition, and of the one that was
    last at work on each book; what was heard of them; whatever is younger than the grace period; and what Rhapsode did
    not make. What can go: takes that no kept reading tells of, readings that came to nothing, their plans, and what
    killed writers left.

    Example:  rhapsode clean --library library
    """
    from rhapsode.cli.clean import clean_up

    clean_up(library, grace, delete)


COMMANDS = (locate, redo, judge, report, diagnose, query, status, clean)
