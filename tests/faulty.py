"""Engines that count and engines that fail, put into the registry in the place of `tone`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from rhapsode.engines import registry
from rhapsode.engines.protocol import Codec, Engine, Session
from rhapsode.engines.tone import Tone
from rhapsode.errors import SynthesisFailed
from rhapsode.model import Sampling, Stack, Take, Utterance, Voice
from rhapsode.settings import EngineName


class Watched:
    """`tone`, whose every take is counted, and which refuses the texts that `refuses` says."""

    def __init__(self, refuses: Callable[[str], bool] = lambda text: False) -> None:
        self._tone = Tone()
        self.refuses = refuses
        self.spoken: list[str] = []
        self.refused: list[str] = []

    @property
    def stack(self) -> Stack:
        return self._tone.stack

    @property
    def sample_rate_hz(self) -> int:
        return self._tone.sample_rate_hz

    @property
    def voices(self) -> Sequence[Voice]:
        return self._tone.voices

    @property
    def sampling(self) -> Sampling:
        return self._tone.sampling

    @property
    def codec(self) -> Codec | None:
        return self._tone.codec

    @property
    def sessions_at_once(self) -> int:
        return self._tone.sessions_at_once

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._tone.session() as session:
            yield _WatchedSession(self, session)


class _WatchedSession:
    def __init__(self, engine: Watched, session: Session) -> None:
        self._engine = engine
        self._session = session

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        for utterance in utterances:
            if self._engine.refuses(utterance.text):
                self._engine.refused.append(utterance.text)
                raise SynthesisFailed("It will not be said.", "Say something else.", utterance.key)
            self._engine.spoken.append(utterance.text)
            yield from self._session.speak([utterance])


def install(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Makes `tone` mean this engine for the rest of the test."""
    monkeypatch.setitem(registry.ENGINES, EngineName.TONE, lambda: engine)
    monkeypatch.setattr(registry, "_loaded", {})
