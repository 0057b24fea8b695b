"""Loudness and true peak of a book, chunk by chunk, and the one static gain that follows from them.

The weighting filter and the gating are ITU-R BS.1770-4; the filter's coefficients come from pyloudnorm. Its meter wants a
whole signal in memory, so the filter state and the 100 ms sums are carried here from chunk to chunk instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pyloudnorm.iirfilter import IIRfilter
from scipy.signal import resample_poly, sosfilt

from rhapsode.errors import AudioError
from rhapsode.model import Samples, Timeline
from rhapsode.settings import AudioSettings

FULL_SCALE = 32768.0
QUIETEST_DB = -120.0
"""Stands for silence, where the logarithm has no value. Blocks at or below it are not counted."""

_BLOCKS_PER_S = 10  # 400 ms blocks that overlap by 75 % start every 100 ms
_HOPS = 4
_OFFSET_LUFS = -0.691  # BS.1770-4, equation 2
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_HEADROOM_DB = 0.05
"""Kept below the ceiling: room tone (-50 dBFS at most) and rounding add to the peak that was measured before them."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The static gain of a book and what it leads to."""

    gain_db: float
    loudness_lufs_before: float
    loudness_lufs_after: float
    true_peak_dbtp_after: float
    limited_by_peak: bool


class Meter:
    """Loudness histogram of one mono signal that arrives in pieces of any length. Memory is that of one piece."""

    def __init__(self, sample_rate_hz: int) -> None:
        shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate_hz, "high_shelf")
        high_pass = IIRfilter(0.0, 0.5, 38.0, sample_rate_hz, "high_pass")
        self._sections = np.array([[*shelf.b, *shelf.a], [*high_pass.b, *high_pass.a]])
        self._state = np.zeros((2, 2))
        self._hop = round(sample_rate_hz / _BLOCKS_PER_S)
        self._rest = np.zeros(0)  # squares that do not fill a hop yet
        self._sums = np.zeros(0)  # the last three hops
        self._counts: Counter[float] = Counter()

    def feed(self, samples: Samples) -> None:
        """Takes the next samples, int16, shape (n,)."""
        weighted, self._state = sosfilt(self._sections, samples / FULL_SCALE, zi=self._state)
        squares = np.concatenate([self._rest, np.square(weighted)])
        hops = len(squares) // self._hop
        self._rest = squares[hops * self._hop :]
        sums = np.concatenate([self._sums, squares[: hops * self._hop].reshape(hops, self._hop).sum(axis=1)])
        self._sums = sums[-(_HOPS - 1) :]
        if len(sums) >= _HOPS:
            blocks = np.convolve(sums, np.ones(_HOPS), "valid") / (_HOPS * self._hop)
            with np.errstate(divide="ignore"):
                levels = _OFFSET_LUFS + 10 * np.log10(blocks)
            self._counts.update(np.round(levels[levels > QUIETEST_DB], 1).tolist())

    @property
    def blocks(self) -> dict[float, int]:
        """LUFS in steps of 0.1 -> number of 400 ms blocks, by level."""
        return dict(sorted(self._counts.items()))


def integrated_lufs(blocks: Mapping[float, int], gain_db: float = 0.0) -> float:
    """Integrated loudness (two gates) of a histogram after a gain; `-inf` if nothing passes the absolute gate."""
    levels = np.array(list(blocks)) + gain_db
    counts = np.array(list(blocks.values()), dtype=float)
    for gate in (_ABSOLUTE_GATE_LUFS, None):
        keep = levels >= (gate if gate is not None else loudness + _RELATIVE_GATE_LU)  # noqa: F821
        levels, counts = levels[keep], counts[keep]
        if not len(levels):
            return float("-inf")
        loudness = 10 * np.log10(np.average(10 ** (levels / 10), weights=counts))
    return float(loudness)


def true_peak(samples: Samples, floor: float = 0.0) -> float:
    """Highest absolute value of the 4x oversampled signal (BS.1770-4, annex 2), linear, 1.0 = full scale.

    Args:
        samples: int16, shape (n,).
        floor: A true peak that is known already. Stretches whose samples stay below half of it are not oversampled:
            between samples speech does not rise above them by 6 dB. The result is at least `floor`.
    """
    width, context = 1024, 32
    for start in range(0, len(samples), width):
        loudest = _sample_peak(samples[start : start + width])
        if loudest > floor / 2:
            stretch = samples[max(0, start - context) : start + width + context] / FULL_SCALE
            floor = max(floor, loudest, float(np.abs(resample_poly(stretch, 4, 1)).max()))
    return floor


def _sample_peak(samples: Samples) -> float:
    return max(int(samples.max()), -int(samples.min())) / FULL_SCALE if len(samples) else 0.0


def dbfs(value: float) -> float:
    """Decibels of a linear value, 1.0 = full scale; `QUIETEST_DB` at least."""
    return max(QUIETEST_DB, 20 * float(np.log10(value))) if value > 0 else QUIETEST_DB


def static_gain(timelines: Iterable[Timeline], settings: AudioSettings) -> Gain:
    """The one gain that brings the whole book to `loudness_lufs`, or as near as `ceiling_dbtp` lets it.

    Raises:
        AudioError: The book is silent.
    """
    blocks: Counter[float] = Counter()
    peak_dbtp = QUIETEST_DB
    for timeline in timelines:
        blocks.update(timeline.loudness_blocks)
        peak_dbtp = max(peak_dbtp, timeline.true_peak_dbtp)
    if not blocks or peak_dbtp <= QUIETEST_DB:
        raise AudioError("The whole book is silent: no loudness can be measured.", "Listen to the takes of this book.")
    # The absolute gate stands at -70 LUFS after the gain, so the gain decides which blocks count: a fixed point.
    gain_db = settings.loudness_lufs - max(blocks)
    for _ in range(8):
        gain_db += settings.loudness_lufs - integrated_lufs(blocks, gain_db)
    highest = settings.ceiling_dbtp - _HEADROOM_DB - peak_dbtp
    limited = gain_db > highest
    gain_db = min(gain_db, highest)
    return Gain(
        gain_db, integrated_lufs(blocks), integrated_lufs(blocks, gain_db), peak_dbtp + gain_db, limited_by_peak=limited
    )
