"""A backbone without a model: scores are a pure function of all tokens that its slot has been fed."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE
from rhapsode.engines.maya1.decoder import Line
from rhapsode.engines.maya1.sampler import Draw, Floats, Logits

PLAIN = Draw(temperature=1.0, top_p=1.0, repetition_penalty=1.0)
DRAWS = [Draw(), PLAIN, Draw(temperature=0), Draw(temperature=3.0, top_p=1.0, repetition_penalty=1.3)]
VOCABULARY = 156_940
ROWS = 3


class MockBackbone:
    """Draws from a few rows of noise over the whole vocabulary, chosen by a hash of the slot's tokens.

    `lure` is added to all ids that are illegal next; `end` is the score of CODE_END. `fails_at` counts down steps to a
    `MemoryError`, which comes again until there are at most `fits` slots.
    """

    def __init__(self, slots: int, *, lure: float = 0.0, end: float = 4.0, leaky: bool = False) -> None:
        self.slots = slots
        self.capacity = 100_000
        self.leaky = leaky
        self.fits = slots
        self.fails_at = -1
        self.steps = 0
        self.closed = False
        scores = _scores(lure, end)
        self._legal = [scores[position][:, v.legal_ids(position)] for position in range(v.FRAME_TOKENS)]
        self._log_totals = _log_totals(lure, end)
        self._hashes = np.zeros(slots, dtype=np.int64)
        self._position = 0

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        if not self.leaky:
            self._hashes[slot] = 0
        for token_id in prompt:
            self._hashes[slot] = self._hashed(self._hashes[slot], token_id)
        return self._scored([slot], 0)[0]

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        assert token_ids.shape == (self.slots,)
        self.steps += 1
        if 0 <= self.fails_at <= self.steps and self.slots > self.fits:
            raise MemoryError("no room")
        self._hashes = np.where(token_ids == IDLE, 0, self._hashed(self._hashes, token_ids))
        return self._scored(range(self.slots), position)

    def log_total(self, slot: int) -> float:
        return float(self._log_totals[self._position, self._hashes[slot] % ROWS])

    def resize(self, slots: int) -> None:
        if slots > self.fits:
            raise MemoryError("no room")
        self.slots = slots
        self._hashes = np.zeros(slots, dtype=np.int64)

    def close(self) -> None:
        self.closed = True

    def _hashed(self, so_far: v.TokenIds, token_ids: v.TokenIds | int) -> v.TokenIds:
        return (so_far * 31 + token_ids + 7) % 1_000_003

    def _scored(self, slots: Sequence[int], position: int) -> Logits:
        self._position = position
        hashes = self._hashes[list(slots)]
        picked = self._legal[position][hashes % ROWS]
        for row, shift in enumerate(hashes):  # so that there are more than `ROWS` different rows
            codes = picked[row, -v.CODEBOOK_SIZE :]
            codes[:] = np.roll(codes, shift)
        return picked


@functools.cache
def _scores(lure: float, end: float) -> Logits:
    """(positions, rows, vocabulary)"""
    noise = np.random.default_rng(0).normal(size=(ROWS, VOCABULARY)).astype(np.float32)
    noise[:, v.CODE_END] = end
    scores = np.tile(noise, (v.FRAME_TOKENS, 1, 1))
    for position in range(v.FRAME_TOKENS):
        legal = np.isin(np.arange(VOCABULARY), [*v.band(position), *([v.CODE_END] if position == 0 else [])])
        scores[position][:, ~legal] += lure
    return scores


@functools.cache
def _log_totals(lure: float, end: float) -> Floats:
    return np.log(np.exp(_scores(lure, end).astype(np.float64)).sum(axis=2))


def line(number: int, *, frames: int = 12, draw: Draw = PLAIN, minimum: int = 1) -> Line:
    return Line(number, (v.SOH, v.BOS, 100 + number, v.CODE_START), 1000 + number, draw, minimum, frames)
