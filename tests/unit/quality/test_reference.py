"""What is usual in a book hangs on the set of its takes: not on their order, and not on a few that are bad."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rhapsode.model import Measures, Reference, Verdict
from rhapsode.quality.judge import judge_take
from rhapsode.quality.limits import VOICED_S
from rhapsode.quality.reference import USUAL_SPREAD, reference_of, usual_s
from rhapsode.settings import Strictness
from tests.unit.quality.takes import SHAPE, TEXT, good, heard_as, signal_of

Taken = tuple[str, Measures]
PACE = 1.1


def unit(vector: np.ndarray) -> tuple[float, ...]:
    return tuple((vector / np.linalg.norm(vector)).tolist())


def takes(count: int, pace: float = PACE, seed: int = 0) -> list[Taken]:
    """Of other texts each, in one voice, spoken at about one pace."""
    rng = np.random.default_rng(seed)
    voice = np.ones(16)
    made = []
    for i in range(count):
        text = f"{TEXT} And so on, {'again and ' * (i % 7)}for the {i}th time."
        signal = signal_of(usual_s(text) * pace * float(np.exp(rng.normal(0, 0.05))))
        shape = replace(SHAPE, pitch_hz=float(rng.normal(180, 5)), jumps_per_s=float(rng.normal(11, 1)))
        heard = heard_as(text)
        made.append((text, Measures(good().finish, signal, shape, None, heard, unit(voice + rng.normal(0, 0.2, 16)))))
    return made


def spoiled(taken: Taken) -> Taken:
    """Gibberish in another voice, much too long."""
    text, measures = taken
    return text, replace(
        measures,
        signal=signal_of(4 * usual_s(text)),
        shape=replace(SHAPE, pitch_hz=90.0, jumps_per_s=30.0),
        transcript=heard_as("blah blah blah"),
        voice=unit(-np.ones(16)),
    )


def test_the_order_of_the_takes_does_not_matter_bit_for_bit() -> None:
    ordered = takes(60)
    shuffled = [ordered[i] for i in np.random.default_rng(1).permutation(60)]
    assert repr(reference_of(ordered)) == repr(reference_of(shuffled)) == repr(reference_of(iter(ordered[::-1])))
    judged = [judge_take(*ordered[7], reference_of(some), Strictness.NORMAL) for some in (ordered, shuffled)]
    assert judged[0] == judged[1]


def test_a_take_that_is_there_twice_counts_once() -> None:
    ordered = takes(9)
    assert reference_of([*ordered, *ordered]) == reference_of(ordered)


def test_it_finds_what_is_usual() -> None:
    found = reference_of(takes(100))
    assert found.takes == 100
    assert found.pace == pytest.approx(PACE, rel=0.02)
    assert 0.03 < found.pace_spread < 0.08
    assert found.voice is not None and np.dot(found.voice, unit(np.ones(16))) > 0.99
    assert 0.9 < found.voice_floor < 0.99
    assert found.pitch_hz == pytest.approx(180, abs=3)
    assert found.jumps_per_s == pytest.approx(11, abs=0.5)


def test_one_bad_take_in_ten_hardly_moves_it() -> None:
    clean = takes(100)
    mixed = [spoiled(one) if i % 10 == 0 else one for i, one in enumerate(clean)]
    before, after = reference_of(clean), reference_of(mixed)
    assert after.pace == pytest.approx(before.pace, rel=0.02)
    assert after.pace_spread == pytest.approx(before.pace_spread, abs=0.02)
    assert np.dot(after.voice or (), before.voice or ()) > 0.995
    assert after.voice_floor == pytest.approx(before.voice_floor, abs=0.03)
    assert after.spellings == before.spellings == {}
    verdicts = [judge_take(*one, after, Strictness.NORMAL).verdict for one in mixed]
    assert [verdict is Verdict.FAIL for verdict in verdicts] == [i % 10 == 0 for i in range(100)]


def test_a_few_long_odd_takes_do_not_convict_a_book_of_short_ones() -> None:
    """Heard: thirty lines of 1.7 s were cut to pieces, as two slurred sentences of 5 s had jumped half as often."""
    said = "Anna lit the lamp on the quay."
    shape = replace(SHAPE, jumps_per_s=11.0)
    short = replace(good(said), signal=signal_of(usual_s(said)), shape=shape, transcript=heard_as(said))
    lines = [(said, replace(short, signal=signal_of(usual_s(said) + i / 100))) for i in range(10)]
    odd = (TEXT, replace(good(), shape=replace(SHAPE, jumps_per_s=5.0)))
    found = reference_of([*lines, odd])
    assert short.signal.heard_s < VOICED_S.at <= odd[1].signal.heard_s
    assert found.jumps_per_s == 11.0
    assert {judge_take(*one, found, Strictness.NORMAL).verdict for one in lines} == {Verdict.PASS}
    cut_up = replace(short, shape=replace(SHAPE, jumps_per_s=22.0))
    assert judge_take(said, cut_up, found, Strictness.NORMAL).verdict is Verdict.FAIL


def test_names_are_learnt() -> None:
    names = [(f"Then Featherstonehaugh said {word}.", word) for word in ("yes", "no", "maybe", "good", "well", "never")]
    heard = [(text, replace(good(text), transcript=heard_as(f"Then marmalade said {word}."))) for text, word in names]
    assert reference_of(heard).spellings == {"featherstonehaugh": ("marmalade",)}


def test_it_is_defined_for_one_take_and_for_none() -> None:
    none = reference_of([])
    assert none == Reference(0, 1.0, USUAL_SPREAD, None, none.voice_floor, None, None, {})
    one = takes(1)
    assert reference_of(one).takes == 1
    assert judge_take(*one[0], reference_of(one), Strictness.NORMAL).verdict is Verdict.PASS
    silent = (TEXT, replace(good(), signal=signal_of(0.0), transcript=None, voice=None))
    assert reference_of([silent]).pace == 1.0


def test_takes_without_transcript_or_voice_still_tell_the_pace() -> None:
    unheard = [(text, replace(measures, transcript=None, voice=None)) for text, measures in takes(20)]
    found = reference_of(unheard)
    assert found.pace == pytest.approx(PACE, rel=0.03)
    assert found.voice is None
