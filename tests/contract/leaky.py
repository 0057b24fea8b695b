"""Engines that each break one promise, so that the tests of the promises are seen to fail.

All are the test voice with one fault, of a kind that real engines had. A fault is a generator between the caller and a
session that is in order; `own` is memory born with the session, `shared` with the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.engines.protocol import Session
from rhapsode.engines.tone import Tone
from rhapsode.errors import SynthesisFailed
from rhapsode.model import Audio, Sampling, Take, Utterance, Voice

Memory = dict[str, Any]
Fault = Callable[[Session, Sequence[Utterance], Memory, Memory], Iterator[Take]]


def shifted(take: Take, by: int) -> Take:
    """The take with a trace of `by` in one sample: a leak as small as it can be."""
    assert take.audio is not None
    samples = take.audio.samples.copy()
    samples[len(samples) // 2] += by % 251
    return replace(take, audio=Audio(samples, take.audio.sample_rate_hz))


def global_noise(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Draws from numpy's global generator."""
    for take in honest.speak(utterances):
        yield shifted(take, int(np.random.randint(250)))


def echo(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Carries the end of the last utterance into the next one: the bleed of the origin story."""
    for take in honest.speak(utterances):
        yield shifted(take, own.get("last", 0))
        own["last"] = len(take.utterance.text)


def by_row(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Rounds otherwise in another row of the batch."""
    for row, take in enumerate(honest.speak(utterances)):
        yield shifted(take, row)


def padded(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Pads to the longest neighbour."""
    for take in honest.speak(utterances):
        yield shifted(take, max(len(one.text) for one in utterances) - len(take.utterance.text))


def shared_noise(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Seeds, before each take, a generator that all sessions share: as one is tempted to do with torch.manual_seed."""
    for take in honest.speak(utterances):
        shared["rng"] = np.random.default_rng(take.utterance.seed)
        time.sleep(0.002)  # the forward pass, in which other threads seed theirs
        yield shifted(take, int(shared["rng"].integers(250)))


def left_open(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Clears its slot where it ends or fails, and not where the caller stops half-way."""
    found = own.get("slot", 0)
    try:
        for take in honest.speak(utterances):
            own["slot"] = 7
            yield shifted(take, found)
    except SynthesisFailed:
        own["slot"] = 0
        raise
    own["slot"] = 0


def scarred(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """A refusal leaves a mark in the engine."""
    try:
        for take in honest.speak(utterances):
            yield shifted(take, shared.get("scars", 0))
    except SynthesisFailed:
        shared["scars"] = shared.get("scars", 0) + 1
        raise


def hash_seeded(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Takes Python's `hash` of the text for a seed; it differs between processes."""
    for take in honest.speak(utterances):
        yield shifted(take, hash(take.utterance.text))


def skipping(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Loses the last utterance of a batch."""
    yield from honest.speak(utterances[: max(1, len(utterances) - 1)])


def silent(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Hands out silence of the right length."""
    for take in honest.speak(utterances):
        assert take.audio is not None
        yield replace(take, audio=Audio(np.zeros_like(take.audio.samples), take.audio.sample_rate_hz))


def stubborn(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Says the same whatever the seed: a retake would be in vain."""
    for one in utterances:
        for take in honest.speak([replace(one, seed=0)]):
            yield replace(take, utterance=one)


def indulgent(honest: Session, utterances: Sequence[Utterance], own: Memory, shared: Memory) -> Iterator[Take]:
    """Ignores a sampling field and a voice that it does not know."""
    for one in utterances:
        for take in honest.speak([replace(one, voice=Voice("tone"), sampling=Sampling(speed=1.0))]):
            yield replace(take, utterance=one)


class Leaky(Tone):
    """The test voice with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault
        self._shared: Memory = {}

    @contextmanager
    def session(self) -> Iterator[Session]:
        with super().session() as honest:
            yield _LeakySession(honest, self._fault, self._shared)


class _LeakySession:
    def __init__(self, honest: Session, fault: Fault, shared: Memory) -> None:
        self._honest, self._fault, self._shared = honest, fault, shared
        self._own: Memory = {}

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        return self._fault(self._honest, utterances, self._own, self._shared)


class Undying(Tone):
    """Its sessions go on after their end."""

    def session(self) -> AbstractContextManager[Session]:
        self._kept = super().session()  # kept, because a context manager that is collected ends its session
        return nullcontext(self._kept.__enter__())


FAULTS: dict[str, Fault] = {
    "global_noise": global_noise,
    "echo": echo,
    "by_row": by_row,
    "padded": padded,
    "shared_noise": shared_noise,
    "left_open": left_open,
    "scarred": scarred,
    "hash_seeded": hash_seeded,
    "skipping": skipping,
    "silent": silent,
    "stubborn": stubborn,
    "indulgent": indulgent,
}


def echoing(*_: object) -> Tone:
    """Whatever was to be loaded: a spawned process imports this file to find it, and nothing heavy with it."""
    return Leaky(echo)


def leaky(name: str) -> Tone | None:
    """A fresh engine with the fault of that name; None if there is no such fault."""
    return Undying() if name == "undying" else Leaky(FAULTS[name]) if name in FAULTS else None
