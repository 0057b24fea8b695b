"""`inspect`: what would be read and what not. Nothing is written, and Prefect is not needed."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from rhapsode.cli.announce import chapter_table, counted
from rhapsode.cli.console import screen, shown, table
from rhapsode.cli.failures import request as checked
from rhapsode.engines.registry import choose_engine, load_engine, sampling_of, voice_of
from rhapsode.model import Book, Skip
from rhapsode.report.estimate import conversion_s, estimate_chapters, try_engine
from rhapsode.report.summary import in_words
from rhapsode.settings import ConvertRequest
from rhapsode.stages.plan import fetch_book, lexicon_of
from rhapsode.text.plan import plan_book

SHOWN_SKIPS = 3
"""Excerpts of each reason."""


def inspect_book(**asked: Any) -> None:
    """The command `inspect`.

    Raises:
        BadInput: The book, the lexicon or an option cannot be used.
        EngineError: The voice cannot be loaded.
    """
    request = checked(ConvertRequest, asked)
    console = screen()
    book = fetch_book(request)
    engine = load_engine(request.engine)
    voice, sampling = voice_of(engine, request.voice), sampling_of(engine, request.speed)
    plan = plan_book(book, request.budget, lexicon_of(request), engine.stack.slots)
    chapters = estimate_chapters(book, plan, sampling, request.audio)
    duration_s = sum(chapter.duration_s for chapter in chapters)
    takes_s = conversion_s(duration_s, try_engine(engine, voice, sampling), request.workers)
    _show_metadata(console, book)
    console.print()
    console.print(chapter_table(chapters))
    console.print()
    _show_skips(console, book)
    console.print()
    words = sum(line.words for line in book.ledger)
    narrated = sum(line.narrated for line in book.ledger)
    console.print(f"{counted(words, 'word')}: {narrated:,} are read, {words - narrated:,} are skipped, none is lost.")
    console.print(
        f"About {in_words(duration_s)} of audio in {counted(len(plan.chunks), 'chunk')}; converting takes about "
        f"{in_words(takes_s)} here. {choose_engine(request.engine).reason}"
    )


def _show_metadata(console: Console, book: Book) -> None:
    about = book.metadata
    series = f"{about.series} {about.series_index}".strip()
    facts = {
        "title": about.title,
        "author": about.author,
        "language": about.language,
        "series": series,
        "publisher": about.publisher,
        "published": about.published,
        "cover": book.cover.media_type if book.cover else "none: one will be drawn",
        "digest": book.digest[:12],
    }
    made = table("", "")
    made.show_header = False
    for name, fact in facts.items():
        if fact:
            made.add_row(shown(name), shown(fact, 200))
    console.print(made)


def _show_skips(console: Console, book: Book) -> None:
    by_reason: dict[str, list[Skip]] = {}
    for skip in book.skips:
        if skip.words:
            by_reason.setdefault(skip.reason, []).append(skip)
    if not by_reason:
        console.print("Nothing is skipped.")
        return
    made = table("skipped", "words", "times", "such as", right=("words", "times"))
    for reason, skips in sorted(by_reason.items(), key=lambda item: -sum(skip.words for skip in item[1])):
        examples = " / ".join(f"“{shown(skip.excerpt, 40)}”" for skip in skips[:SHOWN_SKIPS])
        made.add_row(reason, f"{sum(skip.words for skip in skips):,}", f"{len(skips):,}", shown(examples, 140))
    console.print(made)
