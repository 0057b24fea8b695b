"""The recipe: from what is to be said to a seed and a key.

The key names the audio object. It is a function of everything that the audio may depend on and of nothing else: never
of the chunk's index, the book, the slot count, the thread count or a library version (the evidence records those).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from rhapsode.model import ChunkRange, Job, Order, Reading, Sampling, Utterance, Voice

RECIPE_VERSION = 1
"""Bumped by any change that makes other audio from the same chunk; CHANGELOG says so."""


def digest(value: object) -> str:
    """sha256 (hex) of the canonical JSON of a value: the one way in which things are hashed here."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def utterance(
    text: str,
    voice: Voice,
    sampling: Sampling,
    weights_digest: str,
    precision: str,
    take: int,
    parts: Sequence[str] = (),
) -> Utterance:
    """Builds the utterance of one take; the seed (63 bits) follows from the rest and the take number.

    Args:
        parts: The text in pieces, if it is to be spoken in pieces; each becomes an utterance of its own.
    """
    ingredients: dict[str, object] = {
        "recipe": RECIPE_VERSION,
        "text": text,
        "voice": asdict(voice),
        "sampling": asdict(sampling),
        "weights": weights_digest,
        "precision": precision,
        "take": take,
    }
    if parts:
        ingredients["parts"] = list(parts)
    seed = int(digest(ingredients)[:16], 16) >> 1
    said = tuple(utterance(part, voice, sampling, weights_digest, precision, take) for part in parts)
    return Utterance(text, voice, sampling, seed, take, key=digest({**ingredients, "seed": seed}), parts=said)


def reading(unkeyed: Reading) -> Reading:
    """The reading with its key: what is spoken and by whom decides it, where the library lies does not."""
    ingredients = asdict(unkeyed)
    del ingredients["key"], ingredients["library"]
    return replace(unkeyed, key=digest({**ingredients, "recipe": RECIPE_VERSION}))


def first_job(chunk_range: ChunkRange) -> Job:
    """Round 0: the first take of each chunk of a range of the plan."""
    orders = tuple(Order(number, take=1) for number in range(chunk_range.first, chunk_range.last + 1))
    return Job(0, str(chunk_range), orders)


FIRST_REDO = 8
"""Rounds of the ladder come before it (a chunk has at most 8 takes), those that a user asked for from it on."""


def later_job(round_number: int, orders: Iterable[Order]) -> Job:
    """A later round: any set of chunks. The set names it, so that the same set asked for twice is the same job."""
    ordered = tuple(sorted(orders, key=lambda order: order.chunk))
    return Job(round_number, digest([_as_asked(order) for order in ordered])[:16], ordered)


def _as_asked(order: Order) -> dict[str, object]:
    """An order as it is hashed: what came to it later counts only where it says something, so older names stay."""
    asked = asdict(order)
    for later in ("parts", "engine"):
        if not asked[later]:
            del asked[later]
    return asked
