"""Every reason can fire and can stay silent, and the verdict is a function of the take and of its book alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rhapsode.model import FinishReason, Measures, Reference, Transcript, Verdict
from rhapsode.quality import limits
from rhapsode.quality.judge import judge_take, wants_second_opinion
from rhapsode.quality.outright import outright
from rhapsode.quality.reference import usual_s
from rhapsode.settings import Strictness
from tests.unit.quality.takes import OTHER_VOICE, REFERENCE, SHAPE, TEXT, TOKENS, good, heard_as, signal_of

EXPECTED_S = usual_s(TEXT)


def shaped(**changed: Any) -> Measures:
    return replace(good(), shape=replace(SHAPE, **changed))


def levelled(heard_s: float = EXPECTED_S, **changed: Any) -> Measures:
    return replace(good(), signal=signal_of(heard_s, **changed))


def told(**changed: Any) -> Measures:
    return replace(good(), tokens=replace(TOKENS, **changed))


BY_ITSELF: dict[str, tuple[Measures, Measures, str]] = {
    "finish": (replace(good(), finish=FinishReason.LOOP), good(), "ended by loop"),
    "silent": (levelled(rms_dbfs=-90.0), levelled(rms_dbfs=-45.0), "silent"),
    "edge": (levelled(leading_silence_s=2.5), levelled(trailing_silence_s=1.0), "at an edge"),
    "far too long": (levelled(3 * EXPECTED_S), levelled(EXPECTED_S), "s of speech for a text of about"),
    "far too short": (levelled(0.2 * EXPECTED_S), levelled(EXPECTED_S), "s of speech for a text of about"),
    "clipped": (shaped(clipped_samples=60), shaped(clipped_samples=3), "clipped"),
    "dc": (shaped(dc=-0.2), shaped(dc=0.01), "off centre by 20%"),
    "hole": (shaped(internal_silence_s=2.4), shaped(internal_silence_s=0.9), "silent for 2.4 s in the middle"),
    "noise": (shaped(noise_s=0.8), shaped(noise_s=0.15), "noise for 0.8 s"),
    "drone": (shaped(drone_s=2.0), shaped(drone_s=0.4), "a drone for 2.0 s"),
    "cut": (shaped(tail_db=-1.0), shaped(tail_db=-30.0), "cut off"),
    "begun": (shaped(head_db=2.0), shaped(head_db=-30.0), "begins in the middle"),
    "strays": (told(stray_tokens=1), told(stray_tokens=0), "out of step"),
    "stretch": (told(coarse_run=40), told(coarse_run=10), "one sound held for 40 frames"),
    "circle": (told(repeated_frames=50), told(repeated_frames=10), "in a circle"),
    "mass": (told(legal_mass_median=0.2), told(legal_mass=0.2), "20.0% of the probability"),
}
BY_THE_BOOK: dict[str, tuple[Measures, Measures, str]] = {
    "slow": (levelled(1.8 * EXPECTED_S), levelled(1.1 * EXPECTED_S), "longer than usual"),
    "fast": (levelled(0.55 * EXPECTED_S), levelled(0.9 * EXPECTED_S), "shorter than usual"),
    "voice": (replace(good(), voice=OTHER_VOICE), replace(good(), voice=None), "another voice, alike by 0.60"),
    "pitch": (shaped(pitch_hz=90.0), shaped(pitch_hz=None), "2.0 times lower"),
    "jumps": (shaped(jumps_per_s=30.0), shaped(jumps_per_s=12.0), "cut to pieces"),
}


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_a_take_tells_by_itself(name: str) -> None:
    bad, fine, reason = BY_ITSELF[name]
    assert any(reason in one for one in outright(TEXT, bad))
    assert outright(TEXT, fine) == ()
    for reference in (None, REFERENCE):
        judged = judge_take(TEXT, bad, reference, Strictness.NORMAL)
        assert judged.verdict is Verdict.FAIL and any(reason in one for one in judged.reasons)
        assert judge_take(TEXT, fine, reference, Strictness.NORMAL).reasons == ()


@pytest.mark.parametrize("name", BY_THE_BOOK)
def test_what_only_its_book_tells(name: str) -> None:
    bad, fine, reason = BY_THE_BOOK[name]
    judged = judge_take(TEXT, bad, REFERENCE, Strictness.NORMAL)
    assert judged.verdict is Verdict.FAIL and any(reason in one for one in judged.reasons)
    assert judge_take(TEXT, fine, REFERENCE, Strictness.NORMAL).reasons == ()
    assert judge_take(TEXT, bad, None, Strictness.NORMAL).reasons == ()


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        ("", "not a word as it should be"),
        ("Looked up from his book, and saw the carriage coming slowly over the hill.", "1 word missing at the beg"),
        ("He looked up from his book, and saw the carriage coming slowly over the.", "missing at the end: 'hill'"),
        ("He looked up from his book, and saw the carriage coming slowly.", "3 words missing at the end: 'over the h"),
        ("He looked up from his book coming slowly over the hill.", "4 words missing: 'and saw the carriage'"),
        (f"A calm male voice. {TEXT}", "4 words too many at the beginning: 'a calm male voice'"),
        (f"{TEXT} Thank you very much.", "4 words too many at the end"),
        (f"He looked up from his book, up from his book, {TEXT[28:]}", "4 words said twice"),
        ("He looked up from his cook, and sew a marriage humming lowly over the hill.", "words differ"),
        ("It fooled a prom his book, hands of a garage loving sorely ova the hill.", "words were heard otherwise"),
        (
            "He looked up from his book, and saw the frobbleblum coming slowly over the hill.",
            "of a language: 'frobbleblum'",
        ),
    ],
)
def test_what_was_heard(heard: str, reason: str) -> None:
    judged = judge_take(TEXT, good(heard=heard), REFERENCE, Strictness.NORMAL)
    assert judged.verdict is Verdict.FAIL
    assert any(reason in one for one in judged.reasons), judged.reasons


@pytest.mark.parametrize(
    "heard",
    [
        TEXT,
        "he looked up from his book and saw the carriage coming slowly over the hill",
        "He looked up from his book and saw a carriage coming slowly over the hill.",
        "He looked up from his book and saw the carriage coming over the hill.",
        "He looked up from his book and saw the wardrobe coming slowly over the hill.",
        "He looked up from his book ann saw the carriage coming slowly over the hill.",
    ],
)
def test_what_is_forgiven(heard: str) -> None:
    assert judge_take(TEXT, good(heard=heard), REFERENCE, Strictness.NORMAL).verdict is Verdict.PASS


def test_a_transcript_that_loops() -> None:
    looped = replace(good(), transcript=heard_as(TEXT, compression_ratio=3.0))
    assert "again and again" in judge_take(TEXT, looped, REFERENCE, Strictness.NORMAL).reasons[0]


def test_where_the_recogniser_is_out_of_its_depth_the_verdict_is_open() -> None:
    unsure = replace(good(), transcript=heard_as(TEXT, average_log_probability=-1.4))
    for text, measures in (
        ("Hark!", good("Hark!", "Bananas.")),
        ("Ukridge, Featherstonehaugh, Muspratt.", good("Ukridge, Featherstonehaugh, Muspratt.", "Purple, lemonade.")),
        (TEXT, unsure),
    ):
        judged = judge_take(text, measures, REFERENCE, Strictness.NORMAL)
        assert judged.verdict is Verdict.INCONCLUSIVE, judged
        assert judged.reasons
        spoiled = replace(measures, finish=FinishReason.LOOP)
        assert judge_take(text, spoiled, REFERENCE, Strictness.NORMAL).verdict is Verdict.FAIL


def test_a_take_that_is_as_long_as_with_its_first_word_is_left_open() -> None:
    text = "Algernon. " + TEXT
    for spoken, verdict in ((text, Verdict.INCONCLUSIVE), (TEXT, Verdict.FAIL)):
        take = replace(good(text, TEXT), signal=signal_of(usual_s(spoken)))
        judged = judge_take(text, take, REFERENCE, Strictness.NORMAL)
        assert judged.verdict is verdict, judged
        assert "1 word missing at the beginning: 'Algernon'" in judged.reasons
        assert judge_take(text, take, None, Strictness.NORMAL).verdict is Verdict.FAIL
    spoiled = replace(good(text, TEXT), finish=FinishReason.BUDGET)
    assert judge_take(text, spoiled, REFERENCE, Strictness.NORMAL).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("second", "verdict", "reason"),
    [
        (heard_as(TEXT, recogniser="larger@1"), Verdict.PASS, "second opinion: larger heard nothing wrong"),
        (heard_as("The cat sat there.", recogniser="larger@1"), Verdict.FAIL, "second opinion: so larger heard it"),
        (
            heard_as(TEXT, average_log_probability=-1.2, recogniser="larger@1"),
            Verdict.INCONCLUSIVE,
            "second opinion: larger cannot tell either",
        ),
    ],
)
@pytest.mark.parametrize("reference", [None, REFERENCE])
def test_a_second_opinion_decides_what_the_first_leaves_open(
    second: Transcript, verdict: Verdict, reason: str, reference: Reference | None
) -> None:
    unsure = replace(good(), transcript=heard_as(TEXT, average_log_probability=-1.4), second=second)
    assert wants_second_opinion(TEXT, unsure)
    judged = judge_take(TEXT, unsure, reference, Strictness.NORMAL)
    assert (judged.verdict, judged.reasons[-1]) == (verdict, reason)
    alone = judge_take(TEXT, replace(unsure, transcript=second, second=None), reference, Strictness.NORMAL)
    assert (judged.score, judged.reasons[:-1]) == (alone.score, alone.reasons)
    looped = replace(unsure, finish=FinishReason.LOOP)
    assert not wants_second_opinion(TEXT, looped)
    assert judge_take(TEXT, looped, reference, Strictness.NORMAL).reasons == ("ended by loop",)


@pytest.mark.parametrize("heard", [TEXT, "The cat sat there."])
def test_where_the_first_is_sure_nobody_else_counts(heard: str) -> None:
    take = good(heard=heard)
    second = heard_as("The cat sat there." if heard == TEXT else TEXT)
    assert not wants_second_opinion(TEXT, take)
    for strictness in Strictness:
        alone = judge_take(TEXT, take, REFERENCE, strictness)
        assert judge_take(TEXT, replace(take, second=second), REFERENCE, strictness) == alone


def test_first_words_that_the_length_may_vouch_for_are_heard_twice() -> None:
    """Without its book such a take fails; by it, it is left open, and then the second one is needed."""
    text = "Algernon. " + TEXT
    take = replace(good(text, TEXT), signal=signal_of(usual_s(text)))
    assert judge_take(text, take, None, Strictness.NORMAL).verdict is Verdict.FAIL
    assert wants_second_opinion(text, take)
    both = replace(take, second=heard_as(text))
    assert judge_take(text, both, REFERENCE, Strictness.NORMAL).verdict is Verdict.PASS
    assert judge_take(text, both, None, Strictness.NORMAL).verdict is Verdict.FAIL


def test_what_was_not_listened_to_is_judged_by_the_rest() -> None:
    unheard = replace(good(), transcript=None)
    assert judge_take(TEXT, unheard, REFERENCE, Strictness.NORMAL).verdict is Verdict.PASS
    assert judge_take(TEXT, unheard, None, Strictness.NORMAL).verdict is Verdict.PASS
    assert judge_take(TEXT, replace(unheard, voice=OTHER_VOICE), REFERENCE, Strictness.NORMAL).reasons


def test_strictness_moves_all_limits_at_once() -> None:
    borderline = shaped(noise_s=limits.NOISE_S.at)
    verdicts = {at: judge_take(TEXT, borderline, REFERENCE, at).verdict for at in Strictness}
    assert verdicts[Strictness.LOW] is Verdict.PASS
    assert verdicts[Strictness.NORMAL] is Verdict.FAIL
    a_little = shaped(noise_s=0.8 * limits.NOISE_S.at)
    assert judge_take(TEXT, a_little, REFERENCE, Strictness.NORMAL).verdict is Verdict.PASS
    assert judge_take(TEXT, a_little, REFERENCE, Strictness.HIGH).verdict is Verdict.FAIL


def test_the_score_grows_with_everything_that_is_wrong() -> None:
    def score(measures: Measures) -> float:
        return judge_take(TEXT, measures, REFERENCE, Strictness.NORMAL).score

    noisy, noisier = shaped(noise_s=0.5), shaped(noise_s=1.0)
    both = shaped(noise_s=1.0, internal_silence_s=2.0)
    assert 0 == score(good()) < 1 <= score(noisy) < score(noisier) < score(both)
    assert score(replace(both, finish=FinishReason.BUDGET)) > score(both)
    one_word = good(heard=TEXT[3:])
    assert score(one_word) < score(good(heard="Something else entirely was said."))


def test_the_gravest_reason_comes_first() -> None:
    bad = replace(shaped(noise_s=0.35), finish=FinishReason.LOOP)
    assert judge_take(TEXT, bad, REFERENCE, Strictness.NORMAL).reasons[0] == "ended by loop"


def test_names_that_the_book_spells_its_own_way_are_forgiven() -> None:
    text = "Featherstonehaugh and Muspratt went."
    odd = good(text, "Marmalade and oranges went.")
    taught = replace(REFERENCE, spellings={"featherstonehaugh": ("marmalade",), "muspratt": ("oranges",)})
    assert judge_take(text, odd, taught, Strictness.HIGH).reasons == ()
    assert judge_take(text, odd, REFERENCE, Strictness.HIGH).reasons


def test_a_text_without_words_can_be_judged() -> None:
    for text in ("", "* * *"):
        assert judge_take(text, good(TEXT), None, Strictness.NORMAL).verdict in Verdict


def test_a_short_take_may_be_cut_to_pieces() -> None:
    said = "But, professor."
    usual_take = replace(good(heard=said), signal=signal_of(1.2))
    assert not judge_take(said, usual_take, REFERENCE, Strictness.NORMAL).reasons
    broken = replace(usual_take, shape=replace(SHAPE, jumps_per_s=30.0))
    assert "cut to pieces" in judge_take(said, broken, REFERENCE, Strictness.NORMAL).reasons[0]
    shorter = replace(broken, signal=signal_of(0.9))
    assert not any("pieces" in reason for reason in judge_take(said, shorter, REFERENCE, Strictness.NORMAL).reasons)
