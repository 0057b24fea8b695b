"""What is wrong with one take beyond doubt: told without listening to it, and without knowing how its book sounds.

The limits are wide, for nothing is known of the voice. They decide which takes of a voice that makes few mistakes are
listened to, and whether a run is stopped because most of what it says is no speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rhapsode.model import FinishReason, Measures, ShapeMeasures, SignalMeasures, TokenMeasures
from rhapsode.quality import limits
from rhapsode.quality.limits import FATAL
from rhapsode.quality.signal import SILENCE_DBFS
from rhapsode.text.pace import estimate_s


class Finding(NamedTuple):
    """One thing that is looked at.

    Attributes:
        badness: 1 is the limit at normal strictness, more is worse.
        reason: What is wrong then, in a few words, for people.
        lost: Characters of the text, from and to, if it rests on their not being heard, and on nothing else.
    """

    badness: float
    reason: str
    lost: tuple[int, int] | None = None


def outright(text: str, measures: Measures, speed: float = 1.0) -> tuple[str, ...]:
    """What is wrong with a take beyond doubt, each in a few words.

    Args:
        text: As it was to be spoken.
        speed: At which it was to be spoken.
    """
    return tuple(one.reason for one in outright_findings(text, measures, speed) if one.badness >= 1)


def outright_findings(text: str, measures: Measures, speed: float = 1.0) -> Iterator[Finding]:
    yield from findings_of_levels(text, measures.finish, measures.signal, speed)
    yield from _of_shape(measures.shape)
    if measures.tokens:
        yield from _of_tokens(measures.tokens)


def findings_of_levels(text: str, finish: FinishReason, signal: SignalMeasures, speed: float) -> Iterator[Finding]:
    """From why a take ended, and from its length and level alone."""
    if finish is not FinishReason.END:
        yield Finding(FATAL, f"ended by {finish}")
    if signal.rms_dbfs < SILENCE_DBFS:
        yield Finding(FATAL, "silent")
        return
    edge = limits.EDGE_SILENCE_S
    longest_s = max(signal.leading_silence_s, signal.trailing_silence_s)
    yield Finding(edge.badness(longest_s), f"silent for more than {edge.at:.0f} s at an edge")
    expected_s, heard_s = estimate_s(text) / speed, signal.heard_s
    slack_s = limits.EXTREME_SLACK_S.at
    times = max((heard_s - slack_s) / expected_s, expected_s / (heard_s + slack_s)) if expected_s else 0.0
    yield Finding(
        limits.EXTREME_PACE.badness_times(times), f"{heard_s:.1f} s of speech for a text of about {expected_s:.1f} s"
    )


def finding_of_mass(mass: float, when: str = "") -> Finding:
    """A model that gives little probability to what may come next has not learned this language, or forgot it."""
    badness = limits.ILLEGAL_MASS.badness(1 - mass)
    return Finding(badness, f"{when}only {mass:.1%} of the probability on legal tokens")


def _of_shape(shape: ShapeMeasures) -> Iterator[Finding]:
    yield Finding(limits.CLIPPED.badness(shape.clipped_samples), f"clipped, {shape.clipped_samples} samples in a row")
    yield Finding(limits.DC.badness(abs(shape.dc)), f"off centre by {abs(shape.dc):.0%} of full scale")
    silence_s = shape.internal_silence_s
    yield Finding(limits.INNER_SILENCE_S.badness(silence_s), f"silent for {silence_s:.1f} s in the middle")
    yield Finding(limits.NOISE_S.badness(shape.noise_s), f"noise for {shape.noise_s:.1f} s")
    yield Finding(limits.DRONE_S.badness(shape.drone_s), f"a drone for {shape.drone_s:.1f} s")
    yield Finding(limits.CUT_DB.badness_db(shape.tail_db), "cut off in the middle of a sound")
    yield Finding(limits.BEGUN_DB.badness_db(shape.head_db), "begins in the middle of a sound")


def _of_tokens(tokens: TokenMeasures) -> Iterator[Finding]:
    stray = tokens.stray_tokens
    yield Finding(limits.STRAY_TOKENS.badness(stray), f"{stray} tokens are out of step")
    yield Finding(limits.COARSE_RUN.badness(tokens.coarse_run), f"one sound held for {tokens.coarse_run} frames")
    repeated = tokens.repeated_frames
    yield Finding(limits.REPEATED_FRAMES.badness(repeated), f"{repeated} frames go round in a circle")
    if tokens.legal_mass_median is not None:
        yield finding_of_mass(tokens.legal_mass_median)
