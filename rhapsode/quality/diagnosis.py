"""The verdict on an engine that spoke the same chunks under several conditions: pure, from what was heard of them.

On one stack nothing may differ, not a bit: any difference is the engine's memory, or its dice. Between precisions and
backends tokens do differ, and lawfully: sums are rounded otherwise, now and then a draw falls on the other side of the
edge between two tokens, and from there on the take is another one, as good as the first. So there the takes are shown
beside each other, and only these count: one is defective where the other is not; or both backends compute in 32 bits
and most chunks part within the first second. Scores in 32 bits agree to about 1e-5, so a draw in 10,000 may fall
otherwise, and a chunk in a hundred may part so early; a wrong rotation, prompt or tensor parts them all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low

from rhapsode.model import SignalMeasures, Take
from rhapsode.quality import outright

ALONE = "alone"
"""The condition that all others are compared with: a chunk with a process to itself."""

FULL_PRECISION = ("fp32", "f32")
"""As stacks call it on transformers and on llama.cpp."""

EARLY_TOKENS = 84
"""Twelve frames, a second of speech."""


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
        precision: Of the stack.
        slots: Beside how many others it was made: fewer than the engine has, where its memory ran out.
        token_ids: Empty where the engine says audio.
        audio_sha256: Of the 16-bit samples; empty where there is no audio.
        legal_mass: Lower median of the samples, 0 to 1; None where the engine does not tell.
        defects: Each in a few words; none in a good take.
    """

    chunk: int
    condition: str
    kind: Kind
    precision: str = ""
    slots: int = 0
    token_ids: tuple[int, ...] = ()
    audio_sha256: str = ""
    finish: str = ""
    legal_mass: float | None = None
    measures: SignalMeasures | None = None
    defects: tuple[str, ...] = ()

    def same_as(self, other: Heard) -> bool:
        return (self.token_ids, self.audio_sha256, self.finish) == (other.token_ids, other.audio_sha256, other.finish)

    def comparable(self, alone: Heard) -> bool:
        """Whether it was made on the same stack, and so must be the same. A back-off from lack of memory changes it."""
        return self.kind is Kind.SAME and self.slots == alone.slots


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
    """What is wrong with a take, as far as it can be told without listening; each in a few words."""
    return tuple(one.reason for one in _findings(take, measures) if one.badness >= 1)


def _findings(take: Take, measures: SignalMeasures) -> Iterator[outright.Finding]:
    speed = take.utterance.sampling.speed or 1.0
    yield from outright.findings_of_levels(take.utterance.text, take.finish, measures, speed)
    mass = legal_mass_of(take)
    if mass is None or take.tokens is None:
        return
    yield (usual := outright.finding_of_mass(mass))
    ending = [outright.finding_of_mass(sample, "at its end ") for sample in take.tokens.legal_mass[-2:]]
    if usual.badness < 1 and len(ending) == 2 and ending[0].badness >= 1:
        yield ending[1]  # once out of step a model does not find back; a single low sample is a moment's doubt


def legal_mass_of(take: Take) -> float | None:
    """The lower median of what the take has sampled of it: of two samples the worse one counts."""
    return median_low(take.tokens.legal_mass) if take.tokens and take.tokens.legal_mass else None


def judge(heard: Iterable[Heard], damage: str = "") -> Finding:
    """The verdict; see the head of this file for what counts.

    Args:
        heard: Every chunk must have been heard under `ALONE`, unless there is damage.
        damage: Which file of the weights is not what it was; then nothing need be heard.
    """
    if damage:
        return Finding(Verdict.DEFECTIVE_ALONE, f"Suspect the model: its weights are damaged. {damage}")
    ordered = sorted(heard, key=lambda one: one.chunk)
    alone = {one.chunk: one for one in ordered if one.condition == ALONE}
    for one in ordered:
        if one.comparable(alone[one.chunk]) and not one.same_as(alone[one.chunk]):
            return _history(alone[one.chunk], one)
    bad = [one for one in alone.values() if one.defects]
    better = {one.chunk: one for one in ordered if one.kind is Kind.PRECISION and not one.defects}
    others = [one for one in ordered if one.kind is Kind.BACKEND]
    # A precision that is at fault is so on this backend alone, and is no quarrel between the two.
    blamed = {one.chunk for one in bad if one.chunk in better}
    found = _worse_on_one(alone, [one for one in others if one.chunk not in blamed]) or _part_early(alone, others)
    if found:
        return found
    if bad:
        cause = _cause(bad, alone, better)
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
    where = f"from token {token + 1} on" if token is not None else "in its audio"
    reason = f"Chunk {other.chunk} is another {where} where it is spoken {other.condition}."
    return Finding(Verdict.HISTORY_DEPENDENT, reason, other.chunk, other.condition, token)


def _worse_on_one(alone: dict[int, Heard], others: Sequence[Heard]) -> Finding | None:
    for one in others:
        here = alone[one.chunk]
        if bool(one.defects) != bool(here.defects):
            worse = one if one.defects else here
            reason = f"Chunk {one.chunk} is good on one backend only; {worse.condition}: {'; '.join(worse.defects)}."
            token = first_difference(here.token_ids, one.token_ids)
            return Finding(Verdict.BACKENDS_DISAGREE, reason, one.chunk, one.condition, token)
    return None


def _part_early(alone: dict[int, Heard], others: Sequence[Heard]) -> Finding | None:
    good = [one for one in others if not one.defects and not alone[one.chunk].defects]
    exact = [one for one in good if {one.precision, alone[one.chunk].precision} <= set(FULL_PRECISION)]
    parted = {one.chunk: first_difference(alone[one.chunk].token_ids, one.token_ids) for one in exact}
    early = {chunk: token for chunk, token in parted.items() if token is not None and token < EARLY_TOKENS}
    if 2 * len(early) <= len(exact):
        return None
    chunk, token = next(iter(early.items()))
    reason = (
        f"Both compute in 32 bits, and {len(early)} of {len(exact)} chunks part within a second: more than rounding "
        f"explains. Chunk {chunk} is another from token {token + 1} on."
    )
    return Finding(Verdict.BACKENDS_DISAGREE, reason, chunk, exact[0].condition, token)


def _cause(bad: Sequence[Heard], alone: dict[int, Heard], better: dict[int, Heard]) -> str:
    for one in bad:
        if one.chunk in better:
            return f"precision: {better[one.chunk].precision} speaks it well"
    if len(bad) < len(alone):
        return "text: other chunks are good"
    return "model: no chunk is good" if len(bad) > 1 else "model or the text: name more chunks to tell"
