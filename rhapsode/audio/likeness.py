"""Whether a stretch of a finished file is the take that should lie there: how alike two waves are."""

from __future__ import annotations

import numpy as np
from scipy.signal import correlate, resample_poly

from rhapsode.model import Samples

ALIKE = 0.5
"""Likeness from which two waves are one. Behind AAC and MP3 of 24 kbit/s speech has 0.98, white noise 0.92; other
speech of the same voice has 0.1."""

_DOWN = 4  # below 3 kHz encoders keep the wave; above they may put noise of their own
_SILENT_RMS = 8.0  # of 16-bit samples, -72 dBFS: as soft as room tone


def likeness(found: Samples, sought: Samples) -> float | None:
    """The highest normalised correlation of `sought` with any stretch of `found`, 0 to 1, whatever their levels.

    Args:
        found, sought: int16 of one sample rate, about 24 kHz; `found` may begin earlier and end later.

    Returns:
        None where `sought` is silent, so that nothing could be like it.
    """
    here, there = (resample_poly(wave.astype(np.float64), 1, _DOWN) for wave in (found, sought))
    energy = float(there @ there)
    if energy <= _SILENT_RMS**2 * len(there):
        return None
    here = np.pad(here, (0, max(0, len(there) - len(here))))
    sums = np.concatenate([[0.0], np.cumsum(here**2)])
    energies = np.maximum(sums[len(there) :] - sums[: -len(there)], _SILENT_RMS**2 * len(there))
    return float(np.max(np.abs(correlate(here, there, "valid")) / np.sqrt(energies * energy)))
