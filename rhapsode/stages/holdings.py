"""What lies in the folder of one book, told from one listing: `status` and `clean` read as little as they can."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from rhapsode.model import Reading
from rhapsode.settings import ConvertRequest
from rhapsode.store import evidence
from rhapsode.store.durable import is_partial
from rhapsode.store.evidence import FAILURES, TAKES
from rhapsode.store.hearings import HEARD
from rhapsode.store.listing import Entry
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import BOOK, Shelf

NEVER = datetime.min.replace(tzinfo=UTC)
_RANGE = re.compile(r"round-0/(\d{5,})-(\d{5,})\.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The files of one reading's evidence.

    Attributes:
        key: The first twelve digits of the reading's.
        files: Path below the reading's folder -> its file.
    """

    shelf: Shelf
    key: str
    files: dict[str, Entry]

    @property
    def is_planned(self) -> bool:
        return "reading.json" in self.files

    @property
    def touched(self) -> datetime:
        """When something of it was last written."""
        return max((entry.modified for entry in self.files.values()), default=NEVER)

    def load(self) -> tuple[Reading, ConvertRequest]:
        return ReadingFolder(self.shelf, self.key).load()

    def ranges(self, ending: str) -> set[tuple[int, int]]:
        """First and last chunk of the ranges of round 0 that have a file with this ending, by its name alone."""
        found = (_RANGE.match(name) for name in self.files if name.endswith(ending))
        return {(int(match[1]), int(match[2])) for match in found if match}

    def paths(self, ending: str) -> list[str]:
        """The paths in the library of all files with this ending, sorted."""
        return sorted(entry.path for name, entry in self.files.items() if name.endswith(ending))

    def columns(self, path: str, *names: str) -> dict[str, list[object]]:
        """Columns of one file of takes or failures.

        Raises:
            EvidenceDamaged: It is torn.
        """
        columns: dict[str, list[object]] = self.shelf.columns(evidence.KIND, path, *names).to_pydict()
        return columns

    def spoken(self) -> dict[int, float]:
        """Chunk -> seconds of its latest take."""
        takes: list[tuple[int, int, int, float]] = []
        for path in self.paths(TAKES):
            column = self.columns(path, "round", "take", "chunk", "duration_s")
            takes += zip(*column.values(), strict=True)
        return {chunk: duration_s for _, _, chunk, duration_s in sorted(takes)}

    def failed(self) -> set[int]:
        """Chunks with an attempt that ended in an error."""
        return {int(str(chunk)) for path in self.paths(FAILURES) for chunk in self.columns(path, "chunk")["chunk"]}

    def checked(self) -> int:
        """Chunks of the ranges that were measured and, as far as that was asked for, listened to."""
        return sum(last - first + 1 for first, last in self.ranges(HEARD))


@dataclass(frozen=True, slots=True)
class Holdings:
    """The files of one book, sorted by what they belong to.

    Attributes:
        files: Those directly in its folder, by name: what was read, the plans, covers.
        readings: First twelve digits of a reading's key -> its evidence.
        editions: Number -> its files by name; an edition without `manifest.json` is not published.
        others: Timelines, what killed writers left, and what nobody here knows.
    """

    shelf: Shelf
    files: dict[str, Entry]
    readings: dict[str, Evidence]
    editions: dict[int, dict[str, Entry]]
    others: list[Entry]

    def published(self) -> list[int]:
        return sorted(number for number, files in self.editions.items() if "manifest.json" in files)

    def latest_reading(self) -> Evidence | None:
        """The planned reading in which something was written last."""
        planned = [reading for reading in self.readings.values() if reading.is_planned]
        return max(planned, key=lambda reading: (reading.touched, reading.key), default=None)

    def title(self, digest: str = "") -> str:
        """By what was read under this digest, or by anything that was read; empty if nothing was.

        Raises:
            EvidenceDamaged: It is torn.
        """
        wanted = f"book-{digest[:8]}.json"
        found = [name for name in sorted(self.files) if re.fullmatch(r"book-[0-9a-f]{8}\.json", name)]
        for name in [wanted] if wanted in found else found[:1]:
            return str(self.shelf.json(BOOK, self.shelf.path(name))["metadata"]["title"])
        return ""


def holdings_of(shelf: Shelf) -> Holdings:
    """Lists a book; reads nothing."""
    held = Holdings(shelf, {}, {}, {}, [])
    for entry in shelf.library.entries(shelf.folder):
        if is_partial(entry.path.rpartition("/")[2]):
            held.others.append(entry)
            continue
        match entry.path.removeprefix(f"{shelf.folder}/").split("/"):
            case [name]:
                held.files[name] = entry
            case ["evidence", key, *rest] if rest:
                held.readings.setdefault(key, Evidence(shelf, key, {})).files["/".join(rest)] = entry
            case ["editions", number, name] if number.isdecimal():
                held.editions.setdefault(int(number), {})[name] = entry
            case _:
                held.others.append(entry)
    return held
