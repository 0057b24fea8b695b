"""The commands `judge` and `report`: verdicts from what was heard already, as a table and as a page."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict

from rhapsode.cli.announce import counted, from_here, show_open
from rhapsode.cli.console import screen, shown, table
from rhapsode.errors import NotInLibrary
from rhapsode.settings import DEFAULT_LIBRARY, Verification
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.doubtful import doubtful_chunks
from rhapsode.stages.listening_report import publish_report
from rhapsode.stages.redo import reading_of
from rhapsode.stages.verdicts import Judged, judge_takes, worst_first
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import latest_edition
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf

SHOWN = 40
UNCHECKED = "Convert it again with --listen sample or all."


def judge_book(book: str, library: str | None, strictness: str | None, as_json: bool) -> int:
    """Prints the verdicts on a book, worst first; 1 if no take is good of some chunk, else 0.

    Raises:
        NotInLibrary: No such book, or nobody has checked it.
        BadRequest: No such strictness.
    """
    from rhapsode.cli.failures import request as checked

    shelf = find_shelf(open_library(library or DEFAULT_LIBRARY), book)
    reading, original = reading_of(shelf).load()
    given = original.verify.model_dump() | ({"strictness": strictness} if strictness else {})
    verification = checked(Verification, given)
    listening = listening_of(reading, verification)
    takes = judge_takes(reading, listening, verification.strictness) if listening else []
    if not takes:
        raise NotInLibrary(f"No take of {shelf.name} was checked.", UNCHECKED)
    if as_json:
        json.dump([_plain(one) for one in takes], sys.stdout, indent=1)
        print()
    acceptance = accept_takes(reading, verification, takes)
    exceptions = acceptance.exceptions
    if not as_json:
        _print(takes)
        listened = sum(one.row.measures.transcript is not None for one in takes)
        screen().print(
            f"{counted(len(takes), 'take')}, {listened:,} of them listened to; by strictness {verification.strictness} "
            f"{counted(len(exceptions), 'chunk')} without a good one.",
            soft_wrap=True,
        )
        show_open(screen(), doubtful_chunks(reading, acceptance.digest, verification, takes))
        if exceptions:
            numbers = ",".join(str(flaw.chunk) for flaw in exceptions)
            again = ["rhapsode", "redo", shelf.name, "--chunks", numbers, *(["--library", library] if library else [])]
            screen().print(f"Speak them anew:  {shlex.join(again)}", soft_wrap=True)
    return 1 if exceptions else 0


def write_page(book: str, library: str | None) -> None:
    """The command `report`: writes the page beside the latest edition and says where.

    Raises:
        NotInLibrary: No such book, it was never published, or nobody has checked it.
    """
    shelf = find_shelf(open_library(library or DEFAULT_LIBRARY), book)
    edition = latest_edition(shelf)
    if edition is None:
        raise NotInLibrary(f"{shelf.name} was never published.", "Convert it to the end first.")
    reading, original = reading_of(shelf).load()
    path = publish_report(reading, edition, original.verify)
    if path is None:
        raise NotInLibrary(f"No take of {shelf.name} was checked.", UNCHECKED)
    screen().print(from_here(shelf, shelf.library.url(path)), soft_wrap=True)


def _print(takes: list[Judged]) -> None:
    made = table("chunk", "take", "verdict", "why", "text", right=("chunk", "take"))
    bad = worst_first(takes)
    for one in bad[:SHOWN]:
        made.add_row(
            str(one.row.chunk),
            str(one.row.take),
            one.judgement.verdict.value,
            shown("; ".join(one.judgement.reasons), 160),
            shown(one.row.text, 80),
        )
    if bad:
        screen().print(made)
    if len(bad) > SHOWN:
        screen().print(f"... and {len(bad) - SHOWN:,} more; --json has them all.")


def _plain(one: Judged) -> dict[str, object]:
    row = one.row
    return {
        "chunk": row.chunk,
        "round": row.round,
        "take": row.take,
        "key": row.key,
        **asdict(one.judgement),
        "text": row.text,
        "heard": row.measures.transcript.text if row.measures.transcript else None,
        "second": row.measures.second.text if row.measures.second else None,
    }
