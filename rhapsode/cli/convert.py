"""`convert` and `redo`: show what will be done, run the flow, say what came out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from rhapsode import __version__
from rhapsode.cli.console import screen, shown
from rhapsode.cli.failures import request as checked

if TYPE_CHECKING:
    from rich.console import Console

    from rhapsode.model import Book, Chunk, Reading
    from rhapsode.settings import ConvertRequest, RedoRequest
    from rhapsode.stages.verdicts import Judged
    from rhapsode.store.editions import Edition
    from rhapsode.store.shelf import Shelf

SHOWN = 8


def convert_book(verbose: bool, **asked: Any) -> None:
    """The command `convert`. Whatever is wrong with book, request, voice or library is found before Prefect starts.

    Raises:
        RhapsodeError: See there; the flow raises the same.
    """
    console = screen()
    # The imports below take most of a second, so the first line goes before them.
    console.print(f"Reading {asked['epub']}")
    from rhapsode.cli.announce import show_book, show_edition, show_estimate, show_listening
    from rhapsode.engines.registry import choose_engine
    from rhapsode.quality.whispers import find_whisper
    from rhapsode.settings import ConvertRequest, EngineName
    from rhapsode.stages.accept import latest_takes
    from rhapsode.stages.plan import parse_book, plan_chunks
    from rhapsode.stages.verify import listening_of, recognisers_of
    from rhapsode.store.library import open_library
    from rhapsode.store.readings import ReadingFolder
    from rhapsode.store.shelf import Shelf

    request = checked(ConvertRequest, asked)
    parsed = parse_book(request)
    shelf = Shelf(open_library(request.library), parsed.shelf)
    book = shelf.load_book(parsed.book)
    show_book(console, book)
    if request.engine is EngineName.AUTO:
        console.print(f"  {choose_engine(request.engine).reason}")
    reading = plan_chunks(request, parsed)
    if edition := _published(request, reading, shelf):
        console.print("Nothing to do: it is published already.")
        show_edition(console, shelf, edition, book)
        return
    plan = shelf.load_plan(reading.plan)
    show_estimate(console, book, plan, reading, request.audio, request.workers)
    listening = listening_of(reading, request.verify)
    show_listening(console, book, listening)
    for name in recognisers_of(listening) if listening else ():
        find_whisper(name)  # a wrong name is found before anything is spoken
    there = set(latest_takes(ReadingFolder(shelf, reading.key).read_takes()))
    if there:
        console.print(f"  {len(there):,} of them are in the library already and are not spoken again.")
    _run(console, "convert_book", request, shelf, book, plan.chunks, there, verbose)


def redo_chunks(verbose: bool, **asked: Any) -> None:
    """The command `redo`.

    Raises:
        RhapsodeError: No such book or chunks, or as the flow raises.
    """
    console = screen()
    from rhapsode.settings import RedoRequest
    from rhapsode.stages.redo import plan_redo, takes_left_out
    from rhapsode.store.library import open_library
    from rhapsode.store.shelf import Shelf

    request = checked(RedoRequest, asked)
    redo = plan_redo(request)
    shelf = Shelf(open_library(request.library), redo.reading.shelf)
    book, plan = shelf.load_book(redo.reading.book), shelf.load_plan(redo.reading.plan)
    chunks = [plan.chunks[order.chunk - 1] for job in redo.jobs for order in job.orders]
    voice = f"{redo.reading.voice.name} ({redo.reading.engine})"
    console.print(f"{book.metadata.title}: {len(chunks)} of {len(plan.chunks)} chunks are spoken anew by {voice}.")
    edition = _run(console, "resynthesize_range", request, shelf, book, chunks, set(), verbose)
    _show_left_out(console, shelf, edition, takes_left_out(redo, edition))


def _published(request: ConvertRequest, reading: Reading, shelf: Shelf) -> Edition | None:
    """The latest edition, if it is what a run would publish: then not even Prefect is needed to say so."""
    from rhapsode.stages.accept import is_up_to_date
    from rhapsode.stages.listening_report import report_is_there
    from rhapsode.stages.publish import edition_is_there
    from rhapsode.store.editions import latest_edition

    edition = latest_edition(shelf)
    if edition is None or (edition.reading, edition.audio, edition.version) != (
        reading.key,
        request.audio,
        __version__,
    ):
        return None
    there = edition_is_there(reading, edition) and report_is_there(reading, edition, request.verify)
    return edition if there and is_up_to_date(reading, edition, request.verify) else None


def _run(
    console: Console,
    flow: str,
    request: ConvertRequest | RedoRequest,
    shelf: Shelf,
    book: Book,
    chunks: Iterable[Chunk],
    there: set[int],
    verbose: bool,
) -> Edition:
    from rhapsode.cli.announce import show_edition
    from rhapsode.cli.orchestrate import run_flow
    from rhapsode.cli.progress import Display, Standing
    from rhapsode.cli.stopping import stop_on_signals
    from rhapsode.text.pace import estimate_s

    standing = Standing({chunk.number: estimate_s(chunk.spoken) for chunk in chunks}, there)
    titles = {chapter.number: chapter.title for chapter in book.chapters}
    display = Display(console, standing, titles, live=console.is_terminal and not verbose)
    stop_on_signals(console, display)
    edition: Edition = run_flow(flow, request, console, display, verbose)
    show_edition(console, shelf, edition, book, standing.speed)
    return edition


def _show_left_out(console: Console, shelf: Shelf, edition: Edition, left_out: Sequence[Judged]) -> None:
    """Names the chunks whose new take is not in the book; says nothing if there are none."""
    from rhapsode.cli.announce import from_here
    from rhapsode.stages.listening_report import NAME
    from rhapsode.store.editions import edition_path

    if not left_out:
        return
    for one in left_out[:SHOWN]:
        why = shown("; ".join(one.judgement.reasons), 160)
        line = Text(f"chunk {one.row.chunk}: the new take is worse (").append(why)
        console.print(line.append("), the one of before is kept"), soft_wrap=True)
    if len(left_out) > SHOWN:
        console.print(f"... and so it is with {len(left_out) - SHOWN:,} more")
    page = from_here(shelf, shelf.library.url(edition_path(shelf, edition.number, NAME)))
    console.print(f"Hear both in {page}", soft_wrap=True)
