from __future__ import annotations

import numpy as np
import pytest

from rhapsode.audio.likeness import ALIKE, likeness
from rhapsode.audio.loudness import QUIETEST_DB
from rhapsode.model import Samples
from tests.unit.audio.conftest import RATE, sine


def with_edges(wave: Samples, before_s: float = 0.05, after_s: float = 0.05) -> Samples:
    return np.pad(wave, (round(before_s * RATE), round(after_s * RATE)))


def test_a_take_is_like_itself_at_any_level_and_place(speech: list[Samples]) -> None:
    for take in speech:
        found = likeness(with_edges(take // 5), take)
        assert found is not None
        assert found.correlation == pytest.approx(1.0, abs=0.01)
        assert found.level_db == pytest.approx(-13.98, abs=0.1)


def test_takes_are_not_like_each_other(speech: list[Samples]) -> None:
    for number, take in enumerate(speech):
        for other in speech[:number] + speech[number + 1 :]:
            found = likeness(with_edges(other), take)
            assert found is not None and found.correlation < ALIKE / 2


def test_half_a_take_with_another_is_less_like_it(speech: list[Samples]) -> None:
    half = len(speech[0]) // 2
    mixed = np.concatenate([speech[0][:half], speech[1][:half]])
    found = likeness(with_edges(mixed), speech[0])
    assert found is not None and found.correlation < 0.9


def test_nothing_is_like_silence_and_silence_like_nothing() -> None:
    assert likeness(sine(200, 1.0), np.zeros(RATE, np.int16)) is None
    assert likeness(np.zeros(RATE, np.int16), sine(200, 1.0)) == (0.0, QUIETEST_DB)
    assert likeness(np.zeros(0, np.int16), sine(200, 1.0)) == (0.0, QUIETEST_DB)
