"""The commands. Each imports what it needs only when it runs: `--help` waits for nothing.

Those of a converted book stand in `book_commands.py`. A new command has its options and its help in one of these two
files, and its work in a module of its own, which only the function imports.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from rhapsode import __version__
from rhapsode.cli.book_commands import COMMANDS
from rhapsode.cli.failures import EXPECTED, report
from rhapsode.cli.models_app import CONTEXT, models_app
from rhapsode.cli.options import (
    Bitrate,
    Ceiling,
    Engine,
    Epub,
    FootnotesChoice,
    FormatChoice,
    LexiconFile,
    Library,
    ListenTo,
    Loudness,
    MostTakes,
    PolicyChoice,
    RecogniserName,
    SecondOpinion,
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
    loudness: Loudness = None,
    ceiling: Ceiling = None,
    bitrate: Bitrate = None,
    listen: ListenTo = None,
    recogniser: RecogniserName = None,
    second_opinion: SecondOpinion = None,
    strictness: StrictnessChoice = None,
    takes: MostTakes = None,
    policy: PolicyChoice = None,
    workers: Workers = None,
    verbose: Verbose = False,
) -> None:
    """Turn an EPUB into an audiobook.

    Stop it whenever you like: run the same line again and it does only what is missing.

    Example:  rhapsode convert "Pride and Prejudice.epub" --speed 1.1
    """
    from rhapsode.cli.convert import convert_book

    read = {"engine": engine, "voice": voice, "speed": speed, "footnotes": footnotes, "lexicon": lexicon}
    heard = {"listen": listen, "recogniser": recogniser, "second_opinion": second_opinion}
    judged = {"strictness": strictness, "takes": takes, "policy": policy}
    audio = {"format": format_, "loudness_lufs": loudness, "ceiling_dbtp": ceiling, "bitrate_kbps": bitrate}
    convert_book(verbose, epub=book, library=library, workers=workers, verify=heard | judged, audio=audio, **read)


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


for _command in COMMANDS:  # registered here, so that the help shows them between those that need no converted book
    app.command()(_command)


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


@app.command()
def up(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where the Prefect server listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Its port.")] = 4200,
) -> None:
    """Run the production floor on this machine: a Prefect server, its deployments and two workers. Ctrl-C ends all.

    PREFECT_SERVER_DATABASE_CONNECTION_URL names a PostgreSQL database; without it SQLite in Prefect's home is used.

    Example:  rhapsode up
    """
    from rhapsode.cli.up import run_floor

    run_floor(host, port)


@app.command("deploy")
def deploy_at_server() -> None:
    """Create pools, automations and deployments at the Prefect server of PREFECT_API_URL, or bring them up to date.

    Example:  PREFECT_API_URL=http://127.0.0.1:4200/api rhapsode deploy
    """
    from rhapsode.cli.console import screen
    from rhapsode.cli.deploy import deploy

    deploy(screen())


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
