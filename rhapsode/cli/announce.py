"""What is said of a book before, and of an edition after."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rhapsode.cli.console import shown, table
from rhapsode.engines.registry import load_engine
from rhapsode.model import Book, Listening, Plan, Reading
from rhapsode.report.estimate import ChapterEstimate, conversion_s, estimate_chapters, try_engine
from rhapsode.report.summary import clock, in_words, skips_by_reason
from rhapsode.settings import AudioSettings, EngineName
from rhapsode.stages.doubtful import doubtful_chunks, open_chunks
from rhapsode.stages.verdicts import Judged
from rhapsode.store.editions import Edition, edition_path
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import Shelf

SHOWN_CHAPTERS = 12
SHOWN_EXCEPTIONS = 8
PREFECT_S = 20.0
"""Until a temporary server answers: 12 s on a quiet machine, 34 s the first time."""


def show_book(console: Console, book: Book) -> None:
    """Title, author, and how much of it will be read."""
    line = shown(book.metadata.title)
    line.stylize("bold")
    if book.metadata.authors:
        line.append(" by ", style="not bold").append(shown(book.metadata.author, 200))
    console.print(line)
    words = sum(line.narrated for line in book.ledger)
    console.print(f"  {counted(len(book.chapters), 'chapter')}, {counted(words, 'word')}; {skipped(book)}")


def show_estimate(
    console: Console, book: Book, plan: Plan, reading: Reading, audio: AudioSettings, workers: int
) -> None:
    """The chapters, how long they will last, and how long that takes on this machine."""
    chapters = estimate_chapters(book, plan, reading.sampling, audio)
    console.print(chapter_table(chapters[:SHOWN_CHAPTERS]))
    if len(chapters) > SHOWN_CHAPTERS:
        console.print(f"  ... and {counted(len(chapters) - SHOWN_CHAPTERS, 'more chapter')}")
    duration_s = sum(chapter.duration_s for chapter in chapters)
    trial = try_engine(load_engine(EngineName(reading.engine)), reading.voice, reading.sampling)
    takes_s = conversion_s(duration_s, trial, workers) + PREFECT_S
    console.print(
        f"  About {in_words(duration_s)} of audio in {counted(len(plan.chunks), 'chunk')}, "
        f"spoken by {reading.voice.name} ({reading.engine}) in about {in_words(takes_s)}."
    )


def show_listening(console: Console, book: Book, listening: Listening | None) -> None:
    """Who will listen to what is spoken."""
    if listening is None:
        console.print(f"  Nobody listens to it (language of the book: {book.metadata.language}).")
    elif listening.share == 1:
        console.print(f"  Every take is listened to by {listening.recogniser}.")
    else:
        console.print(
            f"  {listening.share:.0%} of it and all that looks suspicious is listened to by {listening.recogniser}."
        )
    if listening and listening.second_opinion:
        console.print(f"  What that one is not sure of is heard by {listening.second_opinion} too.")


def chapter_table(chapters: list[ChapterEstimate]) -> Table:
    """Number, title, words and minutes of each chapter."""
    made = table("  ", "chapter", "words", "chunks", "lasts about", right=("  ", "words", "chunks", "lasts about"))
    for chapter in chapters:
        made.add_row(
            str(chapter.number),
            shown(chapter.title, 60),
            f"{chapter.words:,}",
            f"{chapter.chunks:,}",
            clock(chapter.duration_s),
        )
    return made


def show_edition(console: Console, shelf: Shelf, edition: Edition, book: Book, speed: float = 0.0) -> None:
    """The last line: file, duration, chapters, speed, skips."""
    facts = [clock(edition.duration_s), counted(len(edition.chapters), "chapter")]
    if speed:
        facts.append(f"spoken at {speed:.0f} times real time")
    facts.append(f"{counted(sum(skips_by_reason(book).values()), 'word')} skipped")
    line = Text(where(shelf, edition), style="bold green")
    line.append(f"  {', '.join(facts)}", style="not bold default")
    console.print(line, soft_wrap=True)
    if edition.exceptions:
        show_exceptions(console, shelf, edition)
    reading, asked = folder_of(shelf, edition.reading).load()
    show_open(console, doubtful_chunks(reading, edition.accepted, asked.verify))


def show_open(console: Console, doubtful: Iterable[Judged]) -> None:
    """Names the chunks that a person should listen to, since no machine could tell; says nothing if there are none."""
    if numbers := open_chunks(doubtful):
        console.print(
            f"Inconclusive, so worth a listen (rhapsode report): chunk{'' if len(numbers) == 1 else 's'} "
            f"{','.join(map(str, numbers))}",
            soft_wrap=True,
        )


def show_exceptions(console: Console, shelf: Shelf, edition: Edition) -> None:
    """Names the chunks that are published although no take of them is good, and how to speak them anew."""
    console.print(f"But no take is good of {counted(len(edition.exceptions), 'chunk')}:", style="bold red")
    for flaw in edition.exceptions[:SHOWN_EXCEPTIONS]:
        console.print(Text(f"  chunk {flaw.chunk}: ").append(shown(f"{'; '.join(flaw.reasons)}: {flaw.text}", 160)))
    if len(edition.exceptions) > SHOWN_EXCEPTIONS:
        console.print(f"  ... and {len(edition.exceptions) - SHOWN_EXCEPTIONS:,} more")
    numbers = ",".join(str(flaw.chunk) for flaw in edition.exceptions)
    again = ["rhapsode", "redo", shelf.name, "--chunks", numbers, "--library", shelf.library.root]
    console.print(f"Speak them anew:  {shlex.join(again)}", soft_wrap=True)


def where(shelf: Shelf, edition: Edition) -> str:
    """The file of an edition, or the folder of its files."""
    name = edition.files[0].name if len(edition.files) == 1 else ""
    return from_here(shelf, shelf.library.url(edition_path(shelf, edition.number, name)))


def from_here(shelf: Shelf, url: str) -> str:
    """A path as short as it can be: from the current folder, if it lies below."""
    path, here = Path(url), Path.cwd()
    return str(path.relative_to(here)) if shelf.library.local and path.is_relative_to(here) else url


def skipped(book: Book) -> str:
    """`"34 words skipped (toc 20, footnote 14)"`."""
    reasons = skips_by_reason(book)
    listed = ", ".join(f"{reason} {words:,}" for reason, words in reasons.items() if words)
    return f"{counted(sum(reasons.values()), 'word')} skipped ({listed})" if listed else "nothing skipped"


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
