"""The recipe: from what is to be said to a seed and a key.

The key names the audio object. It is a function of everything that the audio may depend on and of nothing else: never
of the chunk's index, the book, the slot count, the thread count or a library version (the evidence records those).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from rhapsode.model import Sampling, Utterance, Voice

RECIPE_VERSION = 1
"""Bumped by any change that makes other audio from the same chunk; CHANGELOG says so."""


def digest(value: object) -> str:
    """sha256 (hex) of the canonical JSON of a value: the one way in which things are hashed here."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def utterance(text: str, voice: Voice, sampling: Sampling, weights_digest: str, precision: str, take: int) -> Utterance:
    """Builds the utterance of one take; the seed (63 bits) follows from the rest and the take number."""
    ingredients = {
        "recipe": RECIPE_VERSION,
        "text": text,
        "voice": asdict(voice),
        "sampling": asdict(sampling),
        "weights": weights_digest,
        "precision": precision,
        "take": take,
    }
    seed = int(digest(ingredients)[:16], 16) >> 1
    return Utterance(text, voice, sampling, seed, take, key=digest({**ingredients, "seed": seed}))
