"""What can be measured of a take without listening: length, level, peak, and the silence at its edges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rhapsode.model import Audio, SignalMeasures

FLOOR_DBFS = -120.0
"""Said of anything quieter, digital silence too, so that every level is a finite number."""

SILENCE_DBFS = -60.0
"""A window whose rms is below this is silent: the noise floor that audiobook shops ask for (ACX)."""

WINDOW_S = 0.010
"""Silence is judged in windows of this length, counted from the first sample: also its resolution."""

_FULL_SCALE = 32768.0
_WINDOWS_A_BLOCK = 1024  # about 250,000 samples: memory stays constant


def measure(audio: Audio) -> SignalMeasures:
    """Measures one stretch of audio, of any length and also an empty one, in constant memory.

    The sums are of integers that a float64 holds exactly, so the measures do not depend on how the samples are grouped.
    """
    samples, rate = audio.samples, audio.sample_rate_hz
    window = max(1, round(WINDOW_S * rate))
    block = window * _WINDOWS_A_BLOCK
    total, peak = 0, 0
    first_loud, last_loud = len(samples), 0  # samples [first_loud:last_loud] are what is heard
    for start in range(0, len(samples), block):
        part = samples[start : start + block]
        energies = _window_energies(part, window)
        total += int(energies.sum())
        peak = max(peak, int(part.max()), -int(part.min()))
        loud = np.flatnonzero(energies >= window * _FULL_SCALE**2 * 10 ** (SILENCE_DBFS / 10))
        if len(loud):
            first_loud = min(first_loud, start + int(loud[0]) * window)
            last_loud = min(start + int(loud[-1] + 1) * window, len(samples))
    return SignalMeasures(
        duration_s=audio.duration_s,
        rms_dbfs=_dbfs(np.sqrt(total / len(samples)) if len(samples) else 0.0),
        peak_dbfs=_dbfs(peak),
        leading_silence_s=first_loud / rate,
        trailing_silence_s=(len(samples) - last_loud) / rate,
    )


def _window_energies(part: npt.NDArray[np.int16], window: int) -> npt.NDArray[np.float64]:
    """Sum of squares of each window, shape (ceil(n / window),); the last window may be shorter than the others."""
    full = len(part) // window
    grid = part[: full * window].astype(np.float64).reshape(full, window)
    energies = np.einsum("ij,ij->i", grid, grid)
    rest = part[full * window :].astype(np.float64)
    return np.append(energies, rest @ rest) if len(rest) else energies


def _dbfs(level: float) -> float:
    """Amplitude in steps of 16-bit PCM -> dBFS."""
    floor = _FULL_SCALE * 10 ** (FLOOR_DBFS / 20)
    return float(20 * np.log10(max(level, floor) / _FULL_SCALE))
