"""The screen: colours and a live bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

MANY = 1000


def screen() -> Console:
    """A console on standard output. Off a terminal no line is cut to 80 columns, since a script reads it."""
    watched = sys.stdout.isatty()
    width = None if watched or "COLUMNS" in os.environ else MANY
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not watched, width=width)


def shown(text: str, limit: int = MANY) -> Text:
    """Text of a book as one line: what could steer a terminal is gone."""
    from rhapsode.audio.titles import clean

    return Text(clean(text, limit))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without frames; the columns named in `right` are aligned to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made
