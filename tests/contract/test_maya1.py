"""Maya1 keeps every promise on both backends, with one slot and with eight, with random weights and with a voice.

The voice takes three times as long and breaks no other promise, so it runs here through one backend; `make slow` runs
it through the other.
"""

from __future__ import annotations

import ctypes
import gc
import random
import resource
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
import pytest

from rhapsode.engines import registry
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.engines.maya1.vocabulary import TokenIds
from rhapsode.engines.protocol import Engine
from tests.contract.promises import (
    PROMISES,
    alone,
    forgets_what_it_said,
    heard,
    ignores_the_order,
    is_the_same_in_a_fresh_process,
    same,
    speak,
    subject,
    utterances,
)
from tests.fixtures import models

OTHERS = 484
"""So many chunks were spoken, and spoken wrongly, before the first good one of the book that started all this."""

SLOW = pytest.mark.slow


class Case(NamedTuple):
    name: str
    weights: str
    slots: int


CASES = [Case(*one) for one in product(("maya1-hf", "maya1-gguf"), ("random", "voice"), (1, 8))]


def cases(wanted: Callable[[Case], bool], slow: Callable[[Case], bool] = lambda case: False) -> list[Any]:
    """Parameters for the fixture `named`."""
    return [
        pytest.param(case, id="-".join(map(str, case)), marks=[SLOW] * slow(case)) for case in CASES if wanted(case)
    ]


EIGHT = cases(lambda case: case.slots == 8, slow=lambda case: case[:2] == ("maya1-gguf", "voice"))
BABBLING = cases(lambda case: case[1:] == ("random", 8))
Named = tuple[str, Maya1Engine]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Name of weights -> the folder of models that has them, made when it is first asked for."""
    made: dict[str, Path] = {}
    make = {"random": models.random_models, "voice": models.voice_models}

    def folder(weights: str) -> Path:
        if weights not in made:
            made[weights] = make[weights](tmp_path_factory.mktemp(weights)).folder
        return made[weights]

    return folder


@pytest.fixture(scope="module", params=cases(lambda case: True, slow=lambda case: case[:2] == ("maya1-gguf", "voice")))
def named(request: pytest.FixtureRequest, folders: Callable[[str], Path]) -> Iterator[Named]:
    name, weights, slots = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_MODELS", str(folders(weights)))
        patch.setenv("RHAPSODE_SLOTS", str(slots))
        patch.setenv("RHAPSODE_THREADS", "1")
        if name == "maya1-gguf" and not llama_cpp.llama_supports_gpu_offload():
            patch.setenv("RHAPSODE_DEVICE", "cpu")  # as `make test` builds it, whatever the machine has
        patch.setattr(registry, "_loaded", {})
        engine = subject(name)
        assert isinstance(engine, Maya1Engine) and engine.stack.slots == slots
        yield name, engine


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_it_keeps_its_promise(named: Named, promise: Callable[[Engine], None]) -> None:
    promise(named[1])


def test_it_is_the_same_in_a_fresh_process(named: Named) -> None:
    is_the_same_in_a_fresh_process(*named)


def test_slots_make_no_difference(named: Named) -> None:
    """More utterances than slots, several times: each comes into another slot, after and beside others."""
    engine = named[1]
    wanted = [one for take in range(1, 2 + engine.stack.slots // 2) for one in utterances(engine, take=take)]
    expected = alone(engine, wanted[:3])
    for seed in (1, 2):
        order = random.Random(seed).sample(wanted, len(wanted))
        found = speak(engine, order)
        same({key: found[key] for key in expected}, expected)


@pytest.mark.parametrize("named", EIGHT, indirect=True)
def test_a_session_that_runs_out_of_memory_says_what_a_smaller_one_says(named: Named) -> None:
    """It goes on with half the slots; sessions beside it and after it notice nothing."""
    engine = named[1]
    wanted = [one for take in (1, 2, 3, 4) for one in utterances(engine, take=take)]
    expected = speak(engine, wanted)
    with changed(engine, Tight).session() as tight, engine.session() as beside:
        first = islice(tight.speak(wanted), 6)
        takes = [*first, *tight.speak(wanted[:2])]
        same(heard(engine, beside.speak(wanted)), expected)
    assert 4 in {take.tokens.slots for take in takes if take.tokens}
    halved = copy(engine)
    halved.stack = replace(engine.stack, slots=4)
    on_four = speak(halved, wanted)
    for take in takes:
        assert take.tokens is not None
        (found,) = heard(engine, [take]).values()
        assert found == (on_four if take.tokens.slots == 4 else expected)[take.utterance.key]
    same(speak(engine, wanted), expected)


@pytest.mark.timeout(1500)  # one slot says 484 utterances one after another
@pytest.mark.parametrize("named", cases(lambda case: True, slow=lambda case: case[1:] != ("random", 8)), indirect=True)
def test_nothing_is_left_of_484_others(named: Named) -> None:
    engine = named[1]
    wanted = utterances(engine)
    others = [other for take in range(1, OTHERS + 1) for other in utterances(engine, ["No."], take=take)]
    with engine.session() as session:
        assert sum(1 for _ in session.speak(others)) == OTHERS
        same(heard(engine, session.speak(wanted)), alone(engine, wanted))


@pytest.mark.parametrize("named", BABBLING, indirect=True)
def test_a_session_holds_the_same_memory_however_much_it_says_and_none_when_it_is_over(named: Named) -> None:
    engine = named[1]
    said = [other for take in range(1, 201) for other in utterances(engine, ["No."], take=take)]
    with engine.session() as session:
        list(session.speak(said[:100]))
        before = resident_bytes()
        list(session.speak(said))
        assert resident_bytes() - before < 8 << 20
    for _ in range(20):
        speak(engine, said[:1])
    assert resident_bytes() - before < 8 << 20


@pytest.mark.parametrize("named", BABBLING, indirect=True)
@pytest.mark.parametrize("fault", ["keeps", "peeps", "unseeded"])
def test_a_leak_in_the_backbone_is_convicted(named: Named, fault: str) -> None:
    engine = changed(named[1], {"keeps": Keeps, "peeps": Peeps, "unseeded": Unseeded}[fault])
    with pytest.raises(AssertionError):
        for promise in (forgets_what_it_said, ignores_the_order):
            promise(engine)


# -- engines that are not in order -------------------------------------------------------------------------------------


def changed(engine: Maya1Engine, kind: Callable[[Any], Any]) -> Maya1Engine:
    """The engine on backbones of another kind."""
    made = copy(engine)
    made._open_backbone = lambda slots: kind(engine._open_backbone(slots))
    return made


class Around:
    """A backbone around a real one."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Tight(Around):
    """Has no room for more than four slots once it has computed for a while."""

    steps = 0

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        self.steps += 1
        if self.steps > 50 and self.real.slots > 4:
            raise MemoryError("no room")
        return self.real.step(token_ids, position)


class Keeps(Around):
    """A token of the last prompt stays in the slot."""

    left: tuple[int, ...] = ()

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        left, self.left = self.left, tuple(prompt[-6:-5])
        return self.real.prefill(slot, [*left, *prompt])


class Peeps(Around):
    """The scores of a slot hold a trace of its neighbour's."""

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        scores = self.real.step(token_ids, position)
        return scores + np.float32(0.01) * np.roll(scores, 1, axis=0)


class Unseeded(Around):
    """Draws from a generator of its own."""

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        scores = self.real.step(token_ids, position)
        return scores + np.random.default_rng().normal(size=scores.shape).astype(np.float32)


def resident_bytes() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what is free again, and kept for later, counts too
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
