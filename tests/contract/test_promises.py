"""Every engine that runs everywhere keeps every promise, every fault is convicted; Maya1 is in test_maya1.py."""

from __future__ import annotations

import pytest

from rhapsode.engines.registry import ENGINES, NEEDS
from tests.contract import promises
from tests.contract.leaky import FAULTS
from tests.contract.promises import PROMISES, is_the_same_in_a_fresh_process, subject

EVERYWHERE = [name.value for name in ENGINES if name not in NEEDS]
CONVICTIONS = {
    "global_noise": promises.forgets_what_it_said,
    "echo": promises.forgets_what_it_said,
    "by_row": promises.ignores_the_order,
    "padded": promises.ignores_the_order,
    "shared_noise": promises.ignores_other_sessions,
    "left_open": promises.forgets_an_aborted_call,
    "scarred": promises.forgets_a_refusal,
    "skipping": promises.speaks_each_utterance_once,
    "silent": promises.speaks_each_utterance_once,
    "stubborn": promises.varies_with_take_and_text,
    "undying": promises.ends_with_its_session,
    "indulgent": promises.refuses_what_it_does_not_know,
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_engine_keeps_its_promise(name, promise):
    promise(subject(name))


@pytest.mark.parametrize("name", EVERYWHERE)
def test_engine_is_the_same_in_a_fresh_process(name):
    is_the_same_in_a_fresh_process(name, subject(name))


@pytest.mark.parametrize(("fault", "promise"), CONVICTIONS.items(), ids=CONVICTIONS)
def test_fault_is_convicted(fault, promise):
    with pytest.raises(AssertionError):
        promise(subject(fault))


def test_dependence_on_the_process_is_convicted():
    with pytest.raises(AssertionError, match="takes have other samples"):
        is_the_same_in_a_fresh_process("hash_seeded", subject("hash_seeded"))


def test_some_fault_stands_against_every_promise():
    assert set(CONVICTIONS.values()) == set(PROMISES)
    assert set(CONVICTIONS) == {*FAULTS, "undying"} - {"hash_seeded"}


def test_hash_seeded_is_hidden_from_every_other_promise():
    """Only another process can tell: the reason why that promise is worth its second."""
    for promise in PROMISES:
        promise(subject("hash_seeded"))
