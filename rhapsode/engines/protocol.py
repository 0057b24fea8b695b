"""The engine protocol: what every voice behind Rhapsode promises.

An `Engine` is immutable and loaded once a process. Everything that has state (KV slots, random numbers, samplers, codec
noise) is born with a `Session` and dies with it. tests/contract/ runs every engine through the same promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rhapsode.model import Audio, Sampling, Stack, Take, Utterance, Voice


class Session(Protocol):
    """All the state that speaking needs."""

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        """Speaks each utterance once and yields the takes in the order in which they finish.

        A take depends on its utterance alone, bit for bit on one stack: not on the other utterances, their order, or
        what the session spoke before.

        Raises:
            BadRequest: A voice or a sampling field that this engine does not know.
            SynthesisFailed: The engine could not speak an utterance; the takes yielded before remain good.
        """
        ...


class Codec(Protocol):
    """Turns the tokens of a take into audio, the same at any time and in any process."""

    def decode(self, token_ids: Sequence[int], seed: int) -> Audio:
        """Decodes one whole take; `seed` is that of its utterance.

        Raises:
            SynthesisFailed: The tokens mean nothing to this codec.
        """
        ...


class Engine(Protocol):
    """Immutable weights and what identifies them."""

    @property
    def stack(self) -> Stack:
        """Name, weights digest, precision, slots, threads and library versions."""
        ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices at hand; the first is the default."""
        ...

    @property
    def sampling(self) -> Sampling:
        """The sampling used where the request does not say otherwise; every field that the engine knows is set."""
        ...

    @property
    def codec(self) -> Codec | None:
        """What decodes the tokens of its takes; None where its takes are audio."""
        ...

    @property
    def sessions_at_once(self) -> int:
        """How many sessions this machine is best kept busy with."""
        ...

    def session(self) -> AbstractContextManager[Session]: ...


def audio_of(take: Take, codec: Codec | None) -> Audio:
    """The audio of a take, decoded if it is still tokens."""
    if take.audio is not None:
        return take.audio
    assert take.tokens is not None and codec is not None, "a take is audio, or tokens for the codec of its engine"
    return codec.decode(take.tokens.ids, take.utterance.seed)
