"""A take of a text that was split: its parts are spoken by themselves, and joined before anything else sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhapsode.audio.joins import trim
from rhapsode.model import Audio, FinishReason, Take, Tokens, Utterance

PAUSE_S = 0.2
"""Between two parts that are audio, besides what `trim` leaves at their edges: a breath, less than between chunks."""


def join(whole: Utterance, parts: Sequence[Take]) -> Take:
    """The take of an utterance from those of its parts, a function of these alone.

    Tokens are joined as tokens, and decoded as one take; the silence between them is what the voice itself left there.
    """
    return Take(
        utterance=whole,
        finish=next((part.finish for part in parts if part.finish is not FinishReason.END), FinishReason.END),
        elapsed_s=sum(part.elapsed_s for part in parts),
        audio=_audio([part.audio for part in parts if part.audio]),
        tokens=_tokens([part.tokens for part in parts if part.tokens]),
    )


def _audio(parts: Sequence[Audio]) -> Audio | None:
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
    )
