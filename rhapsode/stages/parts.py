"""A take of a text that was split: its parts are spoken by themselves, and joined before anything else sees them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from rhapsode.audio.joins import trim
from rhapsode.engines.protocol import Codec
from rhapsode.model import Audio, FinishReason, Take, Tokens, Utterance

PAUSE_S = 0.2
"""Between two parts, besides what `trim` leaves at their edges: a breath, less than between chunks."""


def join(whole: Utterance, parts: Sequence[Take]) -> Take:
    """The take of an utterance from those of its parts, a function of these alone."""
    return Take(
        utterance=whole,
        finish=next((part.finish for part in parts if part.finish is not FinishReason.END), FinishReason.END),
        elapsed_s=sum(part.elapsed_s for part in parts),
        audio=_joined([part.audio for part in parts if part.audio]),
        tokens=_tokens([part.tokens for part in parts if part.tokens]),
    )


def decode(codec: Codec, utterance: Utterance, ids: Sequence[int], part_ends: Sequence[int]) -> Audio:
    """The audio of a take's tokens; its parts are decoded by themselves, as they were spoken.

    Raises:
        SynthesisFailed: The tokens mean nothing to this codec.
    """
    if not utterance.parts:
        return codec.decode(ids, utterance.seed)
    bounds = pairwise((0, *part_ends))
    spoken = [codec.decode(ids[a:b], part.seed) for part, (a, b) in zip(utterance.parts, bounds, strict=True)]
    joined = _joined(spoken)
    assert joined is not None
    return joined


def _joined(parts: Sequence[Audio]) -> Audio | None:
    """The outer edges stay as they are, for what was cut off there is to be heard."""
    if not parts:
        return None
    rate = parts[0].sample_rate_hz
    pause = np.zeros(round(PAUSE_S * rate), np.int16)
    pieces = []
    for number, part in enumerate(parts, start=1):
        start, end = trim(part)
        first, last = number == 1, number == len(parts)
        pieces.append(part.samples[0 if first else start : len(part.samples) if last else end])
        if not last:
            pieces.append(pause)
    return Audio(np.concatenate(pieces), rate)


def _tokens(parts: Sequence[Tokens]) -> Tokens | None:
    if not parts:
        return None
    return Tokens(
        ids=tuple(token for part in parts for token in part.ids),
        duration_s=sum(part.duration_s for part in parts),
        slots=min(part.slots for part in parts),
        legal_mass=tuple(mass for part in parts for mass in part.legal_mass),
        part_ends=tuple(accumulate(len(part.ids) for part in parts)),
    )
