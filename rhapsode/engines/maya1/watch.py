"""Hears a take go round in circles while it is being decoded, so that its slot is not wasted on the rest.

Only the coarse codes are watched (one a frame, band 0): they carry what is said, the finer ones how it sounds.
"""

from __future__ import annotations

import numpy as np

from rhapsode.engines.maya1.vocabulary import FRAME_DURATION_S, TokenIds
from rhapsode.model import FinishReason

LONGEST_LOOP = round(5.5 / FRAME_DURATION_S)  # frames
SHORTEST_RUN = round(2.0 / FRAME_DURATION_S)  # frames: no pause inside a chunk and no vowel is as long
MISS = 4
"""What one mismatch costs a run of matches. Sampling varies a loop, so a run survives single misses; codes that agree
by chance do not add up, for four in five would have to."""


class LoopWatch:
    """For each slot and each lag: for how many frames the take has repeated what it said `lag` frames before.

    A repetition at lag 1 is one code held: a stretch. At a longer lag it is a loop, once the period has come round
    twice more.
    """

    def __init__(self, slots: int) -> None:
        lags = np.arange(1, LONGEST_LOOP + 1)
        self._needed = np.maximum(2 * lags, SHORTEST_RUN)
        self._needed[0] = SHORTEST_RUN - 1
        self._past = np.full((slots, LONGEST_LOOP), -1, dtype=np.int64)  # newest first
        self._run = np.zeros((slots, LONGEST_LOOP), dtype=np.int64)

    def clear(self, slot: int) -> None:
        self._past[slot] = -1
        self._run[slot] = 0

    def see(self, coarse: TokenIds) -> None:
        """Takes the first token of each slot's new frame, (slots,)."""
        same = self._past == coarse[:, None]
        self._run = np.where(same, self._run + 1, np.maximum(self._run - MISS, 0))
        self._past[:, 1:] = self._past[:, :-1]
        self._past[:, 0] = coarse

    def verdict(self, slot: int) -> FinishReason | None:
        circling = self._run[slot] >= self._needed
        if circling[0]:
            return FinishReason.STRETCH
        return FinishReason.LOOP if circling.any() else None
