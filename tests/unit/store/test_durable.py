"""All or nothing, at each step that can fail; kills and races are in test_durable_processes.py."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rhapsode.errors import LibraryUnreachable
from rhapsode.store import durable
from rhapsode.store.library import Library, open_library

PUTS: dict[str, Callable[[Library, Path], object]] = {
    "write_bytes": lambda library, _: library.write_bytes("deep/file", b"new" * 1000),
    "create_bytes": lambda library, _: library.create_bytes("deep/file", b"new" * 1000),
    "put_file": lambda library, source: library.put_file(source, "deep/file"),
}


def _failing(function: Callable[..., Any], number: int, after: int = 0) -> Callable[..., Any]:
    """The function, which fails like a full disk from its call number `after` on."""
    calls = iter(range(10**9))

    def fail(*args: Any, **kwargs: Any) -> Any:
        if next(calls) >= after:
            raise OSError(number, os.strerror(number))
        return function(*args, **kwargs)

    return fail


@pytest.mark.parametrize("step", ["open", "fsync-file", "rename", "fsync-folder"])
@pytest.mark.parametrize(
    ("put", "old"),
    [("write_bytes", None), ("write_bytes", b"old"), ("put_file", None), ("put_file", b"old"), ("create_bytes", None)],
)
def test_a_step_that_fails_leaves_the_old_or_the_new(
    put: str, step: str, old: bytes | None, folder: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"new" * 1000)
    folder.write_bytes("deep/neighbour", b"n")
    if old is not None:
        folder.write_bytes("deep/file", old)
    with monkeypatch.context() as patch:
        if step == "open":
            after = 1 if put == "put_file" else 0  # which first opens its source
            patch.setattr(Path, "open", _failing(Path.open, errno.ENOSPC, after))
        elif step == "rename":
            patch.setattr(Path, "replace", _failing(Path.replace, errno.ENOSPC))
            patch.setattr(Path, "hardlink_to", _failing(Path.hardlink_to, errno.ENOSPC))
        else:
            after = 0 if step == "fsync-file" else 1
            patch.setattr(os, "fsync", _failing(os.fsync, errno.ENOSPC, after))
        with pytest.raises(LibraryUnreachable, match="the disk is full") as error:
            PUTS[put](folder, source)
    assert "\n" not in str(error.value)
    visible = folder.read_bytes("deep/file") if folder.exists("deep/file") else None
    assert visible == (b"new" * 1000 if step == "fsync-folder" else old)
    assert folder.local is not None
    expected = {"neighbour"} | ({"file"} if visible is not None else set())
    assert {p.name for p in (folder.local / "deep").iterdir()} == expected
    PUTS[put](folder, source)
    assert folder.read_bytes("deep/file") == b"new" * 1000


def test_bytes_that_do_not_fit_leave_nothing(folder: Library, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        durable.replace(tmp_path / "x", _failing(print, errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("put", PUTS)
def test_the_file_is_synced_before_its_name_and_the_folder_after(
    put: str, folder: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"new")
    folder.write_bytes("deep/neighbour", b"n")
    steps: list[str] = []
    fsync, rename, link = os.fsync, Path.replace, Path.hardlink_to

    def note_fsync(descriptor: int) -> None:
        steps.append("sync folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "sync file")
        fsync(descriptor)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append("name")
        return rename(self, target)

    def note_link(self: Path, target: Path) -> None:
        steps.append("name")
        link(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_rename)
    monkeypatch.setattr(Path, "hardlink_to", note_link)
    PUTS[put](folder, source)
    assert steps == ["sync file", "name", "sync folder"]


def test_a_partial_file_of_a_killed_writer_is_never_seen(folder: Library) -> None:
    folder.write_bytes("a/x", b"x")
    assert folder.local is not None
    partial = folder.local / "a" / f".0123{durable.PARTIAL}"
    partial.write_bytes(b"half of some")
    assert durable.is_partial(partial.name)
    assert folder.list() == ["a/x"]
    assert not durable.is_partial("x")
    assert not durable.is_partial(".hidden")


def test_files_get_the_usual_permissions(folder: Library) -> None:
    """A library is shared with a media server, which runs as somebody else."""
    umask = os.umask(0o022)
    try:
        folder.write_bytes("a", b"")
        folder.create_bytes("b", b"")
    finally:
        os.umask(umask)
    assert folder.local is not None
    assert {p.stat().st_mode & 0o777 for p in folder.local.iterdir()} == {0o644}


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is brought onto the disk from now on, in order."""
    paths: list[Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return paths


def test_what_is_synced_later_is_synced_with_all_folders_above_it(folder: Library, synced: list[Path]) -> None:
    paths = [f"objects/{i % 3}/{i}" for i in range(7)]
    for path in paths:
        assert folder.create_bytes(path, b"take", synced=False)
    assert folder.local is not None
    assert synced == [folder.local.parent], "only the root itself, so that it cannot be lost with all that is in it"
    synced.clear()
    folder.sync(paths)
    folders = {folder.local, folder.local / "objects", *(folder.local / f"objects/{i}" for i in range(3))}
    assert sorted(synced) == sorted({folder.local / path for path in paths} | folders)


def test_a_sync_that_fails_is_an_error(folder: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.create_bytes("a", b"take", synced=False)
    monkeypatch.setattr(os, "fsync", _failing(os.fsync, errno.EIO, after=1))
    with pytest.raises(LibraryUnreachable, match="Input/output error"):
        folder.sync(["a"])
    with pytest.raises(LibraryUnreachable, match="No such file"):
        folder.sync(["b"])


def test_no_hard_links_is_one_clear_line(folder: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", _failing(print, errno.EOPNOTSUPP))
    with pytest.raises(LibraryUnreachable, match="has no hard links"):
        folder.create_bytes("x", b"")
    assert open_library(folder.root).list() == []
