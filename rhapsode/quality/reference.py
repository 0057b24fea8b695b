"""What is usual in a book: how fast its voice is, how it sounds, how the recogniser spells its names.

A function of the set of its first takes alone, so nothing hangs on the order of work. Medians, because among the first
takes are bad ones, and what they say of the others must not hang on those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log, sqrt
from statistics import median

import numpy as np
import numpy.typing as npt

from rhapsode.model import Measures, Reference
from rhapsode.quality.alignment import align, spellings_of
from rhapsode.quality.limits import CUT_UP_S, VOICED_S
from rhapsode.quality.words import words_of
from rhapsode.text.pace import estimate_s

PACED_S = 3.0
"""Texts shorter than this, by estimate, say little about pace: the silence around them is a third of it."""

EDGE_S = 0.6
"""What an estimate holds for the silence around an utterance (text/pace.py), which is not heard."""

LEAST_HEARD_S = 0.2
"""What is expected of the shortest text."""

USUAL_SPREAD = 0.08
SPREAD_TAKES = 10
"""Before there are takes a spread of 0.08 is assumed, with the weight of 10 takes: a book of two chunks whose paces
happen to agree must not convict the third. hibari's own is 0.045, a language model's about twice that."""

USUAL_FLOOR = 0.70
"""Similarity to its book's centroid below which a voice is taken for another while there are too few to tell."""

FLOOR_TAKES = 10
MAD = 1.4826
"""Of a normal distribution: its standard deviation over its median absolute deviation."""

FIRST_PERCENTILE = 2.326
"""Of a normal distribution, in standard deviations below its mean."""

Vectors = npt.NDArray[np.float64]


def reference_of(takes: Iterable[tuple[str, Measures]]) -> Reference:
    """The reference of a book, from the spoken text and the measures of its first takes, in any order."""
    ordered = sorted(set(takes), key=lambda take: (take[0], repr(take[1])))
    pace, pace_spread = _pace(ordered)
    long = [one for _, one in ordered if one.signal.heard_s >= VOICED_S.at]
    voice, voice_floor = _voice([one.voice for one in long if one.voice])
    pitches = [one.shape.pitch_hz for one in long if one.shape.pitch_hz]
    # Of all takes that are held against it: in a book of short lines the long ones are few, and may be the odd ones.
    jumps = [one.shape.jumps_per_s for _, one in ordered if one.signal.heard_s >= CUT_UP_S.at]
    heard = {text: one.transcript.text for text, one in ordered if one.transcript}
    return Reference(
        takes=len(ordered),
        pace=pace,
        pace_spread=pace_spread,
        voice=voice,
        voice_floor=voice_floor,
        pitch_hz=median(pitches) if pitches else None,
        jumps_per_s=median(jumps) if jumps else None,
        spellings=spellings_of(align(words_of(text), words_of(one)) for text, one in heard.items()),
    )


def usual_s(text: str) -> float:
    """Seconds that are heard of a text between the silences at its edges, by estimate."""
    return max(estimate_s(text) - EDGE_S, LEAST_HEARD_S)


def _pace(takes: Sequence[tuple[str, Measures]]) -> tuple[float, float]:
    """Median of heard seconds over usual ones, and the spread of its logarithm."""
    pairs = [(one.signal.heard_s, usual_s(text)) for text, one in takes if one.signal.heard_s > 0]
    logs = [log(heard_s / expected_s) for heard_s, expected_s in pairs if expected_s >= PACED_S]
    logs = logs or [log(heard_s / expected_s) for heard_s, expected_s in pairs]
    if not logs:
        return 1.0, USUAL_SPREAD
    middle = median(logs)
    spread = MAD * median(abs(one - middle) for one in logs)
    known, all_of_it = len(logs) * spread**2, SPREAD_TAKES * USUAL_SPREAD**2
    return exp(middle), sqrt((known + all_of_it) / (len(logs) + SPREAD_TAKES))


def _voice(voices: Sequence[tuple[float, ...]]) -> tuple[tuple[float, ...] | None, float]:
    """The middle of the half of the voices that are most alike, and the similarity that a hundredth falls short of."""
    if not voices:
        return None, USUAL_FLOOR
    found: Vectors = np.array(voices)
    centre = _unit(np.median(found, axis=0))
    nearest = np.argsort(-_alike(found, centre), kind="stable")[: len(found) // 2 + 1]
    centre = _unit(found[nearest].mean(axis=0))
    alike = _alike(found, centre)
    if len(voices) < FLOOR_TAKES:
        return tuple(centre.tolist()), USUAL_FLOOR
    middle = float(np.median(alike))
    spread = MAD * float(np.median(np.abs(alike - middle)))
    return tuple(centre.tolist()), middle - FIRST_PERCENTILE * spread


def _alike(voices: Vectors, centre: Vectors) -> Vectors:
    """Cosines. Summed by numpy row by row, each of which depends on nothing but itself."""
    alike: Vectors = np.einsum("ij,j->i", voices, centre)
    return alike


def _unit(vector: Vectors) -> Vectors:
    return vector / max(float(np.sqrt(np.sum(vector**2))), 1e-12)
