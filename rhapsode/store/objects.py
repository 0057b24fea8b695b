"""Content-addressed audio, `objects/<k[:2]>/<k>.flac`, verified whenever it is read.

    put_take(library, key: str, audio: Audio, provenance: dict[str, Json]) -> StoredTake
    sync_takes(library, keys: Sequence[str]) -> None          to be called before evidence says that they are there
    find_take(library, key: str) -> StoredTake | None         None: not there, or damaged (it is removed and logged)
    get_audio(library, key: str, sha256: str) -> Audio        raises NotInLibrary, ObjectDamaged
    get_provenance(library, key: str, sha256: str) -> dict    likewise; the samples are not decoded
    has_take(library, key: str) -> bool                       a name only: nothing is read
    sha256_of(audio: Audio) -> str                            digest of the samples as little-endian int16
    StoredTake(key, sha256, audio, provenance)

A FLAC carries its provenance (finish reason, token count, elapsed time, stack, ...) as canonical JSON in its comment
tag, so a range that is killed before its evidence is written loses nothing: the rows are rebuilt from the objects.
`sha256` everywhere in Rhapsode is the digest of the decoded samples, whatever the encoder made of them.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import soundfile as sf

from rhapsode.errors import EvidenceDamaged, NotInLibrary, ObjectDamaged, SynthesisFailed
from rhapsode.model import Audio
from rhapsode.store import sealed
from rhapsode.store.library import Library

Json = Any
T = TypeVar("T")
KIND = "take/1"
BLOCK = 1 << 20  # samples decoded at a time, more than a chunk has: a damaged header may promise 2^36 of them
COMPRESSION = 0.0  # the least: speech comes out hardly larger than by default, and is sooner written and read
REMEDY = "Run again: it will be spoken anew."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredTake:
    """One audio object, read whole and verified. `provenance` is what `put_take` was given, as JSON gives it back."""

    key: str
    sha256: str
    audio: Audio = field(compare=False, repr=False)
    provenance: dict[str, Json]

    @property
    def sample_rate_hz(self) -> int:
        return self.audio.sample_rate_hz


def object_path(key: str) -> str:
    return f"objects/{key[:2]}/{key}.flac"


def sha256_of(audio: Audio) -> str:
    return hashlib.sha256(audio.samples.astype("<i2", copy=False).tobytes()).hexdigest()


def put_take(library: Library, key: str, audio: Audio, provenance: dict[str, Json]) -> StoredTake:
    """Stores a take and returns what the library holds under its key.

    The take survives a killed process at once, and a power cut when `sync_takes` has returned.

    A whole object is never replaced, even if its samples differ: one made on another stack is as valid, and evidence
    points at it. So take `sha256` and `provenance` from the result.

    Raises:
        SynthesisFailed: The take has no samples at all.
    """
    if len(audio.samples) == 0:
        raise SynthesisFailed(f"Take {key} has no samples.", "Run again; if it stays so, change the text of the chunk.")
    taken = StoredTake(key, sha256_of(audio), audio, provenance)
    data = _encode(taken)
    while not library.create_bytes(object_path(key), data, synced=False):
        if stored := find_take(library, key):
            return stored
    return taken


def sync_takes(library: Library, keys: Sequence[str]) -> None:
    """Brings takes onto the disk: also those that were found, for whoever stored them may not have come to it."""
    library.sync([object_path(key) for key in keys])


def find_take(library: Library, key: str) -> StoredTake | None:
    """Reads a take back, whole and verified; None if it is not there or was damaged."""
    try:
        return _read(library, key, _decode)
    except (NotInLibrary, ObjectDamaged):
        return None


def has_take(library: Library, key: str) -> bool:
    """Whether there is an object of this name; whether it is whole, only reading it tells."""
    return library.exists(object_path(key))


def get_audio(library: Library, key: str, sha256: str) -> Audio:
    """Decodes an object whole and returns it if its samples are the expected ones.

    Raises:
        NotInLibrary: There is no such object.
        ObjectDamaged: It cannot be decoded (then it is removed, so that running again speaks it anew), or it is whole
            but not the one that the evidence saw.
    """
    stored = _read(library, key, _decode)
    _expect_samples(key, stored.sha256, sha256)
    return stored.audio


def get_provenance(library: Library, key: str, sha256: str) -> dict[str, Json]:
    """The provenance of the samples of this digest. Whether they are whole, only `get_audio` tells.

    Raises:
        NotInLibrary, ObjectDamaged: As for `get_audio`.
    """
    tag = _read(library, key, _tag)
    _expect_samples(key, tag["sha256"], sha256)
    provenance: dict[str, Json] = tag["provenance"]
    return provenance


def _expect_samples(key: str, found: str, expected: str) -> None:
    if found != expected:
        raise ObjectDamaged(
            f"Object {key} has samples {found[:12]}, but the evidence says {expected[:12]}: it was lost, and made anew "
            "on another stack.",
            "Speak its chunk again with `rhapsode redo`.",
        )


def _read(library: Library, key: str, understand: Callable[[str, bytes], T]) -> T:
    """Reads and verifies; a damaged object is removed, and the log says so: from here on it counts as absent."""
    try:
        return library.read(object_path(key), lambda data: understand(key, data))
    except NotInLibrary as error:
        raise NotInLibrary(f"Object {key} is not in the library.", REMEDY) from error
    except ObjectDamaged as damage:
        log.warning("%s It is removed.", damage.message)
        library.delete(object_path(key))
        raise


def _encode(take: StoredTake) -> bytes:
    rate = take.audio.sample_rate_hz
    about = {"key": take.key, "sha256": take.sha256, "sample_rate_hz": rate}
    target = io.BytesIO()
    with sf.SoundFile(
        target, "w", samplerate=rate, channels=1, format="FLAC", subtype="PCM_16", compression_level=COMPRESSION
    ) as flac:
        flac.comment = sealed.write_json(KIND, {**about, "provenance": take.provenance}).decode()
        flac.write(take.audio.samples)
    return target.getvalue()


@contextmanager
def _opened(key: str, data: bytes) -> Iterator[tuple[sf.SoundFile, dict[str, Json]]]:
    """An object to be decoded inside, and its tag."""
    try:
        with sf.SoundFile(io.BytesIO(data)) as flac:
            kind, tag = sealed.unseal(flac.comment.encode(), f"The tag of object {key}")
            yield flac, tag
            shape = (flac.samplerate, flac.channels)
    except (sf.SoundFileError, EvidenceDamaged, UnicodeError, ValueError) as error:
        raise ObjectDamaged(f"Object {key} cannot be decoded.", REMEDY) from error
    sealed.expect(KIND, kind, f"Object {key}")
    if shape != (tag["sample_rate_hz"], 1) or tag["key"] != key:
        raise ObjectDamaged(f"Object {key} is not what its tag says.", REMEDY)


def _tag(key: str, data: bytes) -> dict[str, Json]:
    with _opened(key, data) as (_, tag):
        return tag


def _decode(key: str, data: bytes) -> StoredTake:
    blocks = []
    with _opened(key, data) as (flac, tag):
        while len(block := flac.read(BLOCK, dtype="int16")):
            blocks.append(block)
    samples = blocks[0] if len(blocks) == 1 else np.concatenate([np.empty(0, np.int16), *blocks])
    audio = Audio(samples, tag["sample_rate_hz"])
    if sha256_of(audio) != tag["sha256"]:
        raise ObjectDamaged(f"Object {key} is damaged: its checksum does not fit.", REMEDY)
    return StoredTake(key, tag["sha256"], audio, tag["provenance"])
