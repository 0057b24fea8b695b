from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from rhapsode.audio.peaks import PeakMeter, limit, true_peak, window_peaks
from rhapsode.model import Samples
from tests.unit.audio.conftest import RATE, sine


def oversampled(wave: np.ndarray, times: int = 4) -> float:
    return float(np.abs(resample_poly(wave.astype(np.float64), times, 1)).max())


def test_a_peak_between_samples_is_found() -> None:
    quarter = np.round(20_000 * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)).astype(np.int16)
    assert np.abs(quarter).max() == 14142
    assert true_peak(quarter) * 32768 == pytest.approx(20_000, rel=0.03)  # starts and ends abruptly


def test_true_peak_of_speech_agrees_with_scipy(speech: list[Samples]) -> None:
    for take in speech:
        assert true_peak(take) == pytest.approx(oversampled(take / 32768), rel=0.01)


def test_true_peak_at_the_limits() -> None:
    assert true_peak(np.zeros(0, np.int16)) == true_peak(np.zeros(10, np.int16)) == 0.0
    assert true_peak(np.full(10, -32768, np.int16)) >= 1.0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_a_peak_is_the_same_in_parts(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    wave = (np.convolve(rng.normal(0, 4000, 5000), np.ones(3) / 2)[:5000]).astype(np.int16)
    meter = PeakMeter()
    for part in np.split(wave, sorted(cuts)):
        meter.feed(part)
    assert meter.peak == pytest.approx(true_peak(wave), rel=1e-6)
    assert meter.peak == pytest.approx(oversampled(wave / 32768), rel=0.02)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), length=st.integers(1, 4000), gain=st.floats(0.1, 6), ceiling=st.floats(2000, 32_000))
def test_the_limiter_holds_the_ceiling(seed: int, length: int, gain: float, ceiling: float) -> None:
    rng = np.random.default_rng(seed)
    wave = (np.convolve(rng.normal(0, 6000, length), np.ones(4) / 2)[:length] * gain).astype(np.float32)
    limited = limit(wave, ceiling, RATE)
    assert len(limited) == length
    assert np.abs(limited).max() <= ceiling * 1.0001
    assert oversampled(limited) <= ceiling * 1.012  # 0.1 dB, of the headroom of 0.5 dB


def test_what_is_under_the_ceiling_is_not_touched() -> None:
    wave = sine(200, 1.0).astype(np.float32)
    assert limit(wave, 8200.0, RATE) is wave


def test_only_the_surroundings_of_a_peak_are_touched() -> None:
    wave = sine(200, 1.0).astype(np.float32)
    wave[12_000:12_100] *= 2
    limited = limit(wave, 9000.0, RATE)
    changed = np.flatnonzero(limited != wave)
    assert 11_000 < changed[0] < 12_000 < changed[-1] < 13_100
    assert np.abs(limited).max() <= 9000.0 * 1.0001


def test_window_peaks_count_negative_samples() -> None:
    wave = np.array([1, -5, 3, 2, -32768], np.int16)
    assert window_peaks(wave, 2).tolist() == [5, 3, 32768]
    assert window_peaks(np.zeros(0, np.int16), 2).tolist() == []
