"""Whether a stretch of a finished file is the take that should lie there: how alike two waves are, and how loud."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate, resample_poly

from rhapsode.audio.loudness import dbfs

ALIKE = 0.5
"""Correlation from which two waves are one. Behind AAC and MP3 of 24 kbit/s speech has 0.98, white noise 0.92; other
speech of the same voice has 0.1."""

_DOWN = 4  # below 3 kHz encoders keep the wave; above they may put noise of their own
_SILENT_RMS = 100.0  # of 16-bit samples, -50 dBFS: what encoders and the room tone may drown


class Likeness(NamedTuple):
    """How alike two waves are.

    Attributes:
        correlation: 0 to 1, whatever their levels.
        level_db: How much louder the found one is than the sought one, where they are most alike; -120 for silence.
    """

    correlation: float
    level_db: float


def likeness(found: npt.NDArray[Any], sought: npt.NDArray[Any]) -> Likeness | None:
    """The highest normalised correlation of `sought` with any stretch of `found`.

    Args:
        found, sought: In 16-bit steps, integers or not, of one sample rate, about 24 kHz; `found` may begin earlier and
            end later.

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
    products = np.abs(correlate(here, there, "valid"))
    best = int(np.argmax(products / np.sqrt(energies)))
    return Likeness(float(products[best] / np.sqrt(energies[best] * energy)), dbfs(products[best] / energy))
