"""True peaks, and the limiter that keeps them under the ceiling.

One gain for a book is not enough: the loudest syllable of the embedded voice stands 23 dB above the loudness of its
book, so a gain alone would leave at -27 LUFS what should have -19. The gain stays one and static; the limiter bends
down the half percent of the signal that would rise above the ceiling, by 1 dB as a rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import firwin, upfirdn

from rhapsode.model import Samples

FULL_SCALE = 32768.0
OVERSAMPLING = 4  # BS.1770-4, annex 2
LIMITER_REACH_S = 0.015
"""Gain falls and rises over this time around a peak: longer than a pitch period, so that the wave keeps its shape."""

_WIDTH = 128
_REACH = 12  # input samples on each side that an interpolated sample depends on; annex 2 has 6
# The interpolator is a windowed sinc.
_KERNEL = (OVERSAMPLING * firwin(2 * OVERSAMPLING * _REACH + 1, 1 / OVERSAMPLING, window=("kaiser", 6.0))).astype("f4")
_NEAR = 0.7
"""Samples below this part of a level are not oversampled: between samples a wave rises by 3 dB at a quarter of the
sample rate, and by less below it, where speech lies."""
_PIECE = 1 << 16  # samples looked at together

Float = npt.NDArray[np.float32]


def _around() -> Float:
    """Columns that make, of a sample and `_REACH` others on both sides, the values a half and a quarter of a sample
    before and behind it: (2 * _REACH + 1, 4)."""
    taps = np.zeros((2 * _REACH + 1, OVERSAMPLING), np.float32)
    for column, offset in enumerate((-2, -1, 1, 2)):
        place = OVERSAMPLING * 2 * _REACH // 2 + offset - OVERSAMPLING * np.arange(-_REACH, _REACH + 1)
        inside = (place >= 0) & (place < len(_KERNEL))
        taps[inside, column] = _KERNEL[place[inside]]
    return taps


_AROUND = _around()


def window_peaks(samples: npt.NDArray[Any], width: int) -> npt.NDArray[np.float64]:
    """Highest absolute sample of each stretch of `width` samples, the last one shorter; shape (ceil(n / width),)."""
    starts = np.arange(0, len(samples), width)
    if not len(starts):
        return np.zeros(0)
    highest = np.maximum.reduceat(samples, starts).astype(np.float64)
    return np.maximum(highest, -np.minimum.reduceat(samples, starts).astype(np.float64))


class PeakMeter:
    """True peak of one mono signal that arrives in parts of any length, in constant memory."""

    def __init__(self) -> None:
        self._seen = np.zeros(_REACH, np.int16)  # what the interpolator needs from before the next samples
        self._highest = 0.0

    def feed(self, samples: Samples) -> None:
        """Takes the next samples, int16, shape (n,)."""
        for start in range(0, len(samples), _PIECE):
            signal = np.concatenate([self._seen, samples[start : start + _PIECE]])
            self._highest = _highest(signal, self._highest)
            self._seen = signal[-2 * _REACH :]

    @property
    def peak(self) -> float:
        """Highest absolute value of the oversampled signal so far, linear, 1.0 = full scale."""
        end = np.concatenate([self._seen, np.zeros(_REACH, np.int16)])
        return _highest(end, self._highest) / FULL_SCALE


def true_peak(samples: Samples) -> float:
    """Highest absolute value of the oversampled signal, linear, 1.0 = full scale.

    Args:
        samples: int16, shape (n,).
    """
    meter = PeakMeter()
    meter.feed(samples)
    return meter.peak


def _highest(signal: Samples, known: float) -> float:
    """The highest absolute value, `known` at least, of the samples that have `_REACH` others on both sides, and around
    them. Only what is near the highest sample is interpolated: of limited speech 1 % of the samples."""
    inner = signal[_REACH:-_REACH]
    if not len(inner):
        return known
    highest = max(known, float(inner.max()), -float(inner.min()))
    floor = highest * _NEAR
    near = np.flatnonzero((inner > floor) | (inner < -floor))
    if not len(near):
        return highest
    around = np.lib.stride_tricks.sliding_window_view(signal, 2 * _REACH + 1)[near] @ _AROUND
    return max(highest, float(np.abs(around).max()))


def limit(signal: Float, ceiling: float, sample_rate_hz: int) -> Float:
    """The signal with its true peaks bent down to `ceiling`; the same array where none is above it.

    Args:
        signal: float32, shape (n,).
        ceiling: In the units of the signal.
    """
    near = np.flatnonzero(window_peaks(signal, _WIDTH) > ceiling * _NEAR)
    peaks = _interpolated(signal, near)
    if peaks.max(initial=0.0) <= ceiling:
        return signal
    allowed = np.ones((-(-len(signal) // _WIDTH), _WIDTH), np.float32)
    allowed[near] = np.minimum(1, ceiling / np.maximum(peaks, 1))
    allowed = allowed.reshape(-1)[: len(signal)]
    half = round(LIMITER_REACH_S * sample_rate_hz / 2)
    over = np.flatnonzero(allowed < 1)
    limited = signal.copy()
    for group in np.split(over, np.flatnonzero(np.diff(over) > 8 * half) + 1):
        stretch = slice(max(0, group[0] - 4 * half), group[-1] + 4 * half + 1)
        # The minimum over the reach, averaged within the reach, is nowhere above what a peak allows.
        gain = minimum_filter1d(allowed[stretch], 4 * half + 1, mode="nearest")
        for _ in range(2):  # two boxes make a triangle: the gain has no corner
            gain = uniform_filter1d(gain, 2 * half + 1, mode="nearest")
        limited[stretch] *= gain
    return limited


def _interpolated(signal: npt.NDArray[Any], windows: npt.NDArray[np.intp]) -> Float:
    """Highest absolute value at each sample of k windows and halfway to its neighbours: (k, width).

    The last window may reach beyond the signal; it is silent there.
    """
    padded = np.zeros(len(signal) + 2 * _REACH + _WIDTH, np.float32)
    padded[_REACH : _REACH + len(signal)] = signal
    wide = padded[windows[:, None] * _WIDTH + np.arange(_WIDTH + 2 * _REACH)]
    if not len(wide):
        return np.zeros((0, _WIDTH), np.float32)
    wave = upfirdn(_KERNEL, wide, up=OVERSAMPLING, axis=1)
    # upfirdn delays by half its kernel, which is as long as the context: sample i of a window lies here.
    begin = OVERSAMPLING * 2 * _REACH - OVERSAMPLING // 2
    highest: Float = np.abs(wide[:, _REACH:-_REACH])
    for phase in range(begin, begin + OVERSAMPLING):  # one after another: over a short last axis `max` is slow
        np.maximum(highest, np.abs(wave[:, phase : phase + OVERSAMPLING * _WIDTH : OVERSAMPLING]), out=highest)
    return highest
