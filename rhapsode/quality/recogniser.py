"""The recogniser: what a machine understands of a take, from its samples alone.

The same samples give the same transcript, bit for bit on one stack: each take is heard alone, on one thread, at
temperature 0, without a second try and without the words before it. Nothing is packed together with anything, for what
stands beside a take in a window changes what is heard of it.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator
from math import ceil, gcd
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import signal, sparse

from rhapsode.errors import EngineUnavailable, WeightsDamaged
from rhapsode.model import Audio, Transcript
from rhapsode.quality.whispers import Whisper, find_whisper

Wave = npt.NDArray[np.float32]  # (n,) at EAR_HZ, -1 to 1

EAR_HZ = 16_000
SHORTEST_WINDOW_S = 20  # in less it begins to repeat itself: it was trained on 30 s, most of it often silent
LONGEST_PIECE_S = 28  # heard at once
REST_S = 2  # of silence behind a piece: where speech fills a window to its end, its last words are left out as cut off
TIMESTAMP = EAR_HZ // 50
OVERLOOKED = EAR_HZ  # what remains behind the last timestamp is heard on its own if it is longer than this,
AUDIBLE = 0.01  # and louder at its peak: speech is at least ten times as loud
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


def understands(language: str) -> bool:
    """Whether the recogniser knows the language of a book, by its BCP 47 tag or what books have instead of one."""
    return re.split("[-_]", language.strip().lower())[0] in {"en", "eng", "english", "und", ""}


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
            first = str(error).splitlines()[0].rstrip(".")
            raise WeightsDamaged(f"{whisper.folder} cannot be loaded: {first}.", "Fetch the model again.") from error
        if len(self._model.feature_extractor.mel_filters) != self._model.model.n_mels:
            raise WeightsDamaged(
                f"{whisper.folder} has no preprocessor_config.json for {self._model.model.n_mels} bands.",
                "Copy it from where the model is from.",
            )
        self.name = whisper.name
        # A dense product would be BLAS's, which rounds by the number of its threads: other bits on other machines.
        self._model.feature_extractor.mel_filters = sparse.csr_array(self._model.feature_extractor.mel_filters)
        self._tokenizer: Any = Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language="en"
        )
        # With timestamps: two at the end tell that not all was understood.
        self._prompt = list(self._tokenizer.sot_sequence)
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])

    def hear(self, audio: Audio) -> Transcript:
        """Listens to a take, whole, however long it is.

        Where nobody speaks Whisper writes "You" or "Thank you for watching!": then `no_speech` is high or
        `average_log_probability` low. Of a take in several pieces, `no_speech` is that of the piece that has the least.
        """
        heard = list(self._pieces(at_ear_rate(audio)))
        text = " ".join(one.text for one in heard if one.text)
        said = text.encode()
        tokens = sum(one.tokens for one in heard)
        return Transcript(
            text=text,
            average_log_probability=sum(one.log_probability for one in heard) / max(1, tokens),
            no_speech=min((one.no_speech for one in heard), default=1.0),
            compression_ratio=len(said) / len(zlib.compress(said)),
            recogniser=self.name,
        )

    def _pieces(self, wave: Wave) -> Iterator[_Heard]:
        """What is understood of a take, piece by piece: most are one piece.

        As Whisper's own transcription does, it goes on where the last complete sentence ended: else seven times as many
        words are left out (bench/hearing.py).
        """
        while len(wave):
            piece = wave[: LONGEST_PIECE_S * EAR_HZ]
            heard = self._understand(piece)
            yield heard
            wave = wave[heard.end :]
            if len(wave) <= OVERLOOKED or np.abs(wave).max() < AUDIBLE:
                return

    def _understand(self, piece: Wave) -> _Heard:
        padded = np.pad(piece, (0, window_of(piece) - len(piece)))
        features = self._model.feature_extractor(padded, padding=0)
        [result] = self._model.model.generate(
            self._model.encode(features),
            [self._prompt],
            beam_size=BEAM,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        ids = result.sequences_ids[0]
        return _Heard(
            text=self._tokenizer.decode(ids).strip(),
            # The score is the mean over the tokens without the one that ends them, which was drawn as well.
            log_probability=result.scores[0] * len(ids),
            tokens=len(ids) + 1,
            no_speech=result.no_speech_prob,
            end=self._end(ids, len(piece)),
        )

    def _end(self, ids: list[int], length: int) -> int:
        """How many samples were understood: two timestamps at the end say that more follows, and where."""
        first = self._tokenizer.timestamp_begin
        if len(ids) < 2 or min(ids[-2:]) < first:
            return length
        end = (ids[-1] - first) * TIMESTAMP
        return end if OVERLOOKED < end < length else length


class _Heard(NamedTuple):
    """Of one piece. `log_probability` is the sum over its `tokens`, `end` where what was not understood begins."""

    text: str
    log_probability: float
    tokens: int
    no_speech: float
    end: int


def at_ear_rate(audio: Audio) -> Wave:
    """The samples at 16 kHz, -1 to 1."""
    common = gcd(EAR_HZ, audio.sample_rate_hz)
    wave = audio.samples.astype(np.float32) / FULL_SCALE
    if not len(wave):
        return wave
    resampled: Wave = signal.resample_poly(wave, EAR_HZ // common, audio.sample_rate_hz // common)
    return resampled.astype(np.float32)


def window_of(piece: Wave) -> int:
    """How many samples are heard at once, silence behind the piece included: whole seconds, 20 to 30.

    A function of the piece alone. With 30 s for each, listening takes 1.6 times as long (bench/hearing.py).
    """
    return max(SHORTEST_WINDOW_S, ceil(len(piece) / EAR_HZ) + REST_S) * EAR_HZ
