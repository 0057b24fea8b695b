"""The books of the integration tests: small ones, bad ones, and one that takes a while."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.fixtures.booklet import NAMES, PLACES, bind

UNSAID = "ʔʔ"
"""No voice here has a sound for it, so a chunk that holds it always fails."""
RIGHTS = "<rights/>"
TWISTERS = ("'Tis sixth sick sheikh's sixth sheep's sick.", "Ah! " * 7 + "Ah!", "No " * 20 + "no.")
"""What the embedded voice says of these no recogniser takes for words."""
THINGS = ("lamp", "letter", "ladder", "coat", "bell", "rope", "key", "map", "cup", "coin")


def small(target: Path, number: int, word: str = "the wall") -> Path:
    """Two short chapters that no other number has."""
    wrote = f"<p>{NAMES[number]} wrote {word} upon a stone.</p><p>It was the year {1800 + number}.</p>"
    end = f"<h1>The End</h1><p>{NAMES[-number]} came home.</p>"
    bind(target, {"chapter-1": f"<h1>Book {number}</h1>{wrote}", "chapter-2": end})
    return target


def long(target: Path, chunks: int, first_day: int = 1) -> Path:
    """One chapter of as many chunks, no two of them alike; of two books neither, where their days are others."""
    lines = [
        f"<p>On the day {day}, {NAMES[day % len(NAMES)]} looked for the {THINGS[day % len(THINGS)]} "
        "in every house along the quay and found it nowhere.</p>"
        for day in range(first_day, first_day + chunks - 1)
    ]
    bind(target, {"chapter-1": f"<h1>The Quay</h1>{''.join(lines)}"})
    return target


def twisted(target: Path) -> Path:
    """Two ranges, a chunk a line; the takes of `TWISTERS` are bad: of one in the first range, of two in the second."""
    lines = [f"{name} lit the lamp {place} and waited there for the others." for place in PLACES for name in NAMES]
    lines = [TWISTERS[0], *lines[:30], *TWISTERS[1:]]
    bind(target, {"chapter-1": f"<h1>The Lamps</h1>{''.join(f'<p>{line}</p>' for line in lines)}"})
    return target


def six_books(folder: Path) -> None:
    """Three good ones, one with DRM, one that is torn, one with a chunk that always fails."""
    folder.mkdir()
    for number in (1, 2, 3):
        small(folder / f"{number}-good.epub", number)
    small(folder / "4-drm.epub", 4)
    with zipfile.ZipFile(folder / "4-drm.epub", "a") as archive:
        archive.writestr("META-INF/rights.xml", RIGHTS)
    small(folder / "5-torn.epub", 5)
    (folder / "5-torn.epub").write_bytes((folder / "5-torn.epub").read_bytes()[:800])
    small(folder / "6-stubborn.epub", 6, UNSAID)
