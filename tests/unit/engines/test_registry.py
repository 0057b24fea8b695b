from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rhapsode.engines import registry
from rhapsode.engines.registry import ENGINES, choose_engine, load_engine, sampling_of, voice_of
from rhapsode.engines.tone import Tone
from rhapsode.errors import BadRequest
from rhapsode.model import Sampling, Voice
from rhapsode.settings import EngineName


def test_every_name_but_auto_has_an_engine():
    assert {*ENGINES, EngineName.AUTO} == set(EngineName)


def test_auto_is_the_embedded_voice_and_says_so():
    choice = choose_engine(EngineName.AUTO)
    assert choice.name is EngineName.HIBARI
    assert "hibari" in choice.reason and "\n" not in choice.reason


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
