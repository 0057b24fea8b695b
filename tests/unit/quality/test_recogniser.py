"""The recogniser: real tiny.en hears real speech, whole, and the same whatever it has heard before or hears beside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.model import Audio
from rhapsode.quality import recogniser, whispers
from rhapsode.quality.recogniser import EAR_HZ, Recogniser, at_ear_rate, load_recogniser, window_of
from rhapsode.quality.whispers import find_whisper
from tests.unit.quality.conftest import SENTENCES

RATE = 24_000


def joined(takes: list[Audio]) -> Audio:
    pause = np.zeros(RATE // 3, np.int16)
    return Audio(np.concatenate([part for take in takes for part in (take.samples, pause)]), RATE)


def plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ")


def test_words_are_heard(ear: Recogniser, spoken: list[Audio]) -> None:
    for text, audio in zip(SENTENCES, spoken, strict=True):
        heard = ear.hear(audio)
        assert plain(heard.text).replace("harbor ", "harbour ") == plain(text)
        assert -1.0 < heard.average_log_probability < 0
        assert heard.no_speech < 0.2
        assert heard.compression_ratio < 2
        assert heard.recogniser == ear.name


def test_a_take_is_heard_alike_whatever_is_heard_before_and_beside_it(ear: Recogniser, spoken: list[Audio]) -> None:
    takes = [*spoken, Audio(np.zeros(RATE, np.int16), RATE)]
    first = [ear.hear(take) for take in takes]
    assert [ear.hear(take) for take in reversed(takes)] == first[::-1]
    both = Recogniser(find_whisper("tiny.en"), threads=2)
    for one in (ear, both):
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(one.hear, takes)) == first


HEAR = """
import json, sys, numpy as np
from dataclasses import asdict
from rhapsode.model import Audio
from rhapsode.quality.recogniser import load_recogniser
print(json.dumps(asdict(load_recogniser().hear(Audio(np.load(sys.argv[1]), 24_000)))))
"""


def test_another_process_with_other_threads_hears_the_same_and_says_nothing(
    ear: Recogniser, spoken: list[Audio], tmp_path: Path
) -> None:
    """BLAS rounds by the number of its threads, so nothing may be left to it."""
    np.save(tmp_path / "take.npy", spoken[1].samples)
    expected = asdict(ear.hear(spoken[1]))
    for count in ("1", "2"):
        given = os.environ | {"OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count}
        command = [sys.executable, "-W", "always", "-c", HEAR, str(tmp_path / "take.npy")]
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=True, timeout=120)
        assert json.loads(done.stdout) == expected
        assert done.stderr == ""


def test_features_are_those_of_faster_whisper_but_for_rounding(ear: Recogniser, spoken: list[Audio]) -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    wave = at_ear_rate(spoken[0])
    ours, theirs = (one(wave, padding=0) for one in (ear._model.feature_extractor, FeatureExtractor()))
    assert ours.shape == theirs.shape == (80, len(wave) // 160)
    assert np.abs(ours - theirs).max() < 1e-5


def test_a_take_longer_than_a_window_is_heard_whole(ear: Recogniser, spoken: list[Audio]) -> None:
    long = joined(spoken * 5)
    assert long.duration_s > 60
    heard = plain(ear.hear(long).text)
    for last in ("struck four", "of the tide", "in her hand", "in the morning"):
        assert heard.count(last) == 5


def test_what_was_overlooked_is_heard_on_its_own(
    ear: Recogniser, spoken: list[Audio], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the first listening ends after a sentence and says that more follows."""
    take = joined(spoken[:2])
    whole, pause = ear.hear(take), round(spoken[0].duration_s + 0.2) * EAR_HZ
    ends = iter([pause, len(at_ear_rate(take)) - pause])
    monkeypatch.setattr(ear, "_end", lambda ids, length: next(ends))
    assert plain(ear.hear(take).text).endswith(plain(whole.text)[-30:])
    assert not list(ends)


def test_where_it_goes_on(ear: Recogniser) -> None:
    first, length = ear._tokenizer.timestamp_begin, 20 * EAR_HZ
    ended = {
        (first, 11, first + 600): length,  # one timestamp: all was understood
        (first, 11, first + 600, first + 600): 12 * EAR_HZ,
        (first, 11, first + 600, first + 600, 12): length,
        (first, 11, first + 1200, first + 1200): length,  # behind the end
        (first, 11, first + 10, first + 10): length,  # hardly a step: it would never come to an end
        (11,): length,
        (): length,
    }
    assert {ids: ear._end(list(ids), length) for ids in ended} == ended


def test_silence_behind_the_speech_is_not_listened_to(ear: Recogniser, spoken: list[Audio]) -> None:
    silent = np.zeros(40 * RATE, np.int16)
    silent[::1000] = 90  # a noise floor
    heard = ear.hear(Audio(np.concatenate([spoken[0].samples, silent]), RATE))
    words, said = plain(heard.text).split(), plain(SENTENCES[0]).split()
    # The window is longer than the sentence alone has, and some processors round a word of it otherwise.
    assert words[:5] == said[:5] and len(words) <= len(said) + 1, "nothing is heard in the silence"


@given(st.integers(1, 28 * EAR_HZ))
def test_a_window_is_whole_seconds_and_silent_at_its_end(length: int) -> None:
    window = window_of(np.zeros(length, np.float32))
    assert window in range(20 * EAR_HZ, 30 * EAR_HZ + 1, EAR_HZ)
    assert window - length >= 2 * EAR_HZ


def test_where_nobody_speaks_the_probabilities_say_so(ear: Recogniser) -> None:
    """Whisper writes "You" or "Thank you for watching!" there."""
    noise = np.random.default_rng(7).normal(0, 3000, 4 * RATE).astype(np.int16)
    hum = np.rint(8000 * np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE)).astype(np.int16)
    for samples in (np.zeros(4 * RATE, np.int16), np.zeros(1, np.int16), noise, hum):
        heard = ear.hear(Audio(samples, RATE))
        assert heard.no_speech > 0.6
        assert heard.average_log_probability < -0.5
        assert len(heard.text) < 30


def test_nothing_is_heard_of_nothing(ear: Recogniser) -> None:
    heard = ear.hear(Audio(np.zeros(0, np.int16), RATE))
    assert (heard.text, heard.no_speech, heard.average_log_probability, heard.compression_ratio) == ("", 1.0, 0.0, 0.0)


def test_a_loop_compresses_well(ear: Recogniser, spoken: list[Audio]) -> None:
    assert ear.hear(joined([spoken[0]] * 9)).compression_ratio > 3


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_any_sample_rate(rate: int) -> None:
    seconds = np.arange(rate) / rate
    wave = at_ear_rate(Audio(np.rint(8192 * np.sin(2 * np.pi * 300 * seconds)).astype(np.int16), rate))
    assert wave.dtype == np.float32 and len(wave) == EAR_HZ
    assert np.abs(wave[1000:-1000]).max() == pytest.approx(0.25, abs=0.01)
    assert np.abs(np.fft.rfft(wave)).argmax() == 300


def test_it_needs_no_network(monkeypatch: pytest.MonkeyPatch, spoken: list[Audio]) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("it called somebody")

    before = dict(os.environ)
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert Recogniser(find_whisper("tiny.en"), threads=1).hear(spoken[0]).text
    assert dict(os.environ) == before


def test_it_is_loaded_once_by_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Slow(Recogniser):
        def __init__(self, whisper: whispers.Whisper, threads: int) -> None:
            made.append(whisper.name)
            threading.Event().wait(0.05)

    monkeypatch.setattr(recogniser, "Recogniser", Slow)
    monkeypatch.setattr(recogniser, "_loaded", {})
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: load_recogniser(), range(8)))) == 1
    assert len(made) == 1
