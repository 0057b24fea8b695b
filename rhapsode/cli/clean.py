"""The command `clean`: what a library does not need any more, and on demand its end."""

from __future__ import annotations

from datetime import timedelta

from rhapsode.cli.announce import counted
from rhapsode.cli.console import screen, shown, table
from rhapsode.errors import BadRequest
from rhapsode.settings import DEFAULT_LIBRARY
from rhapsode.stages.clean import Count, Found
from rhapsode.stages.clean import clean as clean_library
from rhapsode.stages.keeping import Fate, Kind
from rhapsode.store.library import open_library

SHOWN_READINGS = 24


def clean_up(library: str | None, grace_days: float, delete: bool) -> None:
    """Prints what is kept and what is not needed, and deletes the latter if asked to.

    Raises:
        BadRequest: A grace period below 0, or too short to delete by.
        EvidenceDamaged, NotInLibrary: A file that tells what is needed is torn or has gone; nothing is deleted.
    """
    if not 0 <= grace_days <= 36_500:
        raise BadRequest(f"--grace cannot be {grace_days:g}.", "Valid: 0 to 36500 days.")
    where = open_library(library or DEFAULT_LIBRARY)
    found = clean_library(where, timedelta(days=grace_days), delete)
    console = screen()
    console.print(_table(found))
    for each in found.dropped[:SHOWN_READINGS]:
        console.print(
            shown(
                f"  not needed: reading {each.reading} of {each.book}, without an edition, "
                f"last written to on {each.touched:%Y-%m-%d}, before another reading of the book"
            ),
            soft_wrap=True,
        )
    if len(found.dropped) > SHOWN_READINGS:
        console.print(f"  ... and {len(found.dropped) - SHOWN_READINGS:,} more such readings")
    waste = found.total(Fate.UNNEEDED)
    what = f"{counted(waste.files, 'file')} ({_bytes(waste.size_bytes)})"
    if delete or not waste.files:
        console.print(f"{what} deleted." if delete else "There is nothing to delete.")
    else:
        console.print(f"{what} can go. Nothing was deleted: --delete does that.")


def _table(found: Found) -> object:
    made = table("", *Fate, right=tuple(Fate))
    made.columns[2].header = "younger than the grace"
    for kind in Kind:
        counts = [found.counts.get((kind, fate), Count()) for fate in Fate]
        if any(count.files for count in counts):
            made.add_row(
                kind, *(f"{count.files:,} ({_bytes(count.size_bytes)})" if count.files else "" for count in counts)
            )
    return made


def _bytes(size: int) -> str:
    """`1234567` -> `1.2 MB`."""
    amount, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.0f} {units[0]}" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"
