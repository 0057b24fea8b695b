"""The embedded voice: hibari, an 8 MB English model inside its wheel (Apache-2.0, 24 kHz)."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rhapsode.engines.protocol import Session
from rhapsode.engines.serial import serial_session, speed_of, versions
from rhapsode.errors import BadRequest, EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Samples, Sampling, Stack, Utterance, Voice
from rhapsode.recipe import digest

SAMPLE_RATE_HZ = 24_000

ASSETS = {
    "hibari.onnx": "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    "lexicon_gb_gold.json.gz": "66e675f23eb007d6707d23fe6603ba5e19f3513aefe42e3c8cd6c078a85f2ce0",
    "lexicon_gb_silver.json.gz": "637f887dd557d193af8c106f5c26624850db3e7bf0ec751ba917aac6d75e948d",
    "lexicon_us_gold.json.gz": "63ae94f8ef0e906d5b24fe9b59ffcbd1529aca5686a774610e43973cbaa86ad2",
    "lexicon_us_silver.json.gz": "c4c2546ebf1eb07010331e7ef785a431aa17ba8e7bfb6b4af8d654ee96a71fd3",
    "normalize.json": "d478ff05404bc43ac3e0468e306674e51085f1b1afc94cdef7c7ea4fb0d56bd8",
    "oov.json": "b462e6e5dbdf0e7346c732385d0dd844f612f1770871441c56932bff4ca75d8c",
    "oov.onnx": "d3cfd8122c5f172a98c8de38268bf1213ee09f2c2ae4df6e055fc6532590fe76",
    "oov_gb.json": "e29077fc3548f08f2fab82a87e03309f614658d91d0ba464e653265e9a4d0cad",
    "oov_gb.onnx": "0997e3219543247de5646078d770f8ca77011d8fd0abb29fe48d12c60f53e9e1",
    "tagger.json.gz": "d2da7502284bbbe45d49e0b7ce3ce67bdab82254150f4317f1b8559b4d38d0eb",
    "tokenizer_exceptions.json": "ddf3a3da07bdcf5144270ea4530191d8580fb4fd6f5ae93296e87916e795659a",
    "vocab.json": "70abefbe8a1c8865e43e0a43bbdc25b91a33e4aa053479d443ccf23e20a59e5d",
}
"""sha256 of every file of hibari-tts 0.2.1 that the audio depends on."""


def load_hibari() -> HibariEngine:
    """Checks the files of the wheel and loads the model.

    Raises:
        EngineUnavailable: The package is not installed.
        WeightsDamaged: A file is not the pinned one.
    """
    try:
        import hibari  # noqa: PLC0415 - so that the domain imports without it
    except ImportError as error:
        raise EngineUnavailable(
            f"The engine hibari cannot be loaded: {error}.", "pip install hibari-tts==0.2.1"
        ) from error
    folder = Path(hibari.__file__).parent / "assets"
    for name, sha256 in ASSETS.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
            raise WeightsDamaged(
                f"{folder / name} is not the file that hibari-tts 0.2.1 ships.",
                "pip install --force-reinstall hibari-tts==0.2.1",
            )
    return HibariEngine(hibari.Hibari(threads=1))


class HibariEngine:
    """One loaded model."""

    sample_rate_hz = SAMPLE_RATE_HZ
    sampling = Sampling(speed=1.0)

    def __init__(self, model: Any) -> None:
        self._model = model
        self.voices: Sequence[Voice] = (Voice("heart"),)
        self.stack = Stack(
            engine="hibari",
            weights_digest=digest(ASSETS),
            precision="int8",
            slots=1,
            threads=1,  # 1 and 2 threads differ in bits
            libraries=versions("hibari-tts", "onnxruntime", "numpy", "scipy"),
            host=platform.node(),
        )

    def session(self) -> AbstractContextManager[Session]:
        return serial_session(self._say, SAMPLE_RATE_HZ)

    def _say(self, utterance: Utterance) -> Samples:
        if utterance.voice not in self.voices:
            raise BadRequest(f"The engine hibari has no voice {utterance.voice.name!r}.", "It has: heart.")
        speed = speed_of(utterance.sampling, "hibari")
        wave = self._model(utterance.text, speed=speed, seed=utterance.seed)
        if not len(wave):
            raise SynthesisFailed(f"Nothing to say in {utterance.text!r}.", "Give the chunk a text that has words.")
        return quantise(wave)


def quantise(wave: npt.NDArray[np.float32]) -> Samples:
    """float32 in [-1, 1] -> int16: clipped, scaled by 32767, rounded half to even."""
    samples: Samples = np.rint(np.clip(wave, -1.0, 1.0) * np.float32(32767.0)).astype(np.int16)
    return samples
