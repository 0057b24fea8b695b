"""Maya1 keeps every promise on both backends, with one slot and with eight, with random weights and with a voice.

Here each backend, each number of slots and each kind of weights comes at least once; `make slow` has the other cases.
"""

from __future__ import annotations

import ctypes
import gc
import random
import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import llama_cpp
import pytest

from rhapsode.engines import registry
from rhapsode.engines.maya1 import engine as maya1_engine
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.prompt import MIN_FRAMES
from rhapsode.engines.protocol import Engine
from tests.contract.faulty_backbones import (
    Bleeds,
    Hoards,
    Keeps,
    Lopsided,
    Peeps,
    Tight,
    Unseeded,
    changed,
    left_open,
    scarred,
)
from tests.contract.promises import (
    PROMISES,
    alone,
    forgets_an_aborted_call,
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

BOUND = 1 << 20
"""Bytes by which a session may grow: sixteen seconds of sound, or the scores of 64 prompts."""

pytestmark = pytest.mark.timeout(900)  # whoever runs first pays for the models


class Case(NamedTuple):
    name: str
    weights: str
    slots: int


QUICK = (Case("maya1-hf", "random", 1), Case("maya1-hf", "voice", 8), Case("maya1-gguf", "random", 8))
CASES = (*QUICK, Case("maya1-hf", "random", 8), Case("maya1-gguf", "random", 1), Case("maya1-gguf", "voice", 8))


def cases(of: Sequence[Case] = CASES, quick: Sequence[Case] = QUICK) -> list[Any]:
    """Parameters for the fixture `named`; those that are not quick are left to `make slow`."""
    return [pytest.param(case, id="-".join(map(str, case)), marks=later(case, quick)) for case in of]


def later(case: Case, quick: Sequence[Case] = QUICK) -> list[pytest.MarkDecorator]:
    return [] if case in quick else [pytest.mark.slow]


WITH_484 = cases(CASES[:-1], quick=QUICK[-1:])  # the last one would speak for ten minutes
BABBLING = cases([case for case in CASES if case[1:] == ("random", 8)])
Named = tuple[str, Maya1Engine]


# -- promises of engines with slots ------------------------------------------------------------------------------------


def slots_make_no_difference(engine: Maya1Engine) -> None:
    """More utterances than slots, several times: each comes into another slot, after and beside others."""
    wanted = [one for take in range(1, 2 + engine.stack.slots // 2) for one in utterances(engine, take=take)]
    expected = alone(engine, wanted[:3])
    for seed in (1, 2):
        order = random.Random(seed).sample(wanted, len(wanted))
        found = speak(engine, order)
        same({key: found[key] for key in expected}, expected)


def remembers_nothing_of(engine: Maya1Engine, count: int) -> None:
    """Other utterances in the same session."""
    wanted = utterances(engine)
    others = [other for take in range(1, count + 1) for other in utterances(engine, ["No."], take=take)]
    with engine.session() as session:
        assert sum(1 for _ in session.speak(others)) == count
        same(heard(engine, session.speak(wanted)), alone(engine, wanted))


def forgets_a_back_off(engine: Maya1Engine) -> None:
    """A session of eight slots goes on with four; sessions beside it and after it notice nothing."""
    wanted = [one for take in (1, 2, 3, 4) for one in utterances(engine, take=take)]
    expected = speak(engine, wanted)
    on_eight = on(engine, 8)
    with changed(on_eight, Tight).session() as tight, engine.session() as beside:
        begun = beside.speak(wanted)
        mine = [next(begun)]
        first = islice(tight.speak(wanted), 6)
        takes = [*first, *tight.speak(wanted[:2])]
        same(heard(engine, [*mine, *begun]), expected)
    same(speak(engine, wanted), expected)
    assert 4 in {take.tokens.slots for take in takes if take.tokens}
    whole = {8: speak(on_eight, wanted), 4: speak(on(engine, 4), wanted)}
    for take in takes:
        assert take.tokens is not None
        same(heard(engine, [take]), {take.utterance.key: whole[take.tokens.slots][take.utterance.key]})


def on(engine: Maya1Engine, slots: int) -> Maya1Engine:
    made = copy(engine)
    made.stack = replace(engine.stack, slots=slots)
    return made


def holds_the_same_memory(engine: Maya1Engine, count: int) -> None:
    """Whatever a session has said; and nothing stays of sessions that are over."""
    said = [other for take in range(1, count + 1) for other in utterances(engine, ["No."], take=take)]
    with engine.session() as session:
        assert sum(1 for _ in session.speak(said[-100:])) == 100
        before = private_bytes()
        for start in range(0, count, 100):  # what is asked for takes memory too, so no call asks for more than another
            assert sum(1 for _ in session.speak(said[start : start + 100])) == 100
        more = private_bytes() - before
        assert more < BOUND, f"{more} bytes more after {count} utterances"
    for number in range(30):
        speak(engine, said[:1])
        before = private_bytes() if number == 9 else before  # by then the libraries hold what one utterance takes
    more = private_bytes() - before
    assert more < BOUND, f"{more} bytes more after 20 sessions"


def private_bytes() -> int:
    """What this process holds for itself, without mapped files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what is free again, and kept for later, counts too
    held = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert held
    return int(held[1]) * 1024


CONVICTIONS = [
    pytest.param(case, fault, promise, id=f"{name}-{case.name}-{case.slots}", marks=later(case))
    for name, fault, promise, slots in (
        ("keeps", partial(changed, kind=Keeps), partial(remembers_nothing_of, count=9), (1, 8)),
        ("bleeds", partial(changed, kind=Bleeds), partial(remembers_nothing_of, count=9), (1, 8)),
        ("peeps", partial(changed, kind=Peeps), ignores_the_order, (8,)),
        ("lopsided", partial(changed, kind=Lopsided), slots_make_no_difference, (8,)),
        ("left_open", left_open, forgets_an_aborted_call, (1, 8)),
        ("scarred", scarred, forgets_a_back_off, (1, 8)),
    )
    for case in CASES
    if case.weights == "random" and case.slots in slots
]


# -- the engines, and the tests ----------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module", params=cases())
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
    slots_make_no_difference(named[1])


def test_a_session_that_runs_out_of_memory_says_what_a_smaller_one_says(named: Named) -> None:
    forgets_a_back_off(named[1])


@pytest.mark.timeout(1500)  # one slot says 484 utterances one after another
@pytest.mark.parametrize("named", WITH_484, indirect=True)
def test_nothing_is_left_of_484_others(named: Named) -> None:
    remembers_nothing_of(named[1], OTHERS)


@pytest.mark.parametrize("named", BABBLING, indirect=True)
def test_a_session_holds_the_same_memory_over_1_000_utterances_and_none_when_it_is_over(
    named: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maya1_engine, "frame_budget", lambda text: MIN_FRAMES)  # else they babble on for minutes
    holds_the_same_memory(named[1], 1000)
    with pytest.raises(AssertionError, match="bytes more"):
        holds_the_same_memory(changed(named[1], Hoards), 100)


@pytest.mark.parametrize(("named", "fault", "promise"), CONVICTIONS, indirect=["named"])
def test_a_leak_is_convicted(
    named: Named, fault: Callable[[Maya1Engine], Maya1Engine], promise: Callable[[Maya1Engine], None]
) -> None:
    with pytest.raises(AssertionError, match="takes have other samples"):
        promise(fault(named[1]))


@pytest.mark.parametrize("named", BABBLING, indirect=True)
def test_a_generator_that_is_not_seeded_is_convicted_by_another_process(named: Named) -> None:
    """The engine of the other process is in order."""
    name, engine = named
    with pytest.raises(AssertionError, match="takes have other samples"):
        is_the_same_in_a_fresh_process(name, changed(engine, Unseeded))
