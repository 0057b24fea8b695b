from __future__ import annotations

import shutil
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import hibari
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhapsode.engines import hibari as room
from rhapsode.engines.hibari import ASSETS, VOICES, load_hibari, quantise
from rhapsode.engines.registry import load_engine
from rhapsode.errors import BadRequest, EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Samples, Sampling, Utterance, Voice
from rhapsode.settings import EngineName

WHEEL = Path(hibari.__file__).parent / "assets"
HEART = Voice("heart")
TEXT = "It was a bright cold day in April, and the clocks were striking thirteen. “No,” he said."


@pytest.fixture(scope="module")
def engine():
    return load_engine(EngineName.HIBARI)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("hibari reached for the network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """hibari's cache of further voices, empty."""
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    return tmp_path


def said(engine, text=TEXT, voice=HEART, seed=1, speed=1.0) -> Samples:
    with engine.session() as session:
        (take,) = session.speak([Utterance(text, voice, Sampling(speed=speed), seed, 1, "key")])
    return take.audio.samples


@pytest.mark.parametrize("speed", [0.8, 1.0])
def test_ordinary_text_sounds_as_hibari_says_it(engine, speed):
    """Our path through the package's parts is its own path, to the bit."""
    theirs = hibari.Hibari(threads=1)(TEXT, speed=speed, seed=5)
    assert np.array_equal(said(engine, seed=5, speed=speed), quantise(theirs))


def test_the_seed_changes_the_noise_and_nothing_else(engine):
    first, second = said(engine, seed=1), said(engine, seed=2)
    assert len(first) == len(second) and not np.array_equal(first, second)
    difference = first.astype(float) - second
    assert np.sqrt(np.mean(difference**2)) < 0.1 * np.sqrt(np.mean(first.astype(float) ** 2))


def test_speed_changes_the_length(engine):
    assert len(said(engine, speed=2.0)) < 0.65 * len(said(engine)) < 0.5 * len(said(engine, speed=0.5))


def test_a_long_chunk_does_not_depend_on_what_is_beside_it(engine):
    """24 s of speech beside short ones: the shapes, and with them the buffers of the runtime, change all the time."""
    long = " ".join([TEXT] * 4)
    expected = said(engine, long)
    short = [said(engine, word) for word in ("No.", "Yes.", "Why not?")]
    with ThreadPoolExecutor(3) as threads:
        texts = [long, "No.", "Yes.", "Why not?"] * 3
        results = list(threads.map(lambda text: said(engine, text), texts))
    for result, wanted in zip(results, [expected, *short] * 3, strict=True):
        assert np.array_equal(result, wanted)


@pytest.mark.parametrize("text", ["", " \n ", "* * *", "…", "“—”", "- - -", "❦"])
def test_nothing_to_say_is_an_error_and_never_silence(engine, text):
    with pytest.raises(SynthesisFailed, match="nothing to say"):
        said(engine, text)


def test_dots_alone_are_not_coughed(engine):
    assert np.array_equal(said(engine, "“…” She left."), said(engine, "She left."))


def test_what_cannot_be_spoken_is_named_with_its_place(engine):
    with pytest.raises(SynthesisFailed, match=r"U\+FFFD.* It stands in 'The caf\ufffd is shut"):
        said(engine, "The caf\ufffd is shut. " + TEXT * 3)


def test_a_phoneme_outside_the_alphabet_is_an_error(engine, monkeypatch):
    model = engine._model("heart")
    monkeypatch.setattr(model, "phonemize", lambda text: ["həlˈO", "wˈɜɹłd"])
    with pytest.raises(SynthesisFailed, match=r"phonemes \['ł'\]"):
        said(engine)


def test_stack(engine):
    stack = engine.stack
    assert (stack.engine, stack.precision, stack.slots, stack.threads) == ("hibari", "int8", 1, 1)
    assert stack.libraries.keys() >= {"python", "hibari-tts", "onnxruntime", "numpy", "scipy"}
    assert stack.libraries["hibari-tts"] == "0.2.1" and stack.host


def test_the_digest_covers_every_file_that_hibari_reads(engine, monkeypatch):
    unread = {"voices.json"}  # where voices are and how they are described
    assert {*ASSETS, VOICES["heart"].file, *unread} == {path.name for path in WHEEL.iterdir()}
    assert {name: (voice.file, voice.sha256) for name, voice in VOICES.items()} == {
        name: (entry["file"], entry["sha256"]) for name, entry in hibari.voices.VOICES.items()
    }
    assert {name: voice.accent == "gb" for name, voice in VOICES.items()} == {
        name: entry["british"] for name, entry in hibari.voices.VOICES.items()
    }
    libraries = engine.stack.libraries
    digests = {engine.stack.weights_digest}
    for table, name in (("ASSETS", "tagger.json.gz"), ("VOICES", "emma")):
        other = ASSETS | {name: "0" * 64} if table == "ASSETS" else VOICES | {name: VOICES["kore"]}
        with monkeypatch.context() as patch:
            patch.setattr(room, table, other)
            digests.add(room.HibariEngine(WHEEL, Path("none"), libraries).stack.weights_digest)
    digests.add(room.HibariEngine(WHEEL, Path("none"), libraries | {"hibari-tts": "0.3"}).stack.weights_digest)
    assert len(digests) == 4


@pytest.mark.parametrize("name", ["oov.onnx", "vocab.json", "tagger.json.gz"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_file_of_the_wheel_is_named(tmp_path, monkeypatch, name, damage):
    copy = shutil.copytree(WHEEL.parent, tmp_path / "hibari")
    path = copy / "assets" / name
    path.write_bytes(path.read_bytes()[:-1] + b"?") if damage == "changed" else path.unlink()
    monkeypatch.setattr(room, "find_spec", lambda _: type("Spec", (), {"submodule_search_locations": [str(copy)]}))
    with pytest.raises(WeightsDamaged, match=name) as error:
        load_hibari()
    assert "pip install" in error.value.remedy


def test_a_damaged_model_is_named(tmp_path):
    copy = shutil.copytree(WHEEL, tmp_path / "assets")
    (copy / "hibari.onnx").write_bytes(b"not a model")
    with pytest.raises(WeightsDamaged, match=r"hibari\.onnx"):
        room.HibariEngine(copy, tmp_path, {"hibari-tts": "0.2.1"})


def test_without_the_package_there_is_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "hibari", None)
    monkeypatch.setitem(sys.modules, "hibari.voices", None)
    monkeypatch.setattr(room, "check", lambda *_: None)
    monkeypatch.setattr(room, "find_spec", lambda _: type("Spec", (), {"submodule_search_locations": [str(WHEEL)]}))
    with pytest.raises(EngineUnavailable) as error:
        load_hibari()
    assert "pip install" in error.value.remedy


def test_a_voice_that_is_not_here_is_not_fetched(cache):
    engine = load_hibari()
    assert engine.voices == (HEART,)
    with pytest.raises(EngineUnavailable, match="'emma' of hibari is not on this machine") as error:
        said(engine, voice=Voice("emma"))
    assert "voice_path" in error.value.remedy
    assert list(cache.iterdir()) == []


def test_a_voice_in_the_cache_is_checked_before_it_speaks(cache):
    (cache / VOICES["emma"].file).write_bytes(b"another model")
    engine = load_hibari()
    assert Voice("emma") in engine.voices
    with pytest.raises(WeightsDamaged, match=r"bf_emma\.int8\.onnx"):
        said(engine, voice=Voice("emma"))


def test_a_voice_in_the_cache_speaks_with_its_accent(cache, monkeypatch):
    """The American model stands in for the British one, which is not on every machine: only its phonemes differ."""
    shutil.copy(WHEEL / "hibari.onnx", cache / VOICES["emma"].file)
    monkeypatch.setitem(VOICES, "emma", VOICES["emma"]._replace(sha256=VOICES["heart"].sha256))
    engine = load_hibari()
    british = said(engine, "I asked her to dance.", voice=Voice("emma"))
    assert len(british) > 12_000
    assert not np.array_equal(british, said(engine, "I asked her to dance."))


@pytest.mark.parametrize("voice", [Voice("bob"), replace(HEART, description="a tired old sailor")])
def test_a_voice_that_hibari_does_not_know(engine, voice):
    with pytest.raises(BadRequest, match="no voice"):
        said(engine, voice=voice)


def test_quantising_by_example():
    wave = np.array([0.0, 1.0, -1.0, 1.5, -9.0, 0.5 / 32767, 1.5 / 32767, -0.4 / 32767], np.float32)
    assert quantise(wave).tolist() == [0, 32767, -32767, 32767, -32767, 0, 2, 0]


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(-2, 2, width=32)))
def test_quantising_is_within_half_a_step(wave):
    samples = quantise(wave)
    assert samples.dtype == np.int16
    assert np.abs(samples - np.clip(wave.astype(float), -1, 1) * 32767).max() <= 0.5 + 1e-2  # the product is a float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_an_error(bad):
    with pytest.raises(SynthesisFailed, match="not numbers"):
        quantise(np.array([0.0, bad], np.float32))
