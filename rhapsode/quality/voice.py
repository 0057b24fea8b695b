"""Whose voice it is: an embedding of the speaker, by which another voice is told from the book's own.

The model is the speaker encoder of Resemblyzer (GE2E, Wan et al. 2018: three LSTMs over 1.6 s of 40 mel bands), which
lies beside this file. What surrounds it is as there, so that the weights see what they were trained on: mel bands as
librosa makes them, windows of 160 frames, the mean of their embeddings. Two things are not: pauses are left out by
level instead of by a detector of voices, and every take is brought to one level: loudness is no part of a voice.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from rhapsode.errors import WeightsDamaged
from rhapsode.model import Audio, Samples
from rhapsode.quality.level import FULL_SCALE, PAUSE_DB, hop_of, levels_of, speech_level

Float = npt.NDArray[np.float32]

WEIGHTS = Path(__file__).parent / "resemblyzer" / "speaker.onnx"
SHA256 = "0d91eb50eb4664ce836a9b1f4cf1407afac33ea67fa0f9b2a4d317733ff5153b"

DIMENSIONS = 256
LEAST_HEARD_S = 1.0
"""Below it an embedding says more of the words than of the voice."""

_RATE_HZ = 16_000
_FRAME, _HOP, _BANDS = 400, 160, 40  # samples, samples, mel bands
_WINDOW, _STEP = 160, 80  # frames
_WINDOWS_A_RUN = 64  # memory stays constant
_LEVEL_DBFS = -30.0
_AROUND_SPEECH = 6  # hops that are kept on either side: breaths and the ends of words

_loading = threading.Lock()


def load_voices() -> VoiceModel:
    """The model of voices, loaded once a process; safe to call from several threads.

    Raises:
        WeightsDamaged: Its file is not the one of this version.
    """
    with _loading:
        return _load()


@cache
def _load() -> VoiceModel:
    weights = WEIGHTS.read_bytes() if WEIGHTS.is_file() else b""
    if hashlib.sha256(weights).hexdigest() != SHA256:
        raise WeightsDamaged(f"{WEIGHTS} is not the file that this version was made for.", "Install Rhapsode again.")
    return VoiceModel(weights)


class VoiceModel:
    """Holds no state between calls and may be called by many threads."""

    def __init__(self, weights: bytes) -> None:
        import onnxruntime  # noqa: PLC0415 - whoever judges what was measured needs no model

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # other numbers may round otherwise
        self._session: Any = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def embed(self, audio: Audio) -> tuple[float, ...] | None:
        """The speaker of one take: the same for the same samples.

        Returns:
            A unit vector of 256 numbers, none negative: the cosine similarity of two is their dot product, 0 to 1. None
            where less than `LEAST_HEARD_S` is heard.
        """
        wave = _wave(audio)
        if len(wave) < LEAST_HEARD_S * _RATE_HZ:
            return None
        windows = _windows(_mel(wave))
        parts = [windows[i : i + _WINDOWS_A_RUN] for i in range(0, len(windows), _WINDOWS_A_RUN)]
        voices = np.concatenate([self._session.run(None, {"mel": part})[0] for part in parts])
        mean = voices.mean(axis=0, dtype=np.float64)
        return tuple((mean / np.linalg.norm(mean)).tolist())


def _wave(audio: Audio) -> Float:
    """What is heard of a take, without its pauses, at 16 kHz and one level: shape (n,); empty for silence."""
    speech = _speech(audio.samples, hop_of(audio.sample_rate_hz)).astype(np.float32) / np.float32(FULL_SCALE)
    if not len(speech):
        return speech
    common = gcd(_RATE_HZ, audio.sample_rate_hz)
    wave: Float = signal.resample_poly(speech, _RATE_HZ // common, audio.sample_rate_hz // common).astype(np.float32)
    wave -= wave.mean()
    wave *= np.float32(10 ** (_LEVEL_DBFS / 20) / np.sqrt(np.mean(np.square(wave), dtype=np.float64)))
    return wave


def _speech(samples: Samples, hop: int) -> Samples:
    dc = float(samples.mean(dtype=np.float64)) if len(samples) else 0.0
    levels = levels_of(samples, hop, dc)
    level = speech_level(levels)
    loud = levels > level * 10 ** (PAUSE_DB / 10) if level else np.zeros(len(levels), np.bool_)
    kept = np.convolve(loud, np.ones(2 * _AROUND_SPEECH + 1))[_AROUND_SPEECH:-_AROUND_SPEECH] > 0 if len(loud) else loud
    return samples[: len(levels) * hop].reshape(-1, hop)[kept].reshape(-1)


def _mel(wave: Float) -> Float:
    """Power in mel bands, 100 a second: (n,) -> (1 + n // 160, 40). No logarithm: the model was trained without."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, _FRAME // 2), _FRAME)[::_HOP]
    window = signal.get_window("hann", _FRAME).astype(np.float32)
    mel: Float = np.square(np.abs(fft.rfft(frames * window))) @ _mel_weights()
    return mel


@cache
def _mel_weights() -> Float:
    """Triangles of equal area on Slaney's mel scale, linear up to 1 kHz, from 0 to 8 kHz: (bins, bands)."""
    above = np.log(6.4) / 27  # a step of the scale above 1 kHz; one below it is 200 / 3 Hz
    mels = np.linspace(0, 15 + np.log(_RATE_HZ / 2 / 1000) / above, _BANDS + 2)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(above * (mels - 15)))
    bins = np.linspace(0, _RATE_HZ / 2, _FRAME // 2 + 1)[:, None]
    rising = (bins - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - bins) / np.diff(corners)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])
    weights: Float = triangles.astype(np.float32)
    return weights


def _windows(mel: Float) -> Float:
    """(frames, 40) -> (windows, 160, 40), overlapping by half. What is shorter than one window is said again."""
    if len(mel) < _WINDOW:
        mel = np.tile(mel, (-(-_WINDOW // len(mel)), 1))[:_WINDOW]
    starts = list(range(0, len(mel) - _WINDOW + 1, _STEP))
    if len(mel) - _WINDOW - starts[-1] > _STEP // 4:
        starts.append(len(mel) - _WINDOW)
    return np.stack([mel[start : start + _WINDOW] for start in starts])
