"""The model of voices on the embedded voice, on that voice made another, and on espeak-ng where it is installed."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy.signal import resample_poly

from bench.studio import say
from rhapsode.errors import WeightsDamaged
from rhapsode.model import Audio
from rhapsode.quality import voice
from rhapsode.quality.voice import DIMENSIONS, load_voices

RATE = 24_000
TEXTS = (
    "It was a dark evening, and the lamps along the harbour were being lit one after another.",
    "“No,” said the captain. He shut the book. Nobody had asked him anything else that day.",
    "The professor explained, slowly and with evident pleasure, how the great clock had been built.",
    "Why should anyone want to climb a mountain in the rain? I asked her, and she laughed.",
)
Wave = np.ndarray


@pytest.fixture(scope="module")
def takes() -> list[Wave]:
    """Clean ones, int16 at 24 kHz."""
    return [say(text).samples for text in TEXTS]


def embed(samples: Wave, rate: int = RATE) -> Wave:
    found = load_voices().embed(Audio(np.rint(samples).astype(np.int16), rate))
    assert found is not None
    return np.array(found)


def resampled(samples: Wave, up: int, down: int) -> Wave:
    return resample_poly(samples.astype(float), up, down)


def test_an_embedding_is_a_unit_vector(takes):
    for samples in takes:
        found = embed(samples)
        assert found.shape == (DIMENSIONS,)
        assert found.min() >= 0
        assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-9)


def test_one_voice_is_told_from_others(takes):
    """Bounds between what 180 takes of the voice have (0.84 at the least, 0.93 from 5 s on) and what others have."""
    own = [embed(samples) for samples in takes]
    for left_out, found in enumerate(own):
        others = np.mean([e for i, e in enumerate(own) if i != left_out], axis=0)
        assert found @ others / np.linalg.norm(others) > 0.9
    centre = np.mean(own, axis=0)
    centre /= np.linalg.norm(centre)
    for samples in takes:
        assert embed(resampled(samples, 2, 1)) @ centre < 0.75  # half the speed: an octave lower
        assert embed(resampled(samples, 5, 4)) @ centre < 0.83  # as large a man


def test_espeak_is_another_voice(takes):
    pytest.importorskip("espeakng_loader", reason="needs the wheel of espeakng-loader")
    centre = np.mean([embed(samples) for samples in takes], axis=0)
    centre /= np.linalg.norm(centre)
    for name in ("en-us", "en-us+f4"):
        command = [sys.executable, "-m", "bench.espeak", name]
        said = subprocess.run(command, input=TEXTS[0].encode(), stdout=subprocess.PIPE, check=True, timeout=60).stdout
        assert embed(np.frombuffer(said, np.int16), 22_050) @ centre < 0.72


def test_neither_loudness_nor_offset_nor_pauses_nor_sample_rate_are_part_of_a_voice(takes):
    samples = takes[0]
    plain, rest = embed(samples), np.zeros(RATE, np.int16)
    assert embed(samples * 0.1) @ plain > 0.999
    assert embed(samples + 1500.0) @ plain > 0.999
    assert embed(np.concatenate((rest, samples, rest))) @ plain > 0.99
    assert embed(resampled(samples, 2, 3), 16_000) @ plain > 0.99
    assert embed(resampled(samples, 147, 80), 44_100) @ plain > 0.99


def test_the_same_samples_give_the_same_numbers_in_any_thread(takes):
    model = load_voices()
    audio = Audio(takes[0], RATE)
    first, found = model.embed(audio), []
    threads = [threading.Thread(target=lambda: found.append(model.embed(audio))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [first] * 4


def test_a_long_take_is_embedded_in_parts(takes, monkeypatch):
    whole = embed(np.concatenate(takes))
    monkeypatch.setattr(voice, "_WINDOWS_A_RUN", 3)
    assert embed(np.concatenate(takes)) == pytest.approx(whole, abs=1e-5)


def test_too_little_is_no_voice(takes):
    model = load_voices()
    for samples in (takes[0][:0], takes[0][:100], np.zeros(5 * RATE, np.int16), takes[0][: RATE // 2]):
        assert model.embed(Audio(samples, RATE)) is None
    speech = takes[0][RATE // 2 :]
    assert model.embed(Audio(speech[: RATE * 3 // 2], RATE)) is not None


def test_another_file_is_no_model(tmp_path, monkeypatch):
    damaged = bytearray(voice.WEIGHTS.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "speaker.onnx").write_bytes(damaged)
    for path in (tmp_path / "speaker.onnx", tmp_path / "absent.onnx"):
        monkeypatch.setattr(voice, "WEIGHTS", path)
        voice._load.cache_clear()
        with pytest.raises(WeightsDamaged, match="not the file"):
            load_voices()
    monkeypatch.undo()
    assert load_voices() is load_voices()
