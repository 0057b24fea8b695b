"""The measures on the embedded voice, clean and spoiled, and on sounds whose measures are known."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import resample_poly

from bench.studio import say
from rhapsode.model import Audio, ShapeMeasures
from rhapsode.quality.shape import shape_of
from rhapsode.quality.signal import FLOOR_DBFS

RATE = 24_000
FRAME = 2048  # samples of a codec frame
TEXTS = (
    "She sells sea shells on the sea shore; the shells she sells are surely seashells.",
    "It was a dark evening, and the lamps along the harbour were being lit one after another.",
    "“No,” said the captain. He shut the book. Nobody had asked him anything else that day.",
    "The professor explained, slowly and with evident pleasure, how the great clock had been built.",
)
Wave = np.ndarray


@pytest.fixture(scope="module")
def takes() -> list[Wave]:
    """Clean ones, int16 at 24 kHz."""
    return [say(text).samples for text in TEXTS]


def shape(samples: Wave) -> ShapeMeasures:
    return shape_of(Audio(np.rint(np.clip(samples, -32768, 32767)).astype(np.int16), RATE))


def sine(seconds: float, hz: float, amplitude: float = 8000) -> Wave:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def level(samples: Wave) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(float)))))


def noise(seconds: float, rms: float, tilt: float = 0.0) -> Wave:
    """White noise, or with its power falling as f ** -tilt."""
    white = np.fft.rfft(np.random.default_rng(7).standard_normal(round(seconds * RATE)))
    white[1:] /= np.arange(1, len(white)) ** (tilt / 2)
    wave = np.fft.irfft(white)
    return wave * (rms / level(wave))


def inserted(samples: Wave, at_s: float, part: Wave) -> Wave:
    at = round(at_s * RATE)
    return np.concatenate((samples[:at], part, samples[at:]))


def loudest(samples: Wave, width: int) -> int:
    """Where the loudest stretch of that many samples begins, on a grid of it."""
    return width * int(np.argmax([level(part) for part in np.split(samples, range(width, len(samples), width))[:-1]]))


def test_clean_takes_are_within_bounds(takes):
    assert len(takes) == len(TEXTS)
    for measures in map(shape, takes):
        assert measures.clipped_samples <= 2
        assert abs(measures.dc) < 0.001
        assert measures.internal_silence_s < 1.0
        assert measures.head_db < -40 and measures.tail_db < -40 and measures.cut_dbfs < -60
        assert measures.noise_s < 0.2
        assert measures.drone_s < 0.5
        assert 7 < measures.jumps_per_s < 17
        assert measures.pitch_hz is not None and 170 < measures.pitch_hz < 250


def noise_burst(tilt: float) -> Callable[[Wave], Wave]:
    def spoil(samples: Wave) -> Wave:
        spoiled, part = samples.astype(float), noise(0.5, 1.5 * level(samples), tilt)
        spoiled[RATE : RATE + len(part)] += part
        return spoiled

    return spoil


def clipped(samples: Wave) -> Wave:
    return samples * (4.0 * 32768 / np.abs(samples.astype(int)).max())


def clipped_and_quieter(samples: Wave) -> Wave:
    return np.clip(clipped(samples), -32768, 32767) * 0.3


def cut_where_it_is_loud(samples: Wave) -> Wave:
    end = loudest(samples[len(samples) // 2 :], 480) + len(samples) // 2
    return samples[: end + 480]


def shuffled(samples: Wave) -> Wave:
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).copy()
    np.random.default_rng(5).shuffle(frames)
    return frames.reshape(-1)


def frame_held(samples: Wave) -> Wave:
    at = loudest(samples, FRAME)
    return inserted(samples, at / RATE, np.tile(samples[at : at + FRAME], 12))


@pytest.mark.parametrize(
    ("spoil", "is_told"),
    [
        (noise_burst(0), lambda m: m.noise_s > 0.3),
        (noise_burst(1), lambda m: m.noise_s > 0.3),
        (clipped, lambda m: m.clipped_samples >= 8),
        (clipped_and_quieter, lambda m: m.clipped_samples >= 8),
        (cut_where_it_is_loud, lambda m: m.tail_db > -15 and m.cut_dbfs > -45 and m.head_db < -40),
        (lambda s: cut_where_it_is_loud(s[::-1])[::-1], lambda m: m.head_db > -15 and m.tail_db < -40),
        (lambda s: inserted(s, 1.0, np.zeros(2 * RATE)), lambda m: m.internal_silence_s >= 2.0),
        (lambda s: inserted(s, 1.0, noise(2.0, 0.02 * level(s))), lambda m: m.internal_silence_s >= 2.0),
        (lambda s: s + 1000.0, lambda m: abs(m.dc - 1000 / 32768) < 0.001),
        (lambda s: inserted(s, 1.0, sine(1.0, 200, 3000)), lambda m: 0.9 < m.drone_s < 1.3),
        (frame_held, lambda m: 0.7 < m.drone_s < 1.6),
        (shuffled, lambda m: m.jumps_per_s > 17),
        (lambda s: resample_poly(s.astype(float), 2, 1), lambda m: m.jumps_per_s < 7.5 and m.pitch_hz < 130),
    ],
)
def test_a_defect_is_told(takes, spoil, is_told):
    """Each bound is one that no clean take reaches (see above), so what is told is the defect."""
    for samples in takes:
        measures = shape(spoil(samples))
        assert is_told(measures), measures


def test_loudness_and_offset_change_nothing_else(takes):
    for samples in takes:
        plain, moved = shape(samples), shape(samples * 0.5 + 2000.0)
        assert moved.noise_s == pytest.approx(plain.noise_s, abs=0.03)
        assert moved.pitch_hz == pytest.approx(plain.pitch_hz, rel=0.05)
        assert moved.jumps_per_s == pytest.approx(plain.jumps_per_s, rel=0.1)
        assert moved.tail_db < -40 and moved.cut_dbfs < -60


@pytest.mark.parametrize("hz", [80, 130, 200, 330])
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
def test_the_pitch_of_a_rich_tone(hz, rate):
    time_s = np.arange(2 * rate) / rate
    wave = sum(3000 / n * np.sin(2 * np.pi * hz * n * time_s) for n in range(1, 6))
    measures = shape_of(Audio(np.rint(wave).astype(np.int16), rate))
    assert measures.pitch_hz == pytest.approx(hz, rel=0.04)
    assert measures.drone_s == pytest.approx(2.0, abs=0.1)
    assert measures.noise_s == 0


def test_noise_has_no_pitch_and_is_noise_from_end_to_end():
    measures = shape(noise(2.0, 2000))
    assert measures.pitch_hz is None
    assert measures.noise_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("samples", [0, 1, 300, 479, 480, 481, 24_000])
def test_silence_of_any_length_has_finite_measures(samples):
    measures = shape(np.zeros(samples))
    assert measures == ShapeMeasures(0, 0.0, 0.0, FLOOR_DBFS, FLOOR_DBFS, FLOOR_DBFS, 0.0, 0.0, 0.0, None)


def test_flat_tops_are_counted_across_blocks_and_at_both_signs():
    ramp = np.tile(np.arange(-3000, 3000), 100)  # 600,000 samples, each extreme alone
    assert shape(ramp).clipped_samples == 1
    for at, value in ((262_100, 3100), (0, -3100), (599_900, 3100)):
        flat = ramp.copy()
        flat[at : at + 100] = value
        assert shape(flat).clipped_samples == 100


def test_measures_do_not_depend_on_the_blocks(takes, monkeypatch):
    whole = [shape(samples) for samples in takes]
    monkeypatch.setattr("rhapsode.quality.shape.HOPS_A_BLOCK", 37)
    for measures, samples in zip(whole, takes, strict=True):
        in_blocks = shape(samples)
        for name in ("noise_s", "drone_s", "jumps_per_s", "tail_db"):
            assert getattr(in_blocks, name) == pytest.approx(getattr(measures, name), rel=1e-5), name


def test_memory_grows_by_a_fraction_of_the_audio():
    def peak_bytes(minutes: int) -> int:
        audio = Audio(np.tile(np.rint(noise(1.0, 3000)).astype(np.int16), 60 * minutes), RATE)
        tracemalloc.start()
        shape_of(audio)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    minutes = 4
    assert peak_bytes(2 + minutes) - peak_bytes(2) < 0.15 * minutes * 60 * RATE * 2
