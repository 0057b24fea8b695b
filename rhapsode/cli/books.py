"""`locate` and `query`: questions to a converted book."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from rhapsode.cli.announce import from_here
from rhapsode.cli.console import screen, shown, table
from rhapsode.errors import BadRequest
from rhapsode.report.locate import Place, Published, seconds_of
from rhapsode.report.summary import clock
from rhapsode.settings import DEFAULT_LIBRARY
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf
from rhapsode.store.sql import query


def locate_place(book: str, library: str | None, asked: Mapping[str, int | str | None]) -> None:
    """The command `locate`; `asked` holds `char`, `time`, `text` and `chunk`, of which one is given.

    Raises:
        BadRequest: None or several are given, or there is no such place.
        NotInLibrary: No such book, or it was never published.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    if len(given) != 1:
        raise BadRequest(
            f"locate was given {len(given)} places.", "Give one of --char N, --time H:MM:SS, --text WORDS, --chunk N."
        )
    published = Published(open_library(library or DEFAULT_LIBRARY), book)
    places = _places(published, *next(iter(given.items())))
    console = screen()
    if len(places) == 1:
        _print_place(console, published, places[0])
    else:
        _print_places(console, places)
    numbers = ",".join(str(place.row["chunk"]) for place in places)
    again = ["rhapsode", "redo", published.shelf.name, "--chunks", numbers]
    again += ["--library", library] if library else []
    console.print(f"\nSpeak it anew:  {shlex.join(again)}", soft_wrap=True)


def _places(published: Published, by: str, value: int | str) -> list[Place]:
    if by == "text":
        return published.by_text(str(value))
    if by == "time":
        return [published.by_time(seconds_of(str(value)))]
    return [published.by_char(int(value)) if by == "char" else published.by_chunk(int(value))]


def _print_place(console: Console, published: Published, place: Place) -> None:
    row, edition = place.row, published.edition
    facts = {
        "book": f"{edition.title}, edition {edition.number}",
        "chapter": f"{row['chapter']} of {len(edition.chapters)}: {place.chapter_title}, at {clock(place.chapter_s)}",
        "chunk": f"{row['chunk']} of {len(published.rows)}, characters {row['char_start']} to {row['char_end']}",
        "time": f"{clock(row['book_start_s'])} to {clock(row['book_end_s'])} of {clock(edition.duration_s)}",
        "file": f"{from_here(published.shelf, place.file)} at {clock(place.file_s)}",
        "take": f"{row['take']} of round {row['round']}, {row['voice']} ({row['engine']}), seed {row['seed']}, "
        f"ended by {row['finish_reason']}",
        "sound": f"{row['duration_s']:.2f} s, {_level(row['rms_dbfs'])} rms, {_level(row['peak_dbfs'])} peak",
        "key": row["key"],
        "audio": from_here(published.shelf, place.audio),
        "text": row["source"],
        "spoken": row["spoken"],
    }
    made = table("", "")
    made.show_header = False
    for name, fact in facts.items():
        made.add_row(shown(name), shown(fact, 2000))
    console.print(made)


def _level(dbfs: float | None) -> str:
    return "silent" if dbfs is None else f"{dbfs:.1f} dBFS"


def _print_places(console: Console, places: Sequence[Place]) -> None:
    made = table("chunk", "time", "chapter", "take", "text", right=("chunk", "time", "take"))
    for place in places:
        row = place.row
        made.add_row(
            str(row["chunk"]),
            clock(row["book_start_s"]),
            shown(f"{row['chapter']} {place.chapter_title}", 30),
            str(row["take"]),
            shown(row["source"], 120),
        )
    console.print(made)


def print_query(book: str, library: str | None, sql: str, form: str) -> None:
    """The command `query`.

    Args:
        form: `table`, `csv` or `json`.

    Raises:
        BadRequest: Not one SELECT, or DuckDB refuses it.
    """
    from rhapsode.stages.verify import listenings_of  # takes seconds that `locate` need not wait for

    where = open_library(library or DEFAULT_LIBRARY)
    shelf = find_shelf(where, book)
    names, rows = query(where, shelf.name, sql, listenings_of(shelf))
    if form == "json":
        json.dump([dict(zip(names, row, strict=True)) for row in rows], sys.stdout, default=str, ensure_ascii=False)
        sys.stdout.write("\n")
    elif form == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([names, *rows])
    else:
        numbers = {name for i, name in enumerate(names) if rows and isinstance(rows[0][i], int | float)}
        made = table(*names, right=tuple(numbers))
        for row in rows:
            made.add_row(*(shown(_cell(value)) for value in row))
        screen().print(made)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
