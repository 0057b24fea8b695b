"""The bench of defects: seeded, so that a take that was heard is known again; intervals; the rules of two peers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the maya1 extra is not installed")
pytest.importorskip("espeakng_loader", reason="the dev extra is not installed")

from bench.broken_audio import Spoken, Studio
from bench.defect_kinds import KINDS
from bench.defects import wilson
from bench.peers import audicle, tts_audiobook_tool
from rhapsode.model import Audio

RATE_HZ = 24_000
SENTENCES = ("The old man went slowly down to the sea.", "He had a boat there, and no fish.")
TEXT = " ".join(SENTENCES)


def say(text: str, speed: float = 1.0) -> Audio:
    """Noise that comes and goes, another for each text, 200 ms a letter."""
    rng = np.random.default_rng(len(text))
    wave = rng.normal(0, 3000, int(0.2 * RATE_HZ * len(text) / speed))
    return Audio((wave * np.abs(np.sin(np.arange(len(wave)) / 3000))).astype(np.int16), RATE_HZ)


TAKES = [Spoken(TEXT, SENTENCES, say(TEXT)), *(Spoken(one, (one,), say(one)) for one in SENTENCES)]
STUDIO = Studio(TAKES, say, lambda rng: Spoken("Hello.", ("Hello.",), Audio(rng.integers(-9, 9, 999, "i2"), RATE_HZ)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_is_another_take_and_the_same_for_the_same_seed(kind: str) -> None:
    spoiled = [KINDS[kind](TAKES[0], STUDIO, np.random.default_rng(seed)) for seed in (5, 5)]
    one, again = (take for take in spoiled if take)
    assert (one.text, one.audio.sample_rate_hz) == (again.text, RATE_HZ)
    assert np.array_equal(one.audio.samples, again.audio.samples)
    assert not np.array_equal(one.audio.samples, TAKES[0].audio.samples)
    assert one.text == (TEXT if kind != "slipped frames" else "Hello.")


def test_what_a_take_has_not_cannot_be_spoiled() -> None:
    single = Spoken("No.", ("No.",), say("No."))
    rng = np.random.default_rng(1)
    without = ("sentence skipped", "phrase repeated", "first word missing", "last word missing", "made-up words")
    assert [KINDS[kind](single, STUDIO, rng) for kind in without] == [None] * len(without)


def test_the_interval_holds_what_was_seen() -> None:
    assert wilson(20, 20) == pytest.approx((0.839, 1.0), abs=0.001)
    assert wilson(0, 100) == pytest.approx((0.0, 0.037), abs=0.001)
    assert wilson(297, 300) == pytest.approx((0.971, 0.997), abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_rules_of_peers() -> None:
    said = [f"word{i}" for i in range(25)]
    three, four = [*said[:22], "x", "y", "z"], [*said[:21], "w", "x", "y", "z"]
    assert tts_audiobook_tool(said, three) <= 1 < tts_audiobook_tool(said, four)
    nine, eight_run, seven_run = said[9:], [*said[:10], *said[18:]], [*said[:10], *said[17:]]
    assert audicle(said, nine) > 1 and audicle(said, said) == 0
    assert audicle(said, seven_run) <= 1 < audicle(said, eight_run)
