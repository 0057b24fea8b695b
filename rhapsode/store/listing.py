"""What a listing tells of a file besides its name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TIMES = ("LastModified", "mtime", "last_modified", "updated", "created")
"""What fsspec's file systems call it: S3, SFTP, Azure, Google, memory."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a library. `modified` is by the clock of whoever keeps the files, in UTC."""

    path: str
    size_bytes: int
    modified: datetime


def modified_of(info: dict[str, Any]) -> datetime | None:
    """When a file was written, from fsspec's description of it; None if that does not say."""
    for field in TIMES:
        match info.get(field):
            case datetime() as moment if moment.tzinfo:
                return moment.astimezone(UTC)
            case float() | int() as seconds:
                return datetime.fromtimestamp(seconds, UTC)
    return None
