"""The verdict on an engine that spoke the same chunks under several conditions: pure, from what was heard of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from rhapsode.model import FinishReason, Take
from rhapsode.quality.signal import SILENCE_DBFS, SignalMeasures
from rhapsode.text.pace import estimate_s

ALONE = "alone"
"""The condition that all others are compared with: a chunk with a process to itself."""

LEGAL_MASS = 0.5
"""A model that gives less than this to what may come next has not learned this language, or forgot it."""

EDGE_S = 2.0
PACE = (0.4, 2.5)
"""Heard seconds over estimated ones; `PACE_SLACK_S` more or less, since a single word has no pace."""
PACE_SLACK_S = 0.5


class Kind(StrEnum):
    """How a condition differs from `ALONE`: on the same stack the takes must be the same bit for bit."""

    SAME = "same stack"
    PRECISION = "other precision"
    BACKEND = "other backend"


class Verdict(StrEnum):
    HISTORY_DEPENDENT = "history-dependent"
    DEFECTIVE_ALONE = "defective alone"
    BACKENDS_DISAGREE = "backends disagree"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Heard:
    """One chunk under one condition.

    Attributes:
        token_ids: Empty where the engine says audio.
        audio_sha256: Of the 16-bit samples; empty where there is no audio.
        legal_mass: Median of the samples, 0 to 1; None where the engine does not tell.
        defects: Each in a few words; none in a good take.
    """

    chunk: int
    condition: str
    kind: Kind
    token_ids: tuple[int, ...] = ()
    audio_sha256: str = ""
    finish: str = ""
    legal_mass: float | None = None
    measures: SignalMeasures | None = None
    defects: tuple[str, ...] = ()

    def same_as(self, other: Heard) -> bool:
        return (self.token_ids, self.audio_sha256, self.finish) == (other.token_ids, other.audio_sha256, other.finish)


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict, why, and where it shows first.

    Attributes:
        token: Index of the first token that differs; None where tokens do not differ or there are none.
    """

    verdict: Verdict
    reason: str
    chunk: int | None = None
    condition: str = ""
    token: int | None = None


def defects_of(take: Take, measures: SignalMeasures) -> tuple[str, ...]:
    """What is wrong with a take, as far as it can be told without listening."""
    return tuple(_defects(take, measures))


def _defects(take: Take, measures: SignalMeasures) -> Iterator[str]:
    if take.finish is not FinishReason.END:
        yield f"ended by {take.finish}"
    mass = legal_mass_of(take)
    if mass is not None and mass < LEGAL_MASS:
        yield f"only {mass:.1%} of the probability on legal tokens"
    if measures.rms_dbfs < SILENCE_DBFS:
        yield "silent"
        return
    if max(measures.leading_silence_s, measures.trailing_silence_s) > EDGE_S:
        yield f"silent for more than {EDGE_S:.0f} s at an edge"
    expected_s = estimate_s(take.utterance.text) / (take.utterance.sampling.speed or 1.0)
    heard_s = measures.duration_s - measures.leading_silence_s - measures.trailing_silence_s
    if not PACE[0] * expected_s - PACE_SLACK_S <= heard_s <= PACE[1] * expected_s + PACE_SLACK_S:
        yield f"{heard_s:.1f} s of speech for a text of about {expected_s:.1f} s"


def legal_mass_of(take: Take) -> float | None:
    """The median of what the take has sampled of it."""
    return median(take.tokens.legal_mass) if take.tokens and take.tokens.legal_mass else None


def judge(heard: Iterable[Heard]) -> Finding:
    """The verdict. Every chunk must have been heard under `ALONE`.

    Tokens of other precisions and backends differ by their rounding, so there only defects count.
    """
    ordered = sorted(heard, key=lambda one: one.chunk)
    alone = {one.chunk: one for one in ordered if one.condition == ALONE}
    for one in ordered:
        if one.kind is Kind.SAME and not one.same_as(alone[one.chunk]):
            return _history(alone[one.chunk], one)
    bad = [one for one in alone.values() if one.defects]
    for one in ordered:
        if one.kind is Kind.BACKEND and bool(one.defects) != bool(alone[one.chunk].defects):
            worse = max(one, alone[one.chunk], key=lambda each: len(each.defects))
            reason = f"Chunk {one.chunk} is good on one backend only; {worse.condition}: {'; '.join(worse.defects)}."
            token = first_difference(alone[one.chunk].token_ids, one.token_ids)
            return Finding(Verdict.BACKENDS_DISAGREE, reason, one.chunk, one.condition, token)
    if bad:
        cause = _cause(bad, alone, [one for one in ordered if one.kind is Kind.PRECISION])
        names = ", ".join(str(one.chunk) for one in bad)
        reason = f"Defective without any history: {names}. Suspect the {cause}. Chunk {bad[0].chunk}: "
        return Finding(Verdict.DEFECTIVE_ALONE, f"{reason}{'; '.join(bad[0].defects)}.", bad[0].chunk, ALONE)
    return Finding(Verdict.CLEAN, "Every chunk is the same under all conditions of its stack, and without a defect.")


def first_difference(left: Sequence[int], right: Sequence[int]) -> int | None:
    """Index of the first token that differs; the shorter length where one begins as the other."""
    if tuple(left) == tuple(right):
        return None
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _history(alone: Heard, other: Heard) -> Finding:
    token = first_difference(alone.token_ids, other.token_ids)
    where = f"from token {token} on" if token is not None else "in its audio"
    reason = f"Chunk {other.chunk} is another {where} where it is spoken {other.condition}."
    return Finding(Verdict.HISTORY_DEPENDENT, reason, other.chunk, other.condition, token)


def _cause(bad: Sequence[Heard], alone: dict[int, Heard], precisions: Sequence[Heard]) -> str:
    chunks = {one.chunk for one in bad}
    if any(not one.defects for one in precisions if one.chunk in chunks):
        return "precision: another one speaks it well"
    if len(bad) < len(alone):
        return "text: other chunks are good"
    return "model: no chunk is good" if len(bad) > 1 else "model or the text: name more chunks to tell"
