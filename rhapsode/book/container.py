"""The zip of an EPUB, opened with suspicion: nothing is trusted before it is checked, nothing is ever extracted.

What is refused and what is tolerated:
- Not a zip, a torn zip, no `META-INF/container.xml`: `NotAnEpub`.
- A bomb, by declared size and ratio or by what comes out of a member: `BookTooLarge`.
- Two different members of one name, where that name is read: `BookDamaged`, as nobody can say which is the text.
- DRM over anything that is read: `BookEncrypted`. Obfuscated fonts are no DRM.
- Junk before the zip, a missing or wrong `mimetype`, names that climb out of the folder: tolerated; they hide no text.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path
from types import TracebackType

from rhapsode.errors import BookDamaged, BookEncrypted, BookTooLarge, NotAnEpub

MAX_MEMBERS = 20_000
MAX_DIRECTORY = 8 << 20  # bytes of the zip's central directory, which is read whole before anything can be counted
MAX_DECLARED = 4 << 30  # bytes of all members: a book with recorded narration has less
BOMB_SIZE, BOMB_RATIO = 64 << 20, 200  # deflate reaches 1032:1, honest text 10:1; a small member may be repetitive
MAX_MEMBER = 32 << 20  # bytes of one member that is read; the largest novel has 4 MB in all
_DAMAGE = "Get another copy of the book, or repair it with an EPUB editor such as Sigil or calibre."


class Container:
    """An open EPUB. Reads members whole, checked; use as a context manager.

    Attributes:
        path: The file.
        digest: sha256 of the file, hex.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise NotAnEpub(f"{path} is not a file.", "Give the path of an EPUB file.")
        _check_directory(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
            raise _not_an_epub(path) from error
        self._members: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        self._loose: dict[str, set[str]] = defaultdict(set)
        for info in self._zip.infolist():
            self._members[info.filename].append(info)
            self._loose[_loose(info.filename)].add(info.filename)
        self.encrypted: frozenset[str] = frozenset()
        try:
            self._check_sizes()
            with path.open("rb") as file:
                self.digest = hashlib.file_digest(file, "sha256").hexdigest()
        except BaseException:  # Ctrl-C too: nobody has a container yet whom `with` could close
            self._zip.close()
            raise

    def __enter__(self) -> Container:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._zip.close()

    def _check_sizes(self) -> None:
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise too_large(self.path, f"{len(infos)} members; the limit is {MAX_MEMBERS}")
        declared = sum(info.file_size for info in infos)
        if declared > MAX_DECLARED:
            raise too_large(self.path, f"{declared >> 20} MiB when unpacked; the limit is {MAX_DECLARED >> 20} MiB")
        for info in infos:
            if info.file_size > BOMB_SIZE and info.file_size > BOMB_RATIO * max(1, info.compress_size):
                ratio = info.file_size // max(1, info.compress_size)
                raise too_large(
                    self.path, f"{info.filename}, {info.file_size >> 20} MiB packed {ratio}:1 as in a zip bomb"
                )

    def find(self, name: str) -> str | None:
        """The member that a resolved href means: by its exact name, else by the only one that differs in case,
        Unicode normal form or the slashes of a zip made on Windows."""
        if name in self._members:
            return name
        alike = self._loose.get(_loose(name), set())
        return next(iter(alike)) if len(alike) == 1 else None

    def size(self, name: str) -> int:
        """Bytes of a member when unpacked, as the zip declares; `read` holds it to that."""
        return self._members[name][0].file_size

    def read(self, name: str) -> bytes:
        """One member, whole and checked.

        Raises:
            BookEncrypted: It is encrypted, by the zip or by META-INF/encryption.xml.
            BookDamaged: It cannot be unpacked, its checksum is wrong, or two different members have its name.
            BookTooLarge: It has more than `MAX_MEMBER` bytes, declared or streamed.
        """
        infos = self._members[name]
        info = infos[0]
        if any((other.CRC, other.file_size) != (info.CRC, info.file_size) for other in infos):
            raise BookDamaged(f"{self.path}: there are {len(infos)} different members named {name}.", _DAMAGE)
        if name in self.encrypted or info.flag_bits & 1:
            raise encrypted(self.path, f"{name} is encrypted")
        if info.file_size > MAX_MEMBER:
            raise too_large(self.path, f"{name}, {info.file_size >> 20} MiB; the limit is {MAX_MEMBER >> 20} MiB")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Others are not EPUB, and the dictionary of lzma may ask for gigabytes.
            raise BookDamaged(
                f"{self.path}: {name} is packed by method {info.compress_type}, unknown to EPUB.", _DAMAGE
            )
        try:
            with self._zip.open(info) as member:
                data = member.read(MAX_MEMBER + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, OSError) as error:
            raise BookDamaged(f"{self.path}: {name} cannot be unpacked: {error}.", _DAMAGE) from error
        if len(data) > MAX_MEMBER:
            raise too_large(self.path, f"{name}, more than {MAX_MEMBER >> 20} MiB")
        if len(data) != info.file_size:
            raise BookDamaged(f"{self.path}: {name} is cut short: {len(data)} of {info.file_size} bytes.", _DAMAGE)
        return data


def encrypted(path: Path, what: str) -> BookEncrypted:
    return BookEncrypted(f"{path}: {what}.", "Rhapsode reads books without DRM only; ask the seller for such a copy.")


def damaged(path: Path, what: str) -> BookDamaged:
    return BookDamaged(f"{path}: {what}.", _DAMAGE)


def _loose(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def too_large(path: Path, what: str) -> BookTooLarge:
    return BookTooLarge(f"{path} has {what}.", "If it is an honest book, split it or remove what is not text.")


def _not_an_epub(path: Path) -> NotAnEpub:
    with path.open("rb") as file:
        head = file.read(68)
    kinds = {b"%PDF": "a PDF", b"\xff\xd8\xff": "a JPEG image", b"\x89PNG": "a PNG image", b"GIF8": "a GIF image"}
    kind = next((kind for magic, kind in kinds.items() if head.startswith(magic)), "")
    if head[60:68] == b"BOOKMOBI":
        kind = "a Kindle book"
    if head.startswith(b"PK"):
        return NotAnEpub(f"{path} is a zip that is torn or damaged.", "Download or copy it again.")
    return NotAnEpub(
        f"{path} is not an EPUB{f' but {kind}' if kind else ''}.", "Convert it to EPUB, e.g. with calibre."
    )


def _check_directory(path: Path) -> None:
    """Bounds the central directory before `zipfile` builds an object for each of its entries."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - (1 << 16) - 22 - 20))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise _not_an_epub(path)
    directory = struct.unpack_from("<L", tail, end + 12)[0]
    zip64 = tail[max(0, end - 20) : end].startswith(b"PK\x06\x07")
    if directory > MAX_DIRECTORY or zip64:
        raise too_large(path, f"more members than any book, a directory over {MAX_DIRECTORY >> 20} MiB")
