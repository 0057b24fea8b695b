"""The commands and their options. Each imports what it needs only when it runs: `--help` waits for nothing."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from rhapsode import __version__
from rhapsode.cli.failures import EXPECTED, report
from rhapsode.cli.models_app import CONTEXT, models_app
from rhapsode.cli.options import (
    Book,
    Engine,
    Epub,
    FootnotesChoice,
    FormatChoice,
    LexiconFile,
    Library,
    ListenTo,
    Speed,
    StrictnessChoice,
    Verbose,
    VoiceName,
    Workers,
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rhapsode {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def rhapsode(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """EPUB books in, audiobooks out.

    Start with:  rhapsode convert BOOK.epub
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def convert(
    book: Epub,
    library: Library = None,
    engine: Engine = None,
    voice: VoiceName = None,
    speed: Speed = None,
    footnotes: FootnotesChoice = None,
    format_: FormatChoice = None,
    lexicon: LexiconFile = None,
    loudness: Annotated[
        float | None, typer.Option(metavar="LUFS", help="Loudness of the book. [dim]Default: -19[/dim]")
    ] = None,
    ceiling: Annotated[
        float | None, typer.Option(metavar="DBTP", help="Highest true peak. [dim]Default: -3[/dim]")
    ] = None,
    bitrate: Annotated[
        int | None, typer.Option(metavar="KBPS", help="kbit/s of m4b and mp3. [dim]Default: 64[/dim]")
    ] = None,
    listen: ListenTo = None,
    strictness: StrictnessChoice = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="report|strict",
            help="A chunk that no take is good of is published by name, or stops the book. [dim]Default: report[/dim]",
        ),
    ] = None,
    workers: Workers = None,
    verbose: Verbose = False,
) -> None:
    """Turn an EPUB into an audiobook.

    Stop it whenever you like: run the same line again and it does only what is missing.

    Example:  rhapsode convert "Pride and Prejudice.epub" --speed 1.1
    """
    from rhapsode.cli.convert import convert_book

    convert_book(
        verbose,
        epub=book,
        library=library,
        engine=engine,
        voice=voice,
        speed=speed,
        footnotes=footnotes,
        lexicon=lexicon,
        workers=workers,
        verify={"listen": listen, "strictness": strictness, "policy": policy},
        audio={"format": format_, "loudness_lufs": loudness, "ceiling_dbtp": ceiling, "bitrate_kbps": bitrate},
    )


@app.command()
def inspect(
    book: Epub,
    engine: Engine = None,
    voice: VoiceName = None,
    speed: Speed = None,
    footnotes: FootnotesChoice = None,
    lexicon: LexiconFile = None,
) -> None:
    """Show what would be read and what not, and how long it takes. Converts nothing.

    Example:  rhapsode inspect "Pride and Prejudice.epub"
    """
    from rhapsode.cli.inspect import inspect_book

    inspect_book(epub=book, engine=engine, voice=voice, speed=speed, footnotes=footnotes, lexicon=lexicon)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command("report")
def listening_report(book: Book, library: Library = None) -> None:
    """Write the listening report of a converted book again: a page in which every doubtful take can be heard.

    Example:  rhapsode report "Pride and Prejudice"
    """
    from rhapsode.cli.judge import write_page

    write_page(book, library)


@app.command()
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


@app.command()
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


@app.command()
def voices() -> None:
    """List the voices, and say what the missing ones need.

    Example:  rhapsode voices
    """
    from rhapsode.cli.voices import list_voices

    list_voices()


app.add_typer(models_app, name="models")


@app.command()
def doctor(library: Library = None) -> None:
    """Check what this machine can run, and say how to mend what is missing.

    Example:  rhapsode doctor
    """
    from rhapsode.cli.doctor import examine

    raise typer.Exit(examine(library))


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code; every expected error becomes one line."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries warn whoever develops them, not whoever listens to books
    try:
        return int(app(args=arguments, prog_name="rhapsode", standalone_mode=False) or 0)
    except BaseException as error:
        stopping = sys.modules.get("rhapsode.cli.stopping")
        if stopping and stopping.stopped():
            return int(stopping.STOPPED)
        if isinstance(error, EXPECTED):
            return report(error)
        raise
