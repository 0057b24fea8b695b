"""The verdict on a take: a pure function of its text, its measures and the reference of its book.

Everything that is looked at gives a finding with a badness, 1 at its limit (limits.py). A take fails if any of them is
bad. Its score is the sum of those that are bad, so it grows with each of them and is 0 if there are none: of several
takes of a chunk the one with the least is kept. What rests on words alone is no proof where the recogniser itself is
out of its depth: then the verdict is `inconclusive`, and the score is the same. Where another recogniser was asked as
well, what that one heard decides then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log
from typing import NamedTuple

from rhapsode.model import Judgement, Measures, Reference, Transcript, Verdict
from rhapsode.quality import limits
from rhapsode.quality.alignment import FORGIVEN, Alignment, Kind, Piece, align
from rhapsode.quality.limits import FATAL
from rhapsode.quality.outright import Finding, outright_findings
from rhapsode.quality.reference import usual_s
from rhapsode.quality.sounds import is_common, is_known, outline, unlikeness
from rhapsode.quality.words import Word, words_of
from rhapsode.settings import Strictness

SHOWN = 6
"""Words that a reason quotes."""
SECOND = {
    Verdict.PASS: "second opinion: {} heard nothing wrong",
    Verdict.FAIL: "second opinion: so {} heard it",
    Verdict.INCONCLUSIVE: "second opinion: {} cannot tell either",
}


def judge_take(text: str, measures: Measures, reference: Reference | None, strictness: Strictness) -> Judgement:
    """Judges one take.

    Args:
        text: As it was to be spoken.
        measures: Without a transcript the rest decides; a second one counts where the first leaves the verdict open.
        reference: None: as if nothing were known of the book.
    """
    first = _found(text, measures, measures.transcript, reference, strictness).judgement
    if first.verdict is not Verdict.INCONCLUSIVE or not measures.second:
        return first
    decided = _found(text, measures, measures.second, reference, strictness).judgement
    who = measures.second.recogniser.partition("@")[0]
    return replace(decided, reasons=(*decided.reasons, SECOND[decided.verdict].format(who)))


def wants_second_opinion(text: str, measures: Measures) -> bool:
    """Whether the first transcript leaves the verdict open, or may do so once the usual pace of the book is known.

    A function of the take alone, at normal strictness: who is asked twice hangs neither on the book nor on a user.
    """
    found = _found(text, measures, measures.transcript, None, Strictness.NORMAL)
    vouched_for = bool(found.words) and all(one.lost for one in found.words)
    return not found.signs and (bool(found.doubt) or vouched_for)


class _Found(NamedTuple):
    """What is bad about a take, by what it is and by what was understood of it, and why the latter is no proof."""

    signs: Sequence[Finding]
    words: Sequence[Finding] = ()
    doubt: str = ""

    @property
    def judgement(self) -> Judgement:
        bad = sorted([*self.signs, *self.words], key=lambda one: -one.badness)
        reasons = tuple(dict.fromkeys(one.reason for one in bad))
        score = sum(one.badness for one in bad)
        if self.signs or (self.words and not self.doubt):
            return Judgement(Verdict.FAIL, reasons, score)
        if self.doubt:
            return Judgement(Verdict.INCONCLUSIVE, (self.doubt, *reasons), score)
        return Judgement(Verdict.PASS, (), 0.0)


def _found(
    text: str, measures: Measures, transcript: Transcript | None, reference: Reference | None, strictness: Strictness
) -> _Found:
    tolerated = limits.TOLERATED[strictness]
    signs = [one for one in _of_take(text, measures, reference) if one.badness >= tolerated]
    if not transcript:
        return _Found(signs)
    alignment = align(words_of(text), words_of(transcript.text), reference.spellings if reference else None)
    words = [one for one in _of_words(text, alignment, transcript) if one.badness >= tolerated]
    doubt = _doubt(alignment, transcript, bool(words))
    if words and reference and _has_room(text, words, measures.signal.heard_s, reference):
        doubt = "as long as if nothing were missing"
    return _Found(signs, words, doubt)


# -- what can be told without words ------------------------------------------------------------------------------------


def _of_take(text: str, measures: Measures, reference: Reference | None) -> Iterator[Finding]:
    speed = 1 / reference.pace if reference else 1.0
    yield from outright_findings(text, measures, speed)
    if reference:
        yield from _of_pace(text, measures.signal.heard_s, reference)
        yield from _of_voice(measures, reference)


def _of_pace(text: str, heard_s: float, reference: Reference) -> Iterator[Finding]:
    expected_s = usual_s(text) * reference.pace
    longer = heard_s > expected_s
    slack = limits.LONGER_SLACK_S if longer else limits.SHORTER_SLACK_S
    nearer_s = max(heard_s - slack.at, expected_s) if longer else min(heard_s + slack.at, expected_s)
    deviations = abs(log(nearer_s / expected_s)) / reference.pace_spread
    reason = f"{'longer' if longer else 'shorter'} than usual: {heard_s:.1f} s, not {expected_s:.1f} s"
    yield Finding(limits.PACE.badness(deviations), reason)


def _of_voice(measures: Measures, reference: Reference) -> Iterator[Finding]:
    shape, heard_s = measures.shape, measures.signal.heard_s
    if measures.voice and reference.voice:
        alike = sum(a * b for a, b in zip(measures.voice, reference.voice, strict=True))
        forgiven = max(limits.VOICE.at * (1 - reference.voice_floor), limits.LEAST_UNLIKE.at)
        forgiven *= max(1.0, limits.WHOLE_VOICE_S.at / max(heard_s, 0.1))
        yield Finding(min((1 - alike) / forgiven, FATAL), f"another voice, alike by {alike:.2f} only")
    if shape.pitch_hz and reference.pitch_hz and heard_s >= limits.VOICED_S.at:
        times = max(shape.pitch_hz / reference.pitch_hz, reference.pitch_hz / shape.pitch_hz)
        higher = "higher" if shape.pitch_hz > reference.pitch_hz else "lower"
        yield Finding(limits.PITCH.badness_times(times), f"a voice {times:.1f} times {higher} than usual")
    times = shape.jumps_per_s / reference.jumps_per_s if reference.jumps_per_s else 1.0
    if heard_s >= limits.CUT_UP_S.at:
        yield Finding(limits.JUMPS.badness_times(times), f"cut to pieces: {shape.jumps_per_s:.0f} jumps a second")
    if heard_s >= limits.VOICED_S.at:
        slurred = f"slurred: {shape.jumps_per_s:.0f} jumps a second"
        yield Finding(limits.SLURRED.badness_times(1 / max(times, 0.1)), slurred)


# -- what was understood -----------------------------------------------------------------------------------------------


def _of_words(text: str, alignment: Alignment, transcript: Transcript) -> Iterator[Finding]:
    said = len(alignment.said)
    if not said:
        return
    if all(piece.kind not in FORGIVEN for piece in alignment.pieces):
        yield Finding(FATAL, f"not a word as it should be: {_quoted([word.text for word in alignment.heard])}")
    share = max(0, alignment.word_errors - 1) / said
    yield Finding(limits.ERRORS.badness(share), f"{alignment.word_errors} of {said} words were heard otherwise")
    loops = transcript.compression_ratio
    yield Finding(limits.COMPRESSION.badness_times(loops), "the same words again and again")
    twice = alignment.repeated
    yield Finding(limits.REPEATED.badness(twice), f"{_count(twice)} said twice")
    for gap in alignment.divergences:
        yield from _of_gap(text, alignment, gap)


def _of_gap(text: str, alignment: Alignment, gap: Sequence[Piece]) -> Iterator[Finding]:
    """From a stretch in which no word was heard as said."""
    said = alignment.said[gap[0].said_start : gap[-1].said_end]
    heard = alignment.heard[gap[0].heard_start : gap[-1].heard_end]
    at_head, at_tail = gap[0] is alignment.pieces[0], gap[-1] is alignment.pieces[-1]
    where = " at the beginning" if at_head else " at the end" if at_tail else ""
    missing, added = len(said) - len(heard), len(heard) - len(said)
    if said and heard:
        words = max(len(said), len(heard))
        yield Finding(limits.GAP.badness(words), f"{words} words differ{where}")
    unlike = unlikeness(_sound(said), _sound(heard), limits.UNLIKE) if said and heard else 1.0
    if unlike <= limits.MERGED:
        return  # nothing is missing: words ran together, or one was heard as two
    invented = [word.text for word in heard if not is_known(word.text)]
    if said and invented and unlike > limits.UNLIKE and all(is_common(word.text) for word in said):
        yield Finding(limits.INVENTED.badness(len(invented)), f"no words of a language{where}: {_quoted(invented)}")
    if missing > 0:
        limit = limits.MISSING_AT_AN_END if where else limits.MISSING
        lost = [
            word
            for piece in gap
            if piece.kind is Kind.DELETED
            for word in alignment.said[piece.said_start : piece.said_end]
        ]
        quoted = _quoted([text[word.start : word.end] for word in lost])
        rests_on = (lost[0].start, lost[-1].end) if at_head and not heard and missing <= limits.WITNESSED else None
        yield Finding(limit.badness(missing), f"{_count(missing)} missing{where}: {quoted}", rests_on)
    if added > 0:
        limit = limits.ADDED_AT_AN_END if where else limits.ADDED
        quoted = _quoted([word.text for word in heard])
        yield Finding(limit.badness(added), f"{_count(added)} too many{where}: {quoted}")


def _sound(words: Sequence[Word]) -> str:
    return "".join(outline(word.text) for word in words)


def _doubt(alignment: Alignment, transcript: Transcript, bad: bool) -> str:
    """Why words are no proof here; empty if they are."""
    if not bad:
        unsure = limits.UNSURE.badness(-transcript.average_log_probability)
        unsure = max(unsure, limits.NO_SPEECH.badness(transcript.no_speech))
        return "the recogniser is not sure of what it heard" if unsure >= 1 else ""
    if len(alignment.said) <= limits.SHORT and len(alignment.heard) <= 2 * limits.SHORT:
        return "too short to be sure"
    wrong = [
        alignment.said[i].text
        for piece in alignment.pieces
        if piece.kind not in FORGIVEN
        for i in range(piece.said_start, piece.said_end)
    ]
    rare = sum(not is_common(word) for word in wrong)
    if len(alignment.said) <= 6 and 2 * rare > len(wrong):
        return "mostly names"
    return ""


def _has_room(text: str, bad: Sequence[Finding], heard_s: float, reference: Reference) -> bool:
    """Whether the take is long enough for the words that were not heard, and too long without them."""
    if not heard_s or not all(one.lost for one in bad):
        return False
    kept = text
    for start, end in sorted((one.lost for one in bad if one.lost), reverse=True):
        kept = (kept[:start] + kept[end:]).lstrip(" \"'“‘.,;:!?—")
    far, far_without = (log(heard_s / (usual_s(one) * reference.pace)) for one in (text, kept))
    return (far_without**2 - far**2) / (2 * reference.pace_spread**2) >= limits.ROOM


def _count(words: int) -> str:
    return "1 word" if words == 1 else f"{words} words"


def _quoted(words: Sequence[str]) -> str:
    shown = " ".join(words[:SHOWN])
    return f"'{shown}{' …' if len(words) > SHOWN else ''}'"
