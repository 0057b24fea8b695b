"""Under which conditions chunks are spoken: on one stack, in other precisions, on the other backend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rhapsode.engines.machine import installed, machine_settings
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import ENGINES, NEEDS
from rhapsode.model import Utterance
from rhapsode.quality.diagnosis import ALONE, Kind
from rhapsode.settings import EngineName
from rhapsode.stages.apart import Call, Calls, Condition, Load

NEIGHBOURS = 9
"""The longest chunks of the book: one more than Maya1 has slots on a CPU, so that a slot is used a second time."""


def conditions_of(load: Load, said: Sequence[Utterance], numbers: Sequence[int], before: int | None) -> list[Condition]:
    """The conditions on one stack, under which every take must be the same.

    Args:
        said: All utterances of the book, in its order.
        numbers: The named chunks, counted from 1, sorted.
        before: How many predecessors each has at its place; None: all.
    """
    named = tuple(said[number - 1] for number in numbers)
    by_itself = tuple(((one,),) for one in named)
    # A decoder begins with the longest, and of two that are as long with the first: the twin takes slot 0.
    second = tuple((_twin(one), one) for one in named)
    longest = tuple(sorted(dict.fromkeys(said), key=lambda one: -len(one.text))[:NEIGHBOURS])
    place = _at_their_places(said, numbers, len(said) if before is None else before)
    company: Calls = (tuple(dict.fromkeys(longest + named)),)
    return [
        Condition(ALONE, Kind.SAME, load, tuple((calls,) for calls in by_itself)),
        Condition("again in another process", Kind.SAME, load, (by_itself[::-1],)),
        Condition("at its place", Kind.SAME, load, ((place,),)),
        Condition("in another slot", Kind.SAME, load, ((second,),)),
        Condition("beside others", Kind.SAME, load, ((company,),)),
        Condition("after a reload", Kind.SAME, load, ((second, *by_itself),), reload=True),
    ]


def _twin(one: Utterance) -> Utterance:
    """Another take of the same text."""
    return replace(one, seed=one.seed ^ 1, take=one.take + 1, key=f"{one.key}-twin")


def _at_their_places(said: Sequence[Utterance], numbers: Sequence[int], before: int) -> Calls:
    calls: list[Call] = []
    done = 0
    for number in numbers:
        if others := tuple(said[max(done, number - 1 - before) : number - 1]):
            calls.append(others)
        calls.append((said[number - 1],))
        done = number
    return tuple(calls)


def other_conditions(engine: EngineName, precision: str, named: Call) -> list[Condition]:
    """The other precisions that this machine may have at hand, and the other backend.

    Whether they are is found out by loading them: a backend without its weights, or a precision that does not fit into
    the memory, is named as absent with the reason.
    """
    processes = (tuple(((one,),) for one in named),)
    precisions = [
        Condition(f"in {other}", Kind.PRECISION, partial(load_anew, engine, other), processes)
        for other in _precisions(engine)
        if other != precision
    ]
    backends = [other for other in NEEDS if engine in NEEDS and other is not engine]
    return precisions + [
        Condition(f"on {other}", Kind.BACKEND, partial(load_anew, other), processes) for other in backends
    ]


def _precisions(engine: EngineName) -> tuple[str, ...]:
    if engine is not EngineName.MAYA1_HF or not installed("torch"):
        return ()
    from rhapsode.engines.maya1.device import best_device  # noqa: PLC0415 - imports torch

    on_cpu = machine_settings().device == "cpu" or best_device() == "cpu"
    plain = ("fp32", "bf16", "fp16") if on_cpu else ("bf16", "fp16")
    return (*plain, *(("nf4", "int8") if installed("bitsandbytes") else ()))


def load_anew(engine: EngineName, precision: str = "") -> Engine:
    """Loads an engine whatever is loaded already. The precision goes into the environment: only for a child process."""
    if precision:
        os.environ["RHAPSODE_PRECISION"] = precision
    if precision == "int8":
        os.environ["RHAPSODE_SLOTS"] = "1"  # its rows are coupled: with more slots it refuses
    return ENGINES[engine]()
