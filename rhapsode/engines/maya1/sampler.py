"""How the next token is drawn: one implementation for every backbone, vectorised over slots.

The order is that of transformers' `generate()`: repetition penalty, temperature, top-k, top-p, min-p. A row's result
depends on that row alone, bit for bit: nothing here reduces over rows, and no generator is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rhapsode.errors import BadRequest, SynthesisFailed

Logits = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

COLDEST = 1e-200  # stands for temperature 0: any two scores that differ at all are then infinitely far apart


@dataclass(frozen=True, slots=True)
class Draw:
    """How one take is drawn; the defaults are the official ones of Maya1.

    Attributes:
        temperature: 0 takes the likeliest token and no random number.
        top_p: Keeps the likeliest tokens that together hold this share of the probability.
        repetition_penalty: Divides a positive logit of a token that the take already has, multiplies a negative one.
        top_k: Keeps this many of the likeliest tokens; 0 keeps all (transformers' own default is 50).
        min_p: Drops tokens below this share of the likeliest one's probability.
    """

    temperature: float = 0.4
    top_p: float = 0.9
    repetition_penalty: float = 1.1
    top_k: int = 0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        legal = {
            "temperature": (self.temperature >= 0, "0 or more"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "repetition_penalty": (self.repetition_penalty > 0, "above 0"),
            "top_k": (self.top_k >= 0, "0 or more"),
            "min_p": (0 <= self.min_p <= 1, "from 0 to 1"),
        }
        for name, (ok, allowed) in legal.items():
            if not ok:
                raise BadRequest(f"The sampling's {name} is {getattr(self, name)}.", f"Set it {allowed}.")


def uniforms(seed: int, count: int) -> Floats:
    """The random numbers of the first `count` steps of a take, in [0, 1).

    Philox is counter-based: number t is a function of (seed, t), whatever was or will be drawn beside it.
    """
    raw = np.random.Philox(key=seed).random_raw(count)
    fractions: Floats = (raw >> np.uint64(11)) * np.float64(2.0**-53)
    return fractions


def sample(logits: Logits, seen: Mask, draws: Sequence[Draw], chances: Floats) -> npt.NDArray[np.int64]:
    """Draws one column of each row by inverting its cumulative distribution.

    Args:
        logits: (rows, ids): scores of the legal ids; -inf forbids one.
        seen: (rows, ids): which of them the take already has.
        draws: One a row.
        chances: (rows,): a random number in [0, 1) for each.

    Returns:
        (rows,): the column drawn. Equal probabilities at the edge of top-k and top-p are all kept.

    Raises:
        SynthesisFailed: A row has no finite maximum: the model computed NaN or infinity.
    """
    numbers = [(draw.temperature, draw.top_p, draw.repetition_penalty, draw.top_k, draw.min_p) for draw in draws]
    temperature, top_p, penalty, top_k, min_p = np.array(numbers).T[..., None]
    scores = logits.astype(np.float64)
    rows, columns = np.nonzero(seen)
    repeated, factor = scores[rows, columns], penalty[rows, 0]
    scores[rows, columns] = np.where(repeated < 0, repeated * factor, repeated / factor)
    peak = scores.max(axis=1, keepdims=True)
    if not np.isfinite(peak).all():
        raise SynthesisFailed(
            f"The model computed {peak[~np.isfinite(peak)][0]} in row {int(np.argmin(np.isfinite(peak)))}.",
            "Its weights are damaged or its precision is too narrow: try another precision.",
        )
    # In place: at 32 rows each temporary is a megabyte of fresh pages, and those cost more than the arithmetic.
    scores -= peak
    # At temperature 0 the likeliest ids stay 1 and all others vanish; of equals the first is taken, as argmax does.
    scores /= np.where(temperature == 0, COLDEST, temperature)
    probabilities = np.exp(scores, out=scores)
    probabilities *= probabilities >= _cutoff(probabilities, top_p, top_k, min_p)
    cumulative = np.cumsum(probabilities, axis=1, out=probabilities)
    total = cumulative[:, -1:]
    chances = np.where(temperature[:, 0] == 0, 0.0, chances)[:, None]
    # Rounding may lift chance x total to the total itself, beyond every column.
    target = np.minimum(chances * total, np.nextafter(total, 0.0))
    drawn: npt.NDArray[np.int64] = np.argmax(cumulative > target, axis=1)
    return drawn


def _cutoff(probabilities: Floats, top_p: Floats, top_k: Floats, min_p: Floats) -> Floats:
    """The smallest probability that is kept, (rows, 1). The largest is 1, which is what min-p is a share of."""
    width = probabilities.shape[1]
    ascending = np.sort(probabilities, axis=1)
    if top_k.any():
        ascending *= np.arange(width) >= width - np.where(top_k == 0, width, top_k)
    cumulative = np.cumsum(ascending, axis=1)
    dropped = np.count_nonzero(cumulative <= (1.0 - top_p) * cumulative[:, -1:], axis=1)[:, None]
    edge = np.take_along_axis(ascending, np.minimum(dropped, width - 1), axis=1)
    kept: Floats = np.maximum(edge, min_p)
    return kept
