"""What listings tell of files, in a local folder and on a store.

Entry(path, size_bytes, modified)
names_in(folder: str) -> Iterator[str]                      all files below a local folder, with their full paths
described_in(folder) -> Iterator[tuple[name, size, time]]   likewise
found_on(fs, folder) -> dict[name, fsspec's description]    all files below a folder of a store
described_on(fs, folder) -> Iterator[tuple[name, size, time or None]]
modified_of(info) -> datetime | None
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TIMES = ("LastModified", "mtime", "last_modified", "updated", "created")
"""What fsspec's file systems call it: S3, SFTP, Azure, Google, memory."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a library. `modified` is by the clock of whoever keeps the files, in UTC."""

    path: str
    size_bytes: int
    modified: datetime


def names_in(folder: str) -> Iterator[str]:
    """None if there is no such folder; fsspec's own walk leaves out folders that it cannot read, without a word."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for top, _, names in os.walk(folder, onerror=refuse):
        yield from (f"{top}/{name}" for name in names)


def described_in(folder: str) -> Iterator[tuple[str, int, datetime]]:
    for name in names_in(folder):
        with suppress(FileNotFoundError):  # somebody else removed it
            status = Path(name).stat()
            yield name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)


def found_on(fs: Any, folder: str) -> dict[str, dict[str, Any]]:
    """S3 consoles make empty objects "x/" so that they can show an empty folder: these are no files."""
    found = fs.find(folder, detail=True)
    return {name: info for name, info in found.items() if not name.endswith("/")}


def described_on(fs: Any, folder: str) -> Iterator[tuple[str, int, datetime | None]]:
    for name, info in found_on(fs, folder).items():
        yield name, int(info["size"]), modified_of(info)


def modified_of(info: dict[str, Any]) -> datetime | None:
    """When a file was written, from fsspec's description of it; None if that does not say."""
    for field in TIMES:
        match info.get(field):
            case datetime() as moment if moment.tzinfo:
                return moment.astimezone(UTC)
            case float() | int() as seconds:
                return datetime.fromtimestamp(seconds, UTC)
    return None
