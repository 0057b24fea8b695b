from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from rhapsode.engines import registry
from rhapsode.engines.maya1.weights import Models
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import ENGINES, Choice, choose_engine, load_engine, sampling_of, voice_of
from rhapsode.engines.tone import Tone
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from rhapsode.model import Sampling, Voice
from rhapsode.settings import EngineName


def test_every_name_but_auto_has_an_engine():
    assert {*ENGINES, EngineName.AUTO} == set(EngineName)


def test_auto_is_the_embedded_voice_and_says_so():
    choice = choose_engine(EngineName.AUTO)
    assert choice == Choice(
        EngineName.HIBARI, "hibari, the embedded voice: Maya1 is not on this machine (rhapsode models)."
    )


@pytest.mark.parametrize(
    ("models", "packages", "device", "chosen", "why"),
    [
        ("maya1 maya1-gguf snac", "torch llama_cpp", "cuda", EngineName.MAYA1_HF, "its weights are on this machine"),
        ("maya1 maya1-gguf snac", "torch llama_cpp", "cpu", EngineName.MAYA1_GGUF, "its weights are on this machine"),
        ("maya1-gguf snac", "torch llama_cpp", "cuda", EngineName.MAYA1_GGUF, "its weights are on this machine"),
        ("maya1 snac", "torch", "cpu", EngineName.HIBARI, "maya1-hf lacks a GPU"),
        ("maya1-gguf", "torch llama_cpp", "cpu", EngineName.HIBARI, "maya1-gguf lacks the model snac"),
        ("maya1-gguf snac", "torch", "cpu", EngineName.HIBARI, r"lacks the package llama_cpp \(pip install"),
        ("maya1 snac", "", "cuda", EngineName.HIBARI, "maya1-hf lacks the package torch"),
        ("snac", "torch llama_cpp", "cuda", EngineName.HIBARI, "Maya1 is not on this machine"),
    ],
)
def test_auto_takes_the_best_that_is_there_and_says_why(monkeypatch, models, packages, device, chosen, why):
    class Here(Models):
        def knows(self, name):
            return name in models.split()

        def has(self, *names):
            return all(map(self.knows, names))

    there = {"torch": ["torch", "transformers", "tokenizers", "snac"], "llama_cpp": ["llama_cpp"]}
    names = [name for package in packages.split() for name in there[package]]
    monkeypatch.setattr(registry, "Models", Here)
    monkeypatch.setattr(registry, "installed", lambda name: name in names)
    monkeypatch.setitem(sys.modules, "rhapsode.engines.maya1.device", SimpleNamespace(best_device=lambda: device))
    choice = choose_engine(EngineName.AUTO)
    assert choice.name is chosen
    assert re.search(why, choice.reason) and choice.reason.startswith(chosen.value) and "\n" not in choice.reason


@pytest.mark.parametrize("name", [EngineName.MAYA1_HF, EngineName.MAYA1_GGUF])
def test_a_named_engine_without_its_weights_says_how_to_get_them(name):
    with pytest.raises(EngineUnavailable, match="rhapsode models fetch"):
        load_engine(name)


def test_a_named_engine_is_that_engine():
    assert choose_engine(EngineName.TONE).name is EngineName.TONE
    assert load_engine(EngineName.TONE).stack.engine == "tone"


def test_threads_share_one_load(monkeypatch):
    loads = []

    def slow_load() -> Tone:
        loads.append(1)
        time.sleep(0.05)
        return Tone()

    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setitem(registry.ENGINES, EngineName.TONE, slow_load)
    with ThreadPoolExecutor(8) as threads:
        engines = list(threads.map(load_engine, [EngineName.TONE] * 16))
    assert len(loads) == 1 and len(set(map(id, engines))) == 1


def test_a_failed_load_is_tried_again(monkeypatch):
    outcomes = iter([BadRequest("no"), Tone()])

    def load() -> Tone:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setitem(registry.ENGINES, EngineName.TONE, load)
    with pytest.raises(BadRequest):
        load_engine(EngineName.TONE)
    assert load_engine(EngineName.TONE).stack.engine == "tone"


def test_voices():
    engine = Tone()
    assert voice_of(engine, "") == voice_of(engine, "tone") == Voice("tone")
    with pytest.raises(BadRequest, match=r"no voice 'bob' on this machine\. It has: tone\."):
        voice_of(engine, "bob")


def test_sampling():
    engine = Tone()
    assert sampling_of(engine, None) == Sampling(speed=1.0)
    assert sampling_of(engine, 1.25) == Sampling(speed=1.25)
    engine.sampling = Sampling(temperature=0.4)  # an engine without that control
    assert sampling_of(engine, None) == Sampling(temperature=0.4)
    with pytest.raises(BadRequest, match="cannot change its speed"):
        sampling_of(engine, 1.25)


def test_nothing_heavy_is_imported_before_an_engine_is_loaded():
    """`rhapsode inspect` must answer within a second."""
    code = "import sys, rhapsode.engines.registry; print({'hibari', 'onnxruntime', 'scipy'} & set(sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "set()"


def test_a_gpu_that_its_owner_keeps_for_something_else_is_none(monkeypatch):
    monkeypatch.setattr(registry, "Models", lambda folder: SimpleNamespace(has=lambda name: True))
    monkeypatch.setattr(registry, "installed", lambda name: True)
    monkeypatch.setitem(sys.modules, "rhapsode.engines.maya1.device", SimpleNamespace(best_device=lambda: "cuda"))
    assert choose_engine(EngineName.AUTO).name is EngineName.MAYA1_HF
    monkeypatch.setenv("RHAPSODE_DEVICE", "cpu")
    assert choose_engine(EngineName.AUTO).name is EngineName.MAYA1_GGUF


def test_a_backend_that_cannot_be_loaded_does_not_stand_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Engine:
        raise WeightsDamaged("The file is torn.", "Fetch it again.")

    monkeypatch.setattr(registry, "lacks", lambda name: "")
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setitem(registry.ENGINES, EngineName.MAYA1_GGUF, broken)
    assert registry.stand_in(EngineName.MAYA1_HF) is None and not caplog.text, "nobody here speaks"
    monkeypatch.setitem(registry._loaded, EngineName.MAYA1_HF, Tone())
    assert registry.stand_in(EngineName.MAYA1_HF) is None
    assert "The file is torn" in caplog.text
    assert registry.stand_in(EngineName.HIBARI) is None
