"""Which models there are, and where each comes from. It imports nothing heavy: the help of the commands names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rhapsode.errors import BadRequest

SUBFOLDER = "tokenizer"
"""Where a repository may keep what is not beside its weights."""


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


def source_of(name: str) -> Source:
    """Raises:
    BadRequest: No model has this name.
    """
    if name not in SOURCES:
        raise BadRequest(f"There is no model {name!r}.", f"There are: {', '.join(SOURCES)}.")
    return SOURCES[name]
