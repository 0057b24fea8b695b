"""Loudness of a book, chunk by chunk, and the one static gain that follows from it.

Weighting filter and gating are those of ITU-R BS.1770-4; the filter's coefficients come from pyloudnorm. Its meter
wants a whole signal in memory, so the state of the filter and the 100 ms sums are carried here from chunk to chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pyloudnorm.iirfilter import IIRfilter
from scipy.signal import sosfilt

from rhapsode.audio.peaks import FULL_SCALE
from rhapsode.errors import AudioError
from rhapsode.model import Samples, Timeline
from rhapsode.settings import AudioSettings

QUIETEST_DB = -120.0
"""Stands for silence, where the logarithm has no value. Blocks at or below it are not counted."""

_BLOCKS_PER_S = 10  # blocks that overlap by 75 % start every 100 ms
_HOPS = 4
BLOCK_S = _HOPS / _BLOCKS_PER_S
_PIECE = 1 << 15  # samples weighted at a time: their float64 stay in the processor's cache
_OFFSET_LUFS = -0.691  # BS.1770-4, equation 2
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
HEADROOM_DB = 0.5
"""Kept below the ceiling for what AAC and MP3 add to a peak (0.2 dB at 64 kbit/s) and an interpolator does not see."""
LIMITER_DB = 12.0
"""The most that the limiter may take off a peak; a book with stronger ones gets less gain."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The static gain of a book and what it leads to.

    Attributes:
        limited_by_peak: The gain is less than the loudness asks for, because the limiter would have to do too much.
        limiter_db: What the limiter takes off the highest peak of the book.
    """

    gain_db: float
    loudness_lufs_before: float
    loudness_lufs_after: float
    true_peak_dbtp_after: float
    limited_by_peak: bool
    limiter_db: float


@dataclass(frozen=True, slots=True)
class Levels:
    """What was measured of a finished file.

    Attributes:
        loudness_blocks: As `Meter.blocks`.
        true_peak: Linear, 1.0 = full scale.
    """

    loudness_blocks: dict[float, int]
    true_peak: float


class Meter:
    """Loudness histogram of one mono signal that arrives in parts of any length, in constant memory."""

    def __init__(self, sample_rate_hz: int) -> None:
        shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, sample_rate_hz, "high_shelf")
        high_pass = IIRfilter(0.0, 0.5, 38.0, sample_rate_hz, "high_pass")
        self._sections = np.array([[*shelf.b, *shelf.a], [*high_pass.b, *high_pass.a]])
        self._state = np.zeros((2, 2))
        self._hop = round(sample_rate_hz / _BLOCKS_PER_S)
        self._rest = np.zeros(0)  # weighted samples that do not fill a hop yet
        self._sums = np.zeros(0)  # the last three hops
        self._counts: Counter[float] = Counter()

    def feed(self, samples: Samples) -> None:
        """Takes the next samples, int16, shape (n,)."""
        for start in range(0, len(samples), _PIECE):
            self._feed(samples[start : start + _PIECE])

    def _feed(self, samples: Samples) -> None:
        weighted, self._state = sosfilt(self._sections, samples, zi=self._state)
        weighted = np.concatenate([self._rest, weighted])
        hops = len(weighted) // self._hop
        grid = weighted[: hops * self._hop].reshape(hops, self._hop)
        self._rest = weighted[hops * self._hop :].copy()
        sums = np.concatenate([self._sums, np.einsum("ij,ij->i", grid, grid)])
        self._sums = sums[-(_HOPS - 1) :]
        if len(sums) >= _HOPS:
            blocks = np.convolve(sums, np.ones(_HOPS), "valid") / (_HOPS * self._hop * FULL_SCALE**2)
            with np.errstate(divide="ignore"):
                levels = _OFFSET_LUFS + 10 * np.log10(blocks)
            self._counts.update(np.round(levels[levels > QUIETEST_DB], 1).tolist())

    @property
    def blocks(self) -> dict[float, int]:
        """LUFS in steps of 0.1 -> number of 400 ms blocks, by level."""
        return dict(sorted(self._counts.items()))


def integrated_lufs(blocks: Mapping[float, int], gain_db: float = 0.0) -> float:
    """Integrated loudness of a histogram after a gain, by both gates; `QUIETEST_DB` where nothing passes them."""
    levels = np.array(list(blocks), dtype=np.float64) + gain_db
    counts = np.array(list(blocks.values()), dtype=np.float64)
    gate = _ABSOLUTE_GATE_LUFS
    loudness = QUIETEST_DB
    for _ in range(2):
        heard = levels >= gate
        if not heard.any():
            return QUIETEST_DB
        loudness = 10 * float(np.log10(np.average(10 ** (levels[heard] / 10), weights=counts[heard])))
        gate = loudness + _RELATIVE_GATE_LU
    return loudness


def dbfs(value: float) -> float:
    """Decibels of a linear value, 1.0 = full scale; `QUIETEST_DB` at least."""
    return max(QUIETEST_DB, 20 * float(np.log10(value))) if value > 0 else QUIETEST_DB


def static_gain(timelines: Iterable[Timeline], settings: AudioSettings) -> Gain:
    """The one gain that brings the whole book to `loudness_lufs`, or as near as the limiter can hold `ceiling_dbtp`.

    Raises:
        AudioError: The book is silent.
    """
    blocks: Counter[float] = Counter()
    peak_dbtp = QUIETEST_DB
    for timeline in timelines:
        blocks.update(timeline.loudness_blocks)
        peak_dbtp = max(peak_dbtp, timeline.true_peak_dbtp)
    if integrated_lufs(blocks) <= QUIETEST_DB:
        raise AudioError("The whole book is silent: no loudness can be measured.", "Listen to the takes of this book.")
    # The absolute gate stands at -70 LUFS after the gain, so the gain decides which blocks count: a fixed point.
    gain_db = settings.loudness_lufs - max(blocks)
    for _ in range(8):
        gain_db += settings.loudness_lufs - integrated_lufs(blocks, gain_db)
    ceiling_dbtp = settings.ceiling_dbtp - HEADROOM_DB
    most_db = ceiling_dbtp + LIMITER_DB - peak_dbtp
    limited = gain_db > most_db
    gain_db = min(gain_db, most_db)
    return Gain(
        gain_db,
        loudness_lufs_before=integrated_lufs(blocks),
        loudness_lufs_after=integrated_lufs(blocks, gain_db),
        true_peak_dbtp_after=min(peak_dbtp + gain_db, ceiling_dbtp),
        limited_by_peak=limited,
        limiter_db=max(0.0, peak_dbtp + gain_db - ceiling_dbtp),
    )
