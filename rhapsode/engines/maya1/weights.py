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
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from rhapsode.recipe import digest

BLOCK = 1 << 22
Progress = Callable[[int], None]
"""Is told of every so many bytes hashed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A model that can be fetched: one commit of a repository, never a branch that moves.

    Attributes:
        files: Patterns of the files that are used, as `Path.glob` takes them.
        sha256: Digests known beforehand.
        size_bytes: About.
    """

    what: str
    repository: str
    revision: str
    files: tuple[str, ...]
    size_bytes: int
    sha256: Mapping[str, str] = field(default_factory=dict)


SOURCES = {
    "maya1": Source(
        what="Maya1 for maya1-hf: safetensors, bf16",
        repository="maya-research/maya1",
        revision="21c682a0afef8c13a89b2512733c8bf5f0c52eb7",
        files=("config.json", "model*.safetensors", "model.safetensors.index.json", "tokenizer.json"),
        size_bytes=6_630_000_000,
        sha256={"tokenizer.json": "6c5e5b1d89b7e3738e5a5a4f93c326d8f3292ea83f9c560b8dbb6d66fb851973"},
    ),
    "maya1-gguf": Source(
        what="Maya1 for maya1-gguf: Q8_0",
        repository="Mungert/maya1-GGUF",
        revision="83fad52f1b11f05a52f2274998bf733f7dad7974",
        files=("maya1-q8_0.gguf",),
        size_bytes=3_520_000_000,
        sha256={"maya1-q8_0.gguf": "09bb46736cbbe806d34b79cd1c6c00d3a5778fd2b90103e0e636834b7baa8e7e"},
    ),
    "snac": Source(
        what="SNAC, the codec that both need",
        repository="hubertsiuzdak/snac_24khz",
        revision="d73ad176a12188fcf4f360ba3bf2c2fbbe8f58ec",
        files=("config.json", "pytorch_model.bin"),
        size_bytes=79_488_554,
        sha256={
            "config.json": "e119b9366d4f5e73c6ca5f31137c4ff361578bbb132953a5203afe037c4012be",
            "pytorch_model.bin": "4b8164cc6606bfa627f1a784734c1e539891518f1191ed9194fe1e3b9b4bff40",
        },
    ),
    "base.en": Source(
        what="Whisper base.en, to listen with",
        repository="Systran/faster-whisper-base.en",
        revision="3d3d5dee26484f91867d81cb899cfcf72b96be6c",
        files=("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
        size_bytes=147_770_000,
        sha256={"model.bin": "2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef"},
    ),
    "small.en": Source(
        what="Whisper small.en, to listen with",
        repository="Systran/faster-whisper-small.en",
        revision="d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        files=("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
        size_bytes=486_100_000,
        sha256={"model.bin": "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a"},
    ),
    "large-v3-turbo": Source(
        what="Whisper large-v3-turbo, to listen with",
        repository="mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        revision="0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        files=("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json"),
        size_bytes=1_622_000_000,
        sha256={"model.bin": "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"},
    ),
}


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
            sha256: Digests that files must have, by name; of the others any is taken.

        Raises:
            BadRequest: There is no such path, or the model's files are not in it.
            WeightsDamaged: A file does not have the digest that it must have.
        """
        path = path.expanduser().absolute()
        files = files_of(name, path)
        folder = path if path.is_dir() else path.parent
        known = {str(one.relative_to(folder)): known_file(one, progress) for one in files}
        for relative, expected in (sha256 or {}).items():
            if relative in known and known[relative].sha256 != expected:
                raise WeightsDamaged(
                    f"{folder / relative} has sha256 {known[relative].sha256[:16]}, not {expected[:16]}.",
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


def source_of(name: str) -> Source:
    """Raises:
    BadRequest: No model has this name.
    """
    if name not in SOURCES:
        raise BadRequest(f"There is no model {name!r}.", f"There are: {', '.join(SOURCES)}.")
    return SOURCES[name]


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
    found = [sorted(path.glob(pattern)) or sorted(path.glob(f"tokenizer/{pattern}")) for pattern in source.files]
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
