from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.engines.tone import SAMPLE_RATE_HZ, Tone
from rhapsode.errors import SynthesisFailed
from rhapsode.model import Audio, Samples, Sampling, Utterance, Voice
from rhapsode.quality.signal import measure

TEXT = "The tide clock had stopped again, and nobody on the island could say when."


def say(text: str = TEXT, seed: int = 1, speed: float = 1.0) -> Samples:
    with Tone().session() as session:
        (take,) = session.speak([Utterance(text, Voice("tone"), Sampling(speed=speed), seed, 1, "key")])
    assert take.audio is not None
    return take.audio.samples


def test_length_is_that_of_speech():
    seconds = len(say()) / SAMPLE_RATE_HZ
    assert len(TEXT) / 18 < seconds < len(TEXT) / 12


def test_length_follows_text_and_speed():
    edges = round(0.08 * SAMPLE_RATE_HZ) + round(0.15 * SAMPLE_RATE_HZ)
    assert len(say(TEXT * 4)) - edges == 4 * (len(say(TEXT)) - edges)
    assert len(say(speed=2.0)) - edges == (len(say()) - edges) / 2


def test_level_is_that_of_a_book_and_edges_are_silent():
    measures = measure(Audio(say(), SAMPLE_RATE_HZ))
    assert -23 < measures.rms_dbfs < -16
    assert -15 < measures.peak_dbfs < -3
    assert 0.07 <= measures.leading_silence_s <= 0.09
    assert 0.14 <= measures.trailing_silence_s <= 0.16


def test_samples_are_pinned():
    """The same on every machine; where they must change, so does the digest of the constants."""
    assert hashlib.sha256(say("ab", seed=7).astype("<i2").tobytes()).hexdigest()[:16] == "60a4f54bd27c4f78"


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(
        st.text(min_size=1).filter(lambda t: any(c.isalnum() for c in t)), min_size=2, max_size=2, unique=True
    )
)
def test_another_text_is_other_audio(texts):
    first, second = map(say, texts)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("text", ["", " ", "* * *", "…", "—"])
def test_nothing_to_say(text):
    with pytest.raises(SynthesisFailed, match="Nothing to say"):
        say(text)


def test_digest_is_of_its_constants(monkeypatch):
    before = Tone().stack.weights_digest
    assert before == Tone().stack.weights_digest
    monkeypatch.setattr("rhapsode.engines.tone.BASE_HZ", 111.0)
    assert Tone().stack.weights_digest != before


def test_stack_records_the_machine():
    stack = Tone().stack
    assert replace(stack, libraries={}, host="", weights_digest="") == replace(
        stack, engine="tone", slots=1, threads=1, precision="int16", libraries={}, host="", weights_digest=""
    )
    assert stack.libraries["numpy"] == np.__version__ and stack.host
