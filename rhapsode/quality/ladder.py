"""The ladder: how a chunk is spoken again when no take of it is good.

Each rung is different from those before it, since a model that is asked the same again makes the same mistake again.
"""

from __future__ import annotations

from dataclasses import replace

from rhapsode.model import Sampling

COOLER = 0.75
"""Of the temperature, from the second rung on, each: nearer to what the model itself finds likeliest."""
SLOWER = 0.95
"""Of the speed, each rung, where a voice has no dice."""


def next_sampling(usual: Sampling, rung: int) -> Sampling | None:
    """How a take of this round (from 1) is drawn; None: as usual, by another seed.

    A voice with dice first throws them again, then throws them more gently; one without speaks slower.
    """
    if usual.temperature is None:
        return replace(usual, speed=round((usual.speed or 1.0) * SLOWER**rung, 4))
    if rung == 1:
        return None
    return replace(usual, temperature=round(usual.temperature * COOLER ** (rung - 1), 4))
