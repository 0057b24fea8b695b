"""Room tone: what is heard where nobody speaks. Digital zero there sounds like a broken file."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rhapsode.audio.peaks import FULL_SCALE, Float

_PERIOD = 1 << 18  # samples; 11 s at 24 kHz, too long for an ear to hear it come round
_CORNER_HZ = 300  # above it the tone falls by 6 dB an octave, as the air of a quiet room does
_GLIDE_S = 0.01


class RoomTone:
    """Soft noise under a whole chapter, a function of the position alone, in steps of 16-bit PCM.

    It runs on under the speech, so it has no edge anywhere. In its last 10 ms it glides into what comes before position
    0, so that one chapter follows another without a step.
    """

    def __init__(self, length: int, sample_rate_hz: int, level_dbfs: float) -> None:
        self._table = _table(sample_rate_hz) * np.float32(FULL_SCALE * 10 ** (level_dbfs / 20))
        self._length = length
        self._glide = min(length, round(_GLIDE_S * sample_rate_hz))
        self.peak = float(np.abs(self._table).max())

    def at(self, start: int, n: int) -> Float:
        """Samples `[start, start + n)`, float32."""
        tone = self._read(start, n)
        glide = self._length - self._glide
        first = max(start, glide)
        if (m := start + n - first) > 0:
            angle = np.pi / 2 * (np.arange(first, first + m) - glide) / self._glide
            tone[-m:] = tone[-m:] * np.cos(angle) + self._read(first - self._length, m) * np.sin(angle)
        return tone

    def _read(self, start: int, n: int) -> Float:
        start %= _PERIOD
        return np.tile(self._table, -(-(start + n) // _PERIOD))[start : start + n]


@lru_cache(maxsize=4)
def _table(sample_rate_hz: int) -> Float:
    """One period with rms 1; it repeats without a seam."""
    # RandomState: the one generator of numpy whose numbers are promised to stay the same in every version.
    spectrum = np.fft.rfft(np.random.RandomState(1770).standard_normal(_PERIOD))
    hertz = np.fft.rfftfreq(_PERIOD, 1 / sample_rate_hz)
    spectrum *= np.where(hertz < 20, 0, 1 / np.sqrt(1 + (hertz / _CORNER_HZ) ** 2))
    noise: npt.NDArray[np.float64] = np.fft.irfft(spectrum, _PERIOD)
    noise /= np.sqrt(np.mean(noise**2))
    return noise.astype(np.float32)
