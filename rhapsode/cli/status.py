"""The command `status`: where a library or a book stands, and the command that goes on."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from itertools import groupby

from rhapsode.cli.announce import counted, from_here
from rhapsode.cli.console import screen, shown, table
from rhapsode.report.summary import clock
from rhapsode.settings import DEFAULT_LIBRARY, AudioSettings, ChunkBudget, ConvertRequest, Verification
from rhapsode.stages.book_status import Details, details_of
from rhapsode.stages.holdings import holdings_of
from rhapsode.stages.status import library_status
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf, find_shelf

RIGHT = ("chapters", "lasts", "spoken", "chunks", "checked", "named", "edition", "listened", "round")
SHOWN_RANGES = 24


def show_status(book: str | None, library: str | None, as_json: bool) -> None:
    """Prints where the book or, without one, every book of the library stands.

    Raises:
        NotInLibrary: No such book.
        EvidenceDamaged: A file of the book is torn; of a library, the line of that book says it.
    """
    where = open_library(library or DEFAULT_LIBRARY)
    if book is None:
        _show_library(where, as_json)
        return
    details = details_of(holdings_of(find_shelf(where, book)))
    if as_json:
        _print_json(_plain(details))
    else:
        _show_book(where, details)


def _show_library(library: Library, as_json: bool) -> None:
    books = list(library_status(library))
    if as_json:
        _print_json([asdict(book) for book in books])
        return
    made = table(
        "book", "state", "chapters", "lasts", "spoken", "chunks", "checked", "named", "edition", "file", right=RIGHT
    )
    for book in books:
        made.add_row(
            shown(book.title or book.book, 50),
            book.state,
            f"{book.chapters:,}",
            clock(book.planned_s),
            clock(book.spoken_s),
            f"{book.spoken:,} of {book.chunks:,}",
            f"{book.checked:,}",
            str(book.exceptions or ""),
            str(book.edition or ""),
            shown(book.problem) if book.problem else _short(library, book.file),
        )
    console = screen()
    if books:
        console.print(made)
    hours = sum(book.planned_s for book in books if book.edition) / 3600
    published = sum(book.edition is not None for book in books)
    console.print(f"{counted(len(books), 'book')}, {published:,} of them published, {hours:,.1f} hours in all.")


def _show_book(library: Library, details: Details) -> None:
    status, console = details.status, screen()
    console.print(shown(status.title or status.book), style="bold", soft_wrap=True)
    speaker = f", by {details.voice} ({details.engine})" if details.engine else ""
    console.print(
        f"  {status.state}{speaker}: {status.spoken:,} of {counted(status.chunks, 'chunk')} spoken, "
        f"{status.checked:,} checked, {details.listened:,} listened to; "
        f"{clock(status.spoken_s)} of about {clock(status.planned_s)}",
        soft_wrap=True,
    )
    if status.edition:
        console.print(f"  edition {status.edition}: {_short(library, status.file)}", soft_wrap=True)
    if details.chapters:
        console.print(_chapters(details))
    _show_ranges(details)
    for line in _jobs(details):
        console.print(line, soft_wrap=True)
    if command := _command(library, details):
        console.print(f"\nGo on:  {shlex.join(command)}", soft_wrap=True)


def _chapters(details: Details) -> object:
    made = table("  ", "chapter", "chunks", "listened", "named", "lasts", "spoken", right=(*RIGHT, "  "))
    for chapter in details.chapters:
        made.add_row(
            str(chapter.chapter),
            shown(chapter.title, 60),
            f"{chapter.spoken:,} of {chapter.chunks:,}",
            f"{chapter.listened:,}",
            str(chapter.exceptions or ""),
            clock(chapter.planned_s),
            clock(chapter.spoken_s),
        )
    return made


def _show_ranges(details: Details) -> None:
    """Those with something missing: a whole book has dozens of ranges in order."""
    console = screen()
    missing = [each for each in details.ranges if not each.is_spoken or each.failed]
    done = len(details.ranges) - len(missing)
    console.print(f"  {done} of {counted(len(details.ranges), 'range')} spoken", end="")
    console.print(f", {sum(each.is_checked for each in details.ranges)} checked")
    for each in missing[:SHOWN_RANGES]:
        first, last = each.chapters
        chapters = f"chapter {first}" if first == last else f"chapters {first} to {last}"
        why = f"could not be spoken: {_numbers(each.failed)}" if each.failed else "not spoken"
        console.print(f"    {each.name} ({chapters}): {why}", soft_wrap=True)
    if len(missing) > SHOWN_RANGES:
        console.print(f"    ... and {len(missing) - SHOWN_RANGES} more; --json has them all")


def _jobs(details: Details) -> list[str]:
    """One line a later round."""
    lines = []
    for number, jobs in groupby(details.jobs, key=lambda job: job.round):
        group = list(jobs)
        chunks = sorted({chunk for job in group for chunk in job.chunks})
        why = "asked for" if group[0].asked_for else "retakes"
        checked = sum(job.is_checked for job in group)
        lines.append(
            f"  round {number}, {why}: {counted(len(chunks), 'chunk')} ({_numbers(tuple(chunks))}) in "
            f"{counted(len(group), 'job')}, {checked} of them checked"
        )
    return lines


def _numbers(chunks: tuple[int, ...], most: int = 12) -> str:
    return ", ".join(map(str, chunks[:most])) + (", ..." if len(chunks) > most else "")


def _command(library: Library, details: Details) -> list[str]:
    """What goes on with the book; nothing where nothing is left to do, or nobody knows how it was asked for."""
    status = details.status
    if status.state.startswith("published"):
        again = ["rhapsode", "redo", status.book, "--chunks", "failed", "--library", library.root]
        return again if status.exceptions else []
    return convert_command(details.request, details.engine, details.voice) if details.request else []


def convert_command(request: ConvertRequest, engine: str, voice: str) -> list[str]:
    """The command line that asks for this reading again, whatever `auto` would choose by now.

    Empty where it cannot say all of it: a run from the browser may have asked for more, and less is another reading.
    """
    audio, verify = AudioSettings(), Verification()
    if (request.budget, request.audio.pauses, request.audio.room_tone_dbfs, request.verify.share) != (
        ChunkBudget(),
        audio.pauses,
        audio.room_tone_dbfs,
        verify.share,
    ):
        return []
    options = {
        "--library": (request.library, ""),
        "--engine": (engine, ""),
        "--voice": (voice, ""),
        "--speed": (request.speed, None),
        "--footnotes": (request.footnotes.value, "skip"),
        "--lexicon": (request.lexicon, ""),
        "--format": (request.audio.format.value, audio.format.value),
        "--loudness": (request.audio.loudness_lufs, audio.loudness_lufs),
        "--ceiling": (request.audio.ceiling_dbtp, audio.ceiling_dbtp),
        "--bitrate": (request.audio.bitrate_kbps, audio.bitrate_kbps),
        "--listen": (request.verify.listen.value, verify.listen.value),
        "--recogniser": (request.verify.recogniser, verify.recogniser),
        "--second-opinion": (request.verify.second_opinion, verify.second_opinion),
        "--strictness": (request.verify.strictness.value, verify.strictness.value),
        "--takes": (request.verify.takes, verify.takes),
        "--policy": (request.verify.policy.value, verify.policy.value),
    }
    given = [word for name, (value, usual) in options.items() if value != usual for word in (name, str(value))]
    return ["rhapsode", "convert", request.epub, *given]


def _short(library: Library, url: str) -> str:
    return from_here(Shelf(library, ""), url) if url else ""


def _plain(details: Details) -> dict[str, object]:
    body = asdict(details)
    body["request"] = details.request.model_dump(mode="json") if details.request else None
    return {**body.pop("status"), **body}


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")
