"""How high a voice speaks: the fundamental frequency of voiced frames, by autocorrelation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from rhapsode.model import Samples

Float = npt.NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
FRAME_S, HOP_S = 0.040, 0.020  # two and a half periods of the deepest voice

_RATE_HZ = 6000  # about; harmonics of a voice up to 3 kHz say enough
_VOICED = 0.6  # correlation of a frame with itself one period later
_HIGHEST_PEAK = 0.9  # of it: the first peak as high as this is the period, a later one may be twice as long
_SECONDS_A_BLOCK = 10


def pitches(samples: Samples, rate: int, dc: float, quietest: float) -> npt.NDArray[np.float64]:
    """Fundamental frequency, Hz, of each voiced frame of 40 ms that is no quieter than `quietest`.

    To about 3 %: one step of the lag at 200 Hz.

    Args:
        samples: int16, shape (n,).
        dc: Mean of the samples, -1 to 1.
        quietest: Mean square, 1 is full scale.

    Returns:
        Shape (voiced frames,), in time.
    """
    factor = max(1, rate // _RATE_HZ)
    low_rate = rate / factor
    frame, hop = round(FRAME_S * low_rate), round(HOP_S * low_rate)
    block = factor * hop * round(_SECONDS_A_BLOCK / HOP_S)
    found = [np.zeros(0)]
    for start in range(0, len(samples) - factor * frame + 1, block):
        part = samples[start : start + block + factor * (frame - hop)]
        groups = part[: len(part) // factor * factor].astype(np.float32).reshape(-1, factor)
        wave = groups.mean(axis=1) / np.float32(32768) - np.float32(dc)
        frames = np.lib.stride_tricks.sliding_window_view(wave, frame)[::hop]
        loud = np.einsum("ij,ij->i", frames, frames) >= frame * quietest
        if loud.any():
            found.append(_fundamentals(frames[loud], low_rate))
    return np.concatenate(found)


def _fundamentals(frames: Float, rate: float) -> npt.NDArray[np.float64]:
    """(k, frame) -> Hz of those of them that are voiced."""
    window = np.hanning(frames.shape[1]).astype(np.float32)
    # The correlation of the window is divided out: it falls with the lag, and would favour high voices.
    taper = _autocorrelation(window[None])
    first, last = int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ)
    correlation = _autocorrelation(frames * window)
    likeness = correlation / np.maximum(correlation[:, :1], 1e-12) / np.maximum(taper / taper[:, :1], 1e-3)
    likeness = likeness[:, first - 1 : last + 2]
    inner = likeness[:, 1:-1]
    best = inner.max(axis=1)
    peak = (inner >= likeness[:, :-2]) & (inner > likeness[:, 2:]) & (inner > _HIGHEST_PEAK * best[:, None])
    voiced = peak.any(axis=1) & (best > _VOICED)
    lags = first + peak[voiced].argmax(axis=1)
    hz: npt.NDArray[np.float64] = rate / lags
    return hz


def _autocorrelation(frames: Float) -> Float:
    """(k, frame) -> (k, frame), lags from 0."""
    length = frames.shape[1]
    spectrum = fft.rfft(frames, fft.next_fast_len(2 * length, real=True))
    correlation: Float = fft.irfft(np.square(np.abs(spectrum)), fft.next_fast_len(2 * length, real=True))
    return correlation[:, :length]
