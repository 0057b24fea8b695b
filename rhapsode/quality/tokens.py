"""What can be measured of a take while it is tokens: frames that circle, tokens that slipped, a model in doubt.

Only the coarse codes are compared (one a frame): they carry what is said, the finer ones how it sounds. The decoder
watches for loops too, while it speaks and with some tolerance, so as to stop them (engines/maya1/watch.py); this here
counts exactly, over the whole take, also what was too short to be stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.model import TokenMeasures


def tokens_of(ids: Sequence[int], legal_mass: Sequence[float]) -> TokenMeasures:
    """Measures the tokens of one take.

    Args:
        ids: Token ids without CODE_END. A last frame that is not whole is left out.
        legal_mass: Samples of the probability, 0 to 1, that the model itself gave to legal ids.
    """
    frames = len(ids) // v.FRAME_TOKENS
    grid = np.asarray(ids, dtype=np.int64)[: frames * v.FRAME_TOKENS].reshape(frames, v.FRAME_TOKENS)
    codes = grid - (v.FIRST_CODE + np.arange(v.FRAME_TOKENS) * v.CODEBOOK_SIZE)
    coarse = codes[:, 0]
    mass = sorted(legal_mass)
    return TokenMeasures(
        frames=frames,
        stray_tokens=int(((codes < 0) | (codes >= v.CODEBOOK_SIZE)).sum()),
        coarse_run=_longest_run(coarse[1:] == coarse[:-1]) + 1 if frames else 0,
        repeated_frames=_repeated(coarse),
        legal_mass=mass[0] if mass else None,
        legal_mass_median=mass[(len(mass) - 1) // 2] if mass else None,
    )


def _repeated(coarse: npt.NDArray[np.int64]) -> int:
    """The most frames that one sequence covers which is said at least twice without a break; 0 where none is.

    Two rounds of a sequence of n frames hold two neighbours of the grid 0, n, 2n, ..., which must be equal: so few
    lengths n need a closer look, and all of them together cost n log n (the grid is that of Main and Lorentz, 1984).
    """
    most = 0
    for length in range(1, len(coarse) // 2 + 1):
        grid = coarse[::length]
        if not np.any(grid[1:] == grid[:-1]):
            continue
        run = _longest_run(coarse[length:] == coarse[:-length])
        if run >= length:
            most = max(most, run + length)
    return most


def _longest_run(same: npt.NDArray[np.bool_]) -> int:
    """Length of the longest run of true values."""
    breaks = np.flatnonzero(np.concatenate(([True], ~same, [True])))
    return int(np.diff(breaks).max()) - 1
