"""An engine that spoils takes of the embedded voice on purpose, and keeps a log of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from bench.broken_audio import Spoken, Studio
from bench.defect_kinds import KINDS
from bench.studio import say
from rhapsode.engines.hibari import load_hibari
from rhapsode.engines.protocol import Session
from rhapsode.model import Take, Utterance

MATERIAL = (
    "The harbour lay still under a low sky, and nobody spoke.",
    "She counted the coins twice before she put them back.",
    "Every lamp along the quay went out at the same moment.",
)
"""What syllables and other texts are taken from."""


ALL = [name for name in KINDS if name != "slipped frames"]  # those need a voice that has frames


class Saboteur:
    """hibari, whose takes are spoiled in one of the kinds that `spoils` names; `log` has the kind, by the take's key.

    The kind is drawn by the key, so that the same take is always spoiled alike.

    A kind that cannot spoil a take, such as a skipped sentence where there is one, leaves its place to the next.
    """

    def __init__(self, spoils: Callable[[Utterance], Sequence[str]]) -> None:
        self._voice = load_hibari()
        self._spoils = spoils
        self.log: dict[str, str] = {}
        self.spoken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._voice, name)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._voice.session() as session:
            yield _Session(self, session)

    def spoiled(self, take: Take) -> Take:
        self.spoken += 1
        kinds = self._spoils(take.utterance)
        if not kinds:
            return take
        assert take.audio is not None
        good = Spoken(take.utterance.text, (take.utterance.text,), take.audio)
        rng = np.random.default_rng(int(take.utterance.key[:16], 16))
        for name in rng.permutation(kinds):
            bad = KINDS[name](good, self._studio, rng)
            if bad:
                self.log[take.utterance.key] = str(name)
                return replace(take, audio=bad.audio)
        raise AssertionError("no kind of defect fits")

    @property
    def _studio(self) -> Studio:
        return Studio([Spoken(text, (text,), say(text)) for text in MATERIAL], say, _no_codec)


class _Session:
    def __init__(self, engine: Saboteur, session: Session) -> None:
        self._engine, self._session = engine, session

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        for take in self._session.speak(utterances):
            yield self._engine.spoiled(take)


def _no_codec(rng: np.random.Generator) -> Spoken:
    raise AssertionError("this voice has no frames")
