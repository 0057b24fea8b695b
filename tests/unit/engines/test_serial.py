from __future__ import annotations

import time

import numpy as np
import pytest

from rhapsode.engines.serial import serial_session, speed_of
from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import Sampling, Utterance, Voice


def utterances(count: int) -> list[Utterance]:
    return [Utterance(f"text {i}", Voice("any"), Sampling(), i, 1, str(i)) for i in range(count)]


def slow(utterance: Utterance) -> np.ndarray:
    time.sleep(0.02)
    return np.full(8, utterance.seed, np.int16)


def test_takes_are_lazy_in_order_and_timed():
    spoken = []
    with serial_session(lambda one: (spoken.append(one.key), slow(one))[1], 8000) as session:
        takes = session.speak(utterances(3))
        assert spoken == []
        first = next(takes)
        assert spoken == ["0"]
        assert [take.utterance.key for take in takes] == ["1", "2"]
    assert first.audio is not None and first.audio.sample_rate_hz == 8000
    assert 0.02 <= first.elapsed_s < 5


def test_a_session_ends_with_an_error_inside():
    with pytest.raises(KeyError), serial_session(slow, 8000) as session:
        raise KeyError
    with pytest.raises(RuntimeError, match="this session is over"):
        session.speak([])


def test_what_cannot_be_spoken_is_known_by_its_key():
    def picky(utterance: Utterance) -> np.ndarray:
        if utterance.key == "1":
            raise SynthesisFailed("No sound for it.", "Respell it.")
        return slow(utterance)

    with serial_session(picky, 8000) as session:
        takes = session.speak(utterances(3))
        assert next(takes).utterance.key == "0"
        with pytest.raises(SynthesisFailed, match="No sound for it") as failed:
            next(takes)
    assert failed.value.key == "1"


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_speeds_in_range(speed):
    assert speed_of(Sampling(speed=speed), "any") == speed


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(speed=0.49),
        Sampling(speed=2.01),
        Sampling(speed=float("nan")),
        Sampling(speed=1.0, temperature=0.4),
        Sampling(speed=1.0, top_p=0.9),
        Sampling(speed=1.0, repetition_penalty=1.1),
    ],
)
def test_other_sampling_is_refused(sampling):
    with pytest.raises(BadRequest, match="speed"):
        speed_of(sampling, "any")
