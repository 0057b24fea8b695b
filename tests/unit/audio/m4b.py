"""A small book to encode, with a title that formats stumble over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rhapsode.audio.cover import cover_jpeg
from rhapsode.audio.encode import Encoded, Mark, encode_m4b
from rhapsode.audio.titles import tags_of
from rhapsode.model import Metadata, Samples
from rhapsode.settings import AudioSettings
from tests.unit.audio.conftest import RATE, sine

BOOK = Metadata(
    "Love = War; #1 \\ Peace",
    ("P. G. Wodehouse", "A. N. Other"),
    language="en-GB",
    publisher="Herbert Jenkins",
    published="1921-06-03",
    description="A farce.\nWith hens; and = signs.",
    series="Ukridge",
    series_index="0.5",
)
TAGS = tags_of(BOOK, "Hibari", comment="Spoken by a machine.")
COVER = cover_jpeg(None, BOOK)
SETTINGS = AudioSettings()


def marks_of(titles: Sequence[str], length: int = 2477) -> list[Mark]:
    """Chapters that start between whole milliseconds."""
    marks, start = [], 0
    for number, title in enumerate(titles):
        marks.append(Mark(title, start, length + number % 7))
        start += marks[-1].length
    return marks


def pcm_of(marks: Sequence[Mark]) -> Iterator[Samples]:
    for mark in marks:
        yield np.resize(sine(330, 0.1), mark.length)


def write_m4b(target: Path, marks: Sequence[Mark], cover: bytes | None = COVER) -> Encoded:
    return encode_m4b(target, pcm_of(marks), marks, TAGS, cover, RATE, SETTINGS)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
