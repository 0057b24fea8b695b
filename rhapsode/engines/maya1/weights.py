"""Where the weights lie and what they are: a manifest a model, so that gigabytes are hashed once, not at each start.

    <models>/maya1.json            manifest: folder, where it came from, size, time of change and sha256 of each file
    <models>/maya1/...             what `rhapsode models fetch maya1` downloaded; a model of your own stays where it is

A file whose size or time of change is not that of the manifest is hashed again when the model is loaded;
`rhapsode models verify` hashes all of them. No code comes with weights: safetensors, GGUF, and for the codec a pickle
of which only tensors are read and whose digest is pinned here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rhapsode.engines.maya1.sources import SUBFOLDER, source_of
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from rhapsode.recipe import digest

BLOCK = 1 << 22
Progress = Callable[[int], None]
"""Is told of every so many bytes hashed."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    size_bytes: int
    changed_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model at hand.

    Attributes:
        folder: Where its files lie, absolute.
        origin: `repository@revision`, or empty for a copy of the user's own.
        files: Path below `folder` -> what is known of the file.
    """

    name: str
    folder: Path
    origin: str
    files: dict[str, KnownFile]

    @property
    def digest(self) -> str:
        """Identity of the contents; the same for a copy in another folder or under another file name."""
        return digest(sorted(known.sha256 for known in self.files.values()))

    @property
    def size_bytes(self) -> int:
        return sum(known.size_bytes for known in self.files.values())

    def path(self, name: str) -> Path:
        """The one file whose path ends so.

        Raises:
            EngineUnavailable: The model has no such file.
        """
        for relative in self.files:
            if relative.endswith(name):
                return self.folder / relative
        raise EngineUnavailable(f"The model {self.name} has no {name}.", _fetch(self.name))

    def gone(self) -> list[str]:
        return [relative for relative in self.files if not (self.folder / relative).is_file()]


class Models:
    """The models of a folder. Nothing is cached here: each call looks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser()

    def has(self, *names: str) -> bool:
        """Whether models are here, as far as names can tell: no file is opened but the manifests."""
        return all((manifest := self._read(name)) is not None and not manifest.gone() for name in names)

    def knows(self, name: str) -> bool:
        """Whether there is a manifest; its files may have gone."""
        return self._path(name).is_file()

    def find(self, name: str) -> Manifest:
        """A model whose files are those of its manifest, by size and time of change; any other is hashed.

        Raises:
            EngineUnavailable: It is not here.
            WeightsDamaged: A file is another than it was, or the manifest cannot be read.
        """
        manifest = self._read(name)
        if manifest is None:
            raise EngineUnavailable(f"The model {name} is not on this machine.", _fetch(name))
        if gone := manifest.gone():
            raise EngineUnavailable(f"The model {name} lacks {manifest.folder / gone[0]}.", _fetch(name))
        touched = [relative for relative, known in manifest.files.items() if not _untouched(manifest, relative, known)]
        if not touched:
            return manifest
        hashed = {relative: known_file(manifest.folder / relative) for relative in touched}
        _compare(manifest, hashed)
        renewed = Manifest(name, manifest.folder, manifest.origin, manifest.files | hashed)
        self._write(renewed)
        return renewed

    def verify(self, name: str, progress: Progress = lambda _: None) -> Manifest:
        """Hashes every file of a model.

        Raises:
            EngineUnavailable, WeightsDamaged: As `find`.
        """
        manifest = self.find(name)
        _compare(manifest, {one: known_file(manifest.folder / one, progress) for one in manifest.files})
        return manifest

    def add(
        self,
        name: str,
        path: Path,
        origin: str = "",
        sha256: Mapping[str, str] | None = None,
        progress: Progress = lambda _: None,
    ) -> Manifest:
        """Takes a folder, or for GGUF a file, as the model of that name. It stays where it is.

        Args:
            sha256: Digests that files must have, by path, in the subfolder for the tokenizer by name too; of the others
                any is taken.

        Raises:
            BadRequest: There is no such path, or the model's files are not in it.
            WeightsDamaged: A file does not have the digest that it must have.
        """
        path = path.expanduser().absolute()
        files = files_of(name, path)
        folder = path if path.is_dir() else path.parent
        known = {str(one.relative_to(folder)): known_file(one, progress) for one in files}
        for relative, found in known.items():
            for expected in ((sha256 or {}).get(one) for one in (relative, relative.removeprefix(f"{SUBFOLDER}/"))):
                if expected and found.sha256 != expected:
                    raise WeightsDamaged(
                        f"{folder / relative} has sha256 {found.sha256[:16]}, not {expected[:16]}.",
                        f"Delete it. {_fetch(name)}",
                    )
        manifest = Manifest(name, folder, origin, known)
        self._write(manifest)
        return manifest

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> Manifest | None:
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            return TypeAdapter(Manifest).validate_json(path.read_bytes())
        except ValidationError as error:
            raise WeightsDamaged(f"{path} is no manifest of a model.", f"Delete it. {_fetch(name)}") from error

    def _write(self, manifest: Manifest) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._path(f".{manifest.name}.{uuid.uuid4().hex}")
        partial.write_bytes(TypeAdapter(Manifest).dump_json(manifest, indent=1))
        partial.replace(self._path(manifest.name))


def files_of(name: str, path: Path) -> list[Path]:
    """The files of a model that are used, in a folder or a GGUF file itself.

    Raises:
        BadRequest: They are not there.
    """
    source = source_of(name)
    if path.is_file() and path.suffix == ".gguf" and name.endswith("gguf"):
        return [path]
    if not path.is_dir():
        what = "a GGUF file" if name.endswith("gguf") else "a folder"
        raise BadRequest(f"{path} cannot be the model {name}.", f"Give {what}.")
    found = [sorted(path.glob(pattern)) or sorted(path.glob(f"{SUBFOLDER}/{pattern}")) for pattern in source.files]
    missing = [
        pattern for pattern, files in zip(source.files, found, strict=True) if not files and "index" not in pattern
    ]
    if missing:
        raise BadRequest(f"{path} has no {missing[0]}.", f"The model {name} consists of: {', '.join(source.files)}.")
    return [file for files in found for file in files]


def known_file(path: Path, progress: Progress = lambda _: None) -> KnownFile:
    """Hashes a file."""
    status = path.stat()  # before it is read: a change meanwhile is then found by the next start
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            progress(len(block))
    return KnownFile(status.st_size, status.st_mtime_ns, sha256.hexdigest())


def _untouched(manifest: Manifest, relative: str, known: KnownFile) -> bool:
    status = (manifest.folder / relative).stat()
    return (status.st_size, status.st_mtime_ns) == (known.size_bytes, known.changed_ns)


def _compare(manifest: Manifest, hashed: Mapping[str, KnownFile]) -> None:
    for relative, found in hashed.items():
        if found.sha256 != manifest.files[relative].sha256:
            raise WeightsDamaged(
                f"{manifest.folder / relative} has changed since it was fetched: sha256 {found.sha256[:16]}, not "
                f"{manifest.files[relative].sha256[:16]}.",
                f"{_fetch(manifest.name)} If you changed it yourself, add --from {manifest.folder}.",
            )


def _fetch(name: str) -> str:
    return f"Run: rhapsode models fetch {name}"
