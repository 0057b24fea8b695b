"""How loud a take is, every 10 ms and where it speaks: by this other measures call something loud or silent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rhapsode.model import Samples
from rhapsode.quality.signal import SILENCE_DBFS, WINDOW_S

Float = npt.NDArray[np.float32]

SILENT = 10 ** (SILENCE_DBFS / 10)
"""Mean square, 1 is full scale, below which a window is silent."""

PAUSE_DB = -30.0
"""Below the speech: what is quieter is a pause, also where a voice brings the noise of its room."""

FULL_SCALE = 32768.0
HOPS_A_BLOCK = 1000


def hop_of(rate: int) -> int:
    """Samples of 10 ms."""
    return max(1, round(WINDOW_S * rate))


def blocks(samples: Samples, size: int) -> Iterator[Samples]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


def levels_of(samples: Samples, hop: int, dc: float) -> Float:
    """Mean square of each 10 ms, 1 is full scale, shape (n // hop,); what is left over at the end is not looked at.

    Args:
        dc: In steps of 16-bit PCM; it is no part of the level.
    """
    levels = []
    for block in blocks(samples[: len(samples) // hop * hop], hop * HOPS_A_BLOCK):
        wave = block.astype(np.float32).reshape(-1, hop) - np.float32(dc)
        levels.append(np.einsum("ij,ij->i", wave, wave) / np.float32(hop * FULL_SCALE**2))
    return np.concatenate(levels) if levels else np.zeros(0, np.float32)


def speech_level(levels: Float) -> float:
    """Mean square of what is no pause (gated as in BS.1770: absolute, then 10 dB below that); 0 for silence."""
    heard = levels[levels >= SILENT]
    return float(heard[heard >= heard.mean() / 10].mean(dtype=np.float64)) if len(heard) else 0.0
