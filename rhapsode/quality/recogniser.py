"""The recogniser: what a machine understands of a take, from its samples alone.

The same samples give the same transcript, bit for bit on one stack: each take is heard alone, on one thread, at
temperature 0, without a second try and without the words before it. Nothing is packed together with anything, for what
stands beside a take in a window changes what is heard of it.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from math import gcd
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import signal, sparse

from rhapsode.errors import EngineUnavailable, WeightsDamaged
from rhapsode.model import Audio, Transcript
from rhapsode.quality.whispers import Whisper, find_whisper

Wave = npt.NDArray[np.float32]  # (n,) at EAR_HZ, -1 to 1

EAR_HZ = 16_000
WINDOW = 30 * EAR_HZ  # samples that the encoder was trained on
LONGEST_PIECE = (
    28 * EAR_HZ
)  # speech that fills a window to its end is taken for cut off, and its last words are left out
SHORTEST_PIECE = 18 * EAR_HZ  # of a take that is cut
STEP = EAR_HZ // 50
QUIET_STEPS = 10  # a pause between words lasts 0.2 s
FRAMES = 3_000  # of a window, 10 ms each
BEAM = 5
FULL_SCALE = np.float32(32768)

_loading = threading.Lock()
_loaded: dict[str, Recogniser] = {}


def load_recogniser(name: str = "tiny.en", threads: int = 1) -> Recogniser:
    """Loads a recogniser, once a process and name; safe to call from several threads.

    Args:
        name: "tiny.en" (in the wheel of a package, so it is always here), another of `rhapsode models`, or a folder of
            a Whisper model for CTranslate2.
        threads: How many takes may be heard at once, each on one thread of its own: that changes no bit of what is
            heard. Counts when the recogniser is loaded first.

    Raises:
        BadRequest: There is no such model.
        EngineUnavailable: It, or faster-whisper, is not on this machine.
        WeightsDamaged: A file is not what it should be.
    """
    with _loading:
        if name not in _loaded:
            _loaded[name] = Recogniser(find_whisper(name), threads)
        return _loaded[name]


class Recogniser:
    """A loaded model; it holds no state between takes and may be called by many threads."""

    def __init__(self, whisper: Whisper, threads: int) -> None:
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - takes a second that other commands need not wait for
            from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415
            from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415
        except ImportError as error:
            raise EngineUnavailable(f"Nothing can be listened to: {error}.", "pip install faster-whisper") from error
        try:
            self._model: Any = WhisperModel(
                str(whisper.folder), device="cpu", compute_type="int8", cpu_threads=1, num_workers=threads
            )
        except (RuntimeError, ValueError) as error:  # what CTranslate2 says of a file that it cannot read
            raise WeightsDamaged(f"{whisper.folder} cannot be loaded: {error}.", "Fetch the model again.") from error
        self.name = whisper.name
        # A dense product would be BLAS's, which rounds by the number of its threads: other bits on other machines.
        self._model.feature_extractor.mel_filters = sparse.csr_array(self._model.feature_extractor.mel_filters)
        self._tokenizer: Any = Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language="en"
        )
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])

    def hear(self, audio: Audio) -> Transcript:
        """Listens to a take, whole, however long it is."""
        heard = [self._understand(piece) for piece in pieces(at_ear_rate(audio))]
        text = " ".join(one.text for one in heard if one.text)
        said = text.encode()
        return Transcript(
            text=text,
            average_log_probability=sum(one.log_probability for one in heard)
            / max(1, sum(one.tokens for one in heard)),
            no_speech=min((one.no_speech for one in heard), default=1.0),
            compression_ratio=len(said) / len(zlib.compress(said)),
            recogniser=self.name,
        )

    def _understand(self, piece: Wave) -> _Heard:
        padded = np.pad(piece, (0, WINDOW - len(piece)))
        features = self._model.feature_extractor(padded, padding=0)[:, :FRAMES]
        [result] = self._model.model.generate(
            self._model.encode(features),
            [list(self._tokenizer.sot_sequence)],
            beam_size=BEAM,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        ids = result.sequences_ids[0]
        text = self._tokenizer.decode(ids).strip()
        # The score is the mean over the tokens without the one that ends them, which was drawn as well.
        return _Heard(text, result.scores[0] * len(ids), len(ids) + 1, result.no_speech_prob)


class _Heard(NamedTuple):
    """Of one window. `log_probability` is the sum over its `tokens`."""

    text: str
    log_probability: float
    tokens: int
    no_speech: float


def at_ear_rate(audio: Audio) -> Wave:
    """The samples at 16 kHz, -1 to 1."""
    common = gcd(EAR_HZ, audio.sample_rate_hz)
    wave = audio.samples.astype(np.float32) / FULL_SCALE
    if not len(wave):
        return wave
    resampled: Wave = signal.resample_poly(wave, EAR_HZ // common, audio.sample_rate_hz // common)
    return resampled.astype(np.float32)


def pieces(wave: Wave) -> Iterator[Wave]:
    """Cuts what does not fit into one window at its quietest places; together they are all of it."""
    while len(wave) > LONGEST_PIECE:
        end = _quietest(wave[SHORTEST_PIECE:LONGEST_PIECE]) + SHORTEST_PIECE
        yield wave[:end]
        wave = wave[end:]
    if len(wave):
        yield wave


def _quietest(part: Wave) -> int:
    """The middle of the quietest 0.2 s, in samples from the start of `part`."""
    energies = (part.astype(np.float64) ** 2).reshape(-1, STEP).sum(axis=1)
    runs = np.lib.stride_tricks.sliding_window_view(energies, QUIET_STEPS).sum(axis=1)
    return (int(runs.argmin()) + QUIET_STEPS // 2) * STEP
