"""A library: one root, and all-or-nothing reads and writes on paths relative to it.

    open_library(root: str) -> Library
    library.exists(path) -> bool                     a file of that name
    library.size(path) -> int                        bytes
    library.read_bytes(path) -> bytes
    library.write_bytes(path, data) -> None          the old bytes or the new, never a part
    library.read(path, understand) -> T              what `understand` makes of it; damage is believed only on two reads
    library.create_bytes(path, data) -> bool         put if absent; False: another writer was first, nothing is changed
    library.claim_bytes(path, data) -> bool          likewise, where racing writers would write different bytes
    library.sync(paths) -> None                      for files made by create_bytes(..., synced=False)
    library.put_file(local: Path, path) -> str       streams a finished file in; its sha256, as it lies there
    library.list(folder) -> list[str]                all files below, sorted
    library.folders(folder) -> list[str]             names of the folders directly below, sorted
    library.entries(folder) -> Iterator[Entry]       all files below with size and time, unfinished writes too
    library.delete(path) -> None                     absent is fine
    library.url(path) -> str                         absolute path or URL, for people

The root is a folder or any fsspec URL (`s3://bucket/prefix`, `memory://`). Paths use `/`, whatever the machine. In a
local folder every write survives a power cut once it returns, and `create_bytes` has exactly one winner among racing
writers. On S3 the store decides who wins; contested.py says what is done where it does not. A store that fails is asked
again (remote.py), and an error comes when that was in vain. What is equal to what is there already counts as one's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import TypeVar

from fsspec.implementations.local import LocalFileSystem

from rhapsode.errors import BadRequest, EvidenceDamaged, LibraryUnreachable, NotInLibrary, ObjectDamaged
from rhapsode.store import contested, durable
from rhapsode.store.listing import Entry, described_in, described_on, found_on, names_in
from rhapsode.store.remote import error_code, explain, one_line, open_url, put_file, store_errors

T = TypeVar("T")
COPY_BYTES = 1 << 20  # held at a time while a file is streamed in
READS = 5  # of one file, at most, until two that follow each other agree on what is damaged in it
Names = list[str]  # inside Library, `list` is the method


def open_library(root: str) -> Library:
    """Opens a library; a local folder is made by the first write.

    Raises:
        BadRequest: A protocol that fsspec does not know, or whose package is not installed.
        LibraryUnreachable: The root is a file.
    """
    library = Library(root)
    if library.local and library.local.exists() and not library.local.is_dir():
        raise LibraryUnreachable(f"The library {root} is a file, not a folder.", "Name a folder.")
    return library


class Library:
    """Files below one root. It holds no open handle and may be pickled to another process."""

    def __init__(self, root: str) -> None:
        self.root = root
        try:
            self.local = None if "://" in root else Path(root).expanduser().absolute()
            # A folder's name may hold "::", which fsspec would take for a chain of URLs.
            self._fs, base = (LocalFileSystem(), str(self.local)) if self.local else open_url(root)
        except (ValueError, ImportError, RuntimeError) as error:
            raise BadRequest(
                f"The library {root} cannot be opened: {one_line(error)}.",
                "Name a folder or an fsspec URL; for s3:// install rhapsode[s3].",
            ) from error
        if self.local is None and isinstance(self._fs, LocalFileSystem):
            self.local = Path(base)
        self._base = base.rstrip("/")

    def __reduce__(self) -> tuple[type[Library], tuple[str]]:
        return Library, (self.root,)

    def __repr__(self) -> str:
        return f"Library({self.root!r})"

    def url(self, path: str = "") -> str:
        """Absolute path (local) or URL of a path, for people."""
        full = self._full(path) if path else self._base or "/"
        return full if self.local else str(self._fs.unstrip_protocol(full))

    def exists(self, path: str) -> bool:
        """Whether a file (not a folder) has this name. A library that does not answer is an error, not a no."""
        try:
            with self._reading(path):
                return bool(self._fs.info(self._full(path))["type"] == "file")
        except NotInLibrary:
            return False

    def size(self, path: str) -> int:
        with self._reading(path):
            return int(self._fs.info(self._full(path))["size"])

    def read_bytes(self, path: str) -> bytes:
        with self._reading(path):
            return bytes(self._fs.cat_file(self._full(path)))

    def read(self, path: str, understand: Callable[[bytes], T]) -> T:
        """What `understand` makes of a file's bytes. Damage counts only where two reads, one after the other, agree.

        A disk keeps what is wrong with it, but between a store and us bytes go through many hands, and a take that is
        believed to be damaged is removed.

        Raises:
            EvidenceDamaged, ObjectDamaged: What `understand` says of bytes that lie there.
            LibraryUnreachable: They are damaged otherwise with each read, so nobody knows what lies there.
        """
        before: bytes | None = None
        for _ in range(READS):
            data = self.read_bytes(path)
            try:
                return understand(data)
            except (EvidenceDamaged, ObjectDamaged):
                if data == before:
                    raise
            before = data
        raise LibraryUnreachable(
            f"{self.url(path)}: {READS} reads gave other bytes each time, and none were whole.",
            "See what lies between this machine and the store. Nothing was removed: run again when it is mended.",
        )

    def write_bytes(self, path: str, data: bytes) -> None:
        """Puts the bytes there, whatever was there before."""
        with self._writing(path):
            if self.local:
                durable.replace(Path(self._full(path)), lambda file: file.write(data))
            else:
                self._fs.pipe_file(self._full(path), data)

    def create_bytes(self, path: str, data: bytes, synced: bool = True) -> bool:
        """Puts the bytes there if nothing is; False if something else is.

        On a store that does not honour conditions two writers at the same moment may both be told that they were first,
        and the later one's bytes stay: this is for what any writer would write alike. For the rest, `claim_bytes`.

        Args:
            synced: If not, a power cut may lose or tear them until `sync` has returned. A killed process does not.
        """
        with self._writing(path):
            if self.local:
                durable.make_folder(self.local)
                return durable.create(Path(self._full(path)), data, synced)
            if self.honours_conditions():
                return contested.put_if_absent(self._fs, self._full(path), data)
            if not (taken := self.exists(path)):
                self._fs.pipe_file(self._full(path), data)
            return not taken

    def claim_bytes(self, path: str, data: bytes) -> bool:
        """As `create_bytes`, with one winner on any store; on one that does not honour conditions it takes seconds."""
        if self.honours_conditions():
            return self.create_bytes(path, data)
        with self._writing(path):
            return contested.put_first(self._fs, open_url(self.root, attempts=1)[0], self._full(path), data)

    def honours_conditions(self) -> bool:
        """Whether the store itself sees to it that one of racing writers wins; a store is asked by writing to it."""
        with self._writing(""):
            return self.local is not None or contested.honours_conditions(self._fs, self._base)

    def sync(self, paths: Sequence[str]) -> None:
        """Makes files survive a power cut. Only a local folder has something to do: stores have it when they answer."""
        if self.local:
            with self._writing(""):
                durable.sync([Path(self._full(path)) for path in paths], self.local)

    def put_file(self, local: Path, path: str) -> str:
        """Copies a finished local file in, without holding it in memory; a store is asked what has arrived there."""
        with local.open("rb") as source, self._writing(path):
            sha256 = file_digest(source, "sha256").hexdigest()
            source.seek(0)
            if self.local:
                durable.replace(Path(self._full(path)), lambda file: shutil.copyfileobj(source, file, COPY_BYTES))
            else:
                put_file(self._fs, local, self._full(path), sha256)
        return sha256

    def list(self, folder: str = "") -> Names:
        """All files below a folder, relative to the root, sorted; none if there is no such folder."""
        with self._reading(folder):
            found = names_in(self._full(folder)) if self.local else found_on(self._fs, self._full(folder))
            names = [self._inside(name) for name in found]
        return sorted(name for name in names if not durable.is_partial(PurePosixPath(name).name))

    def folders(self, folder: str = "") -> Names:
        """The names of the folders directly below a folder, sorted; none if there is no such folder."""
        try:
            with self._reading(folder):
                entries = self._fs.ls(self._full(folder), detail=True)
        except NotInLibrary:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory")

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """All files below a folder, in no order: also what killed writers left (`durable.is_partial`).

        Raises:
            LibraryUnreachable: Also where the store does not say when a file was written.
        """
        with self._reading(folder):
            full = self._full(folder)
            for name, size, modified in described_in(full) if self.local else described_on(self._fs, full):
                if modified is None:
                    raise LibraryUnreachable(
                        f"{self.url(self._inside(name))}: its store does not say when it was written.",
                        "Use a library in a folder or on S3 for this.",
                    )
                yield Entry(self._inside(name), size, modified)

    def delete(self, path: str) -> None:
        """Removes a file; one that is not there is fine."""
        with suppress(NotInLibrary), self._reading(path):
            self._fs.rm_file(self._full(path))

    def _full(self, path: str) -> str:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or "\0" in path:
            raise BadRequest(f"{path!r} is not a path inside a library.", "Use a relative path without '..'.")
        return "/".join((self._base, *parts))

    def _inside(self, full: str) -> str:
        return full[len(self._base) :].lstrip("/")

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            with self._writing(path):
                yield
        except LibraryUnreachable as error:
            if isinstance(error.__cause__, FileNotFoundError) and error_code(error.__cause__) != "NoSuchBucket":
                raise NotInLibrary(
                    f"{self.url(path)} is not in the library.", "Run again: what is missing is made."
                ) from error.__cause__
            raise

    @contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        try:
            yield
        except store_errors() as error:
            reason, remedy = explain(error)
            raise LibraryUnreachable(f"{self.url(path)}: {reason}.", remedy) from error
