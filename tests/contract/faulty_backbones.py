"""Maya1 with one fault in it, so that the tests of its promises are seen to fail.

A fault is a backbone around a real one, of a kind that engines had; `changed` puts it under an engine. Two lie around
the backbone, in the sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import numpy as np

from rhapsode.engines.maya1.decoder import Decoded, FrameDecoder, Line
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.engines.maya1.vocabulary import TokenIds
from rhapsode.engines.protocol import Session
from rhapsode.model import Take, Utterance


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


class Bleeds(Around):
    """One token of the last prompt stays and comes before the next one."""

    left: tuple[int, ...] = ()

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        left, self.left = self.left, tuple(prompt[-6:-5])
        return self.real.prefill(slot, [*left, *prompt])


class Keeps(Around):
    """Does not clear a slot's cache: what was fed to it for the last chunk still stands before the next prompt."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.fed: list[list[int]] = [[] for _ in range(real.slots)]

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        self.fed[slot] += prompt
        return self.real.prefill(slot, self.fed[slot])

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        for fed, token in zip(self.fed, token_ids.tolist(), strict=True):
            fed.extend([token] * (token >= 0))
        return self.real.step(token_ids, position)


class Hoards(Around):
    """Keeps the scores of every prompt, and tells nobody: only its memory grows."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.hoard: list[Logits] = []

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        scores = self.real.prefill(slot, prompt)
        self.hoard.append(scores.copy())
        return scores


class Peeps(Around):
    """The scores of a slot hold a trace of its neighbour's."""

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        scores = self.real.step(token_ids, position)
        return scores + np.float32(0.01) * np.roll(scores, 1, axis=0)


class Unseeded(Around):
    """Draws from a generator of its own."""

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        scores = self.real.step(token_ids, position)
        return scores + np.random.default_rng().normal(size=scores.shape, scale=3).astype(np.float32)


class Lopsided(Around):
    """Every slot but the first computes something else."""

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        scores = self.real.step(token_ids, position)
        scores[1:] = -scores[1:]
        return scores


class Slips(Around):
    """Loses the 40th token after a prompt: from there on the model is fed each token one step late."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.steps = np.zeros(real.slots, int)
        self.last = np.zeros(real.slots, int)

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        self.steps[slot] = 0
        return self.real.prefill(slot, prompt)

    def step(self, token_ids: TokenIds, position: int) -> Logits:
        self.steps += 1
        fed = np.where((token_ids >= 0) & (self.steps > 40), self.last, token_ids)
        self.last = token_ids.copy()
        return self.real.step(fed, position)


def scarred(engine: Maya1Engine) -> Maya1Engine:
    """A lack of memory in one session leaves a mark on all others of the engine."""
    scars: list[int] = []

    class Scarred(Around):
        def resize(self, slots: int) -> None:
            scars.append(slots)  # the decoder asks for fewer slots after a MemoryError, and never else
            self.real.resize(slots)

        def step(self, token_ids: TokenIds, position: int) -> Logits:
            scores = self.real.step(token_ids, position)
            return scores * np.float32(1.001) if scars else scores

    return changed(engine, Scarred)


class LeftOpen(FrameDecoder):
    """Clears a slot where a take ends, and not where the caller stopped half-way."""

    def __init__(self, backbone: Any) -> None:
        self.slots = NotCleared(backbone)
        super().__init__(self.slots)
        self._takes = []

    def decode(self, lines: Sequence[Line]) -> Iterator[Decoded]:
        for slot, take in enumerate(self._takes):
            if take:
                self.slots.stale[slot] = [*take.line.prompt, *chain.from_iterable(take.frames)]
        return super().decode(lines)


class NotCleared(Around):
    """What is stale in a slot stands before the next prompt."""

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self.stale: dict[int, list[int]] = {}

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        return self.real.prefill(slot, [*self.stale.pop(slot, ()), *prompt])


class Loses(Around):
    """A session around a real one: the 101st token of each take does not reach the codec, and all frames slip."""

    def speak(self, wanted: Sequence[Utterance]) -> Iterator[Take]:
        for take in self.real.speak(wanted):
            ids = take.tokens.ids
            yield replace(take, tokens=replace(take.tokens, ids=ids[:100] + ids[101:]))


def left_open(engine: Maya1Engine) -> Maya1Engine:
    """The engine on the decoder `LeftOpen`."""

    def leaving(honest: Any) -> Session:
        honest._decoder = LeftOpen(honest._backbone)
        return cast(Session, honest)

    return _with_sessions(engine, leaving)


def losing(engine: Maya1Engine) -> Maya1Engine:
    """The engine with sessions `Loses`."""
    return _with_sessions(engine, Loses)


def _with_sessions(engine: Maya1Engine, kind: Callable[[Any], Session]) -> Maya1Engine:
    @contextmanager
    def session() -> Iterator[Session]:
        with engine.session() as honest:
            yield kind(honest)

    made = copy(engine)
    made.session = session  # type: ignore[method-assign]
    return made
