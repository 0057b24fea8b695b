"""How one file of a local folder is written: after a crash at any moment its name shows the old bytes or the new ones.

    replace(path, write) -> None      new bytes under a name that may exist
    create(path, data) -> bool        new bytes under a name that must not exist; exactly one of N racing writers wins

Both write to a partial file beside the target, fsync it, give it its name in one step and fsync the folder. A killed
writer leaves at most a partial file, which `is_partial` recognises and nothing ever reads.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".rhapsode-partial"


def is_partial(name: str) -> bool:
    """Whether a file name is that of an unfinished write."""
    return name.startswith(".") and name.endswith(PARTIAL)


def replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Gives `path` the bytes that `write` puts into the open file; at no moment is anything else visible there."""
    with _partial(path, write) as partial:
        partial.replace(path)
        _sync_folder(path.parent)


def create(path: Path, data: bytes) -> bool:
    """Gives `path` these bytes if it does not exist; False if it does, and then nothing is changed.

    A hard link is the one step that local file systems refuse when the name is taken, and it never shows a torn file.
    """
    if path.exists():
        return False
    with _partial(path, lambda file: file.write(data)) as partial:
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
    return True


@contextmanager
def _partial(path: Path, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """A whole and synced file beside `path`, gone afterwards whatever happens."""
    _make_folder(path.parent)
    partial = path.with_name(f".{uuid.uuid4().hex}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
