from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhapsode.model import Audio
from rhapsode.quality import signal
from rhapsode.quality.signal import FLOOR_DBFS, SILENCE_DBFS, WINDOW_S, measure

RATE = 24_000
WINDOW = round(WINDOW_S * RATE)


def sine(seconds: float, amplitude: float) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    return np.rint(wave).astype(np.int16)


def quiet(seconds: float, level: int = 0) -> np.ndarray:
    return np.full(round(seconds * RATE), level, np.int16)


def test_levels_of_a_sine():
    measures = measure(Audio(sine(2.0, 16384), RATE))
    assert measures.duration_s == 2.0
    assert measures.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert measures.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert (measures.leading_silence_s, measures.trailing_silence_s) == (0.0, 0.0)


def test_silence_at_the_edges_within_a_window():
    # level 10 is -70 dBFS: a noise floor, not digital zero
    audio = Audio(np.concatenate([quiet(0.123, 10), sine(1.0, 8000), quiet(0.456, 10)]), RATE)
    measures = measure(audio)
    assert measures.leading_silence_s == pytest.approx(0.123, abs=WINDOW_S)
    assert measures.trailing_silence_s == pytest.approx(0.456, abs=WINDOW_S)
    assert measures.leading_silence_s <= 0.123 and measures.trailing_silence_s <= 0.456  # never into the sound


def test_a_pause_inside_is_not_an_edge():
    measures = measure(Audio(np.concatenate([sine(0.5, 8000), quiet(1.0), sine(0.5, 8000)]), RATE))
    assert (measures.leading_silence_s, measures.trailing_silence_s) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 3.0])
def test_digital_silence_has_finite_measures(seconds):
    measures = measure(Audio(quiet(seconds), RATE))
    assert measures.rms_dbfs == measures.peak_dbfs == FLOOR_DBFS
    assert measures.leading_silence_s == measures.trailing_silence_s == measures.duration_s == seconds


def test_the_threshold_is_where_it_is_said_to_be():
    level = 32768 * 10 ** (SILENCE_DBFS / 20)
    below, above = (measure(Audio(quiet(1.0, round(step(level))), RATE)) for step in (math.floor, math.ceil))
    assert below.leading_silence_s == 1.0
    assert above.leading_silence_s == 0.0


def test_full_scale_does_not_overflow():
    measures = measure(Audio(quiet(1.0, -32768), RATE))
    assert measures.peak_dbfs == measures.rms_dbfs == 0.0


@settings(max_examples=60, deadline=None)
@given(
    samples=arrays(np.int16, st.integers(0, 6 * WINDOW), elements=st.integers(-32768, 32767) | st.integers(-40, 40)),
    windows=st.integers(1, 4),
)
def test_measures_do_not_depend_on_the_blocks_and_agree_with_the_definition(samples, windows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "_WINDOWS_A_BLOCK", windows)
        in_blocks = measure(Audio(samples, RATE))
    assert in_blocks == measure(Audio(samples, RATE))

    exact = [int(sample) for sample in samples]
    rms = math.sqrt(sum(x * x for x in exact) / len(exact)) if exact else 0.0
    peak = max(map(abs, exact), default=0)
    for level, measured in ((rms, in_blocks.rms_dbfs), (peak, in_blocks.peak_dbfs)):
        assert measured == pytest.approx(max(20 * math.log10(level / 32768), FLOOR_DBFS) if level else FLOOR_DBFS)
    cut = WINDOW * 32768**2 * 10 ** (SILENCE_DBFS / 10)
    starts = range(0, len(exact), WINDOW)
    loud = [start for start in starts if sum(x * x for x in exact[start : start + WINDOW]) >= cut]
    first, last = (loud[0], min(loud[-1] + WINDOW, len(exact))) if loud else (len(exact), 0)
    assert in_blocks.leading_silence_s == first / RATE
    assert in_blocks.trailing_silence_s == (len(exact) - last) / RATE


def test_memory_does_not_grow_with_the_audio():
    def peak_bytes(minutes: int) -> int:
        audio = Audio(np.ones(minutes * 60 * RATE, np.int16), RATE)
        tracemalloc.start()
        measure(audio)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(20) < peak_bytes(2) + 200_000
