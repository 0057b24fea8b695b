"""The seam between the frame decoder and whatever computes the model.

A backbone turns (slot, token ids) into scores of the ids that are legal next. It knows no sampling, no budget and no
text; the decoder knows no tensor. A new one (vLLM is the next candidate) implements this protocol and then passes
tests/contract/: the same tokens alone, beside any neighbours, in any slot, after any history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.engines.maya1.vocabulary import TokenIds
from rhapsode.errors import BadRequest

IDLE = -1
"""Stands for a token where a slot has nothing to say."""


class Backbone(Protocol):
    """A fixed number of slots, each an independent sequence that starts at its own position 0.

    What a slot returns may depend on the tokens of that slot since its prefill and on the number of slots, bit for
    bit, and on nothing else. So every call computes the same shapes whether its neighbours are busy or not.
    `MemoryError` (whatever the library itself raises) says that the slots do not fit; the decoder then asks for fewer.
    """

    @property
    def slots(self) -> int: ...

    @property
    def capacity(self) -> int:
        """Tokens that one slot can hold, prompt included."""
        ...

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        """Empties a slot, feeds it a prompt by itself, unpadded, and returns the scores of `legal_ids(0)`: (ids,)."""
        ...

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        """Feeds each slot its next token and scores the ones after.

        Args:
            token_ids: (slots,): `IDLE` empties its slot, where a dummy is computed.
            position: Where in their frame the tokens stand that come next, 0..6.

        Returns:
            (slots, ids): scores of `legal_ids(position)`; the rows of idle slots mean nothing.
        """
        ...

    def log_total(self, slot: int) -> float:
        """The log of the sum of exp over the scores of the whole vocabulary, where the last call scored legal ids only.

        It shows how much probability the model itself gave to what the grammar allows. It may be asked of the slots
        that the last `prefill` or `step` computed.
        """
        ...

    def resize(self, slots: int) -> None:
        """Empties and frees all slots and makes this many."""
        ...

    def close(self) -> None:
        """Frees all that the slots hold."""
        ...


def check_slots(slots: int) -> None:
    """Refuses a number of slots of which some would compute otherwise than the rest.

    Matrix products take rows in blocks, and what is left over goes through another kernel, which rounds otherwise: with
    5, 6, 7, 9, 10 or 11 slots the last ones gave other bits (torch on two threads, llama.cpp with 4-bit weights), and a
    take would change with its slot. Powers of two leave nothing over, and halving keeps them.

    Raises:
        BadRequest: It is no power of two.
    """
    if slots < 1 or slots & (slots - 1):
        raise BadRequest(f"{slots} slots would not all compute alike.", "Use 1, 2, 4, 8, 16 or 32.")


def unlike_slots(backbone: Backbone, steps: int = v.FRAME_TOKENS) -> list[int]:
    """The slots that compute other bits than slot 0 from the same tokens: none, on hardware that keeps the promise.

    It empties the backbone. Where nobody has tried a device before, it is the proof that can be had in a second.
    """
    unlike: set[int] = set()
    for slot in range(backbone.slots):
        backbone.prefill(slot, (v.SOH, v.BOS, *range(20), v.EOT, v.EOH, v.SOA, v.CODE_START))
    for step in range(steps):
        token_ids = np.full(backbone.slots, v.band(step % v.FRAME_TOKENS).start + 17 * step)
        scores = backbone.step(token_ids, (step + 1) % v.FRAME_TOKENS)
        unlike.update(np.flatnonzero((scores != scores[0]).any(axis=1)).tolist())
    backbone.step(np.full(backbone.slots, IDLE), 0)
    return sorted(unlike)
