"""The session of engines that speak one utterance after another, and the sampling of those that know only speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import Audio, FinishReason, Samples, Sampling, Take, Utterance


class SerialSession:
    """A session around `say`, a pure function from an utterance to its samples. Its only state: is it still open."""

    def __init__(self, say: Callable[[Utterance], Samples], sample_rate_hz: int) -> None:
        self._say = say
        self._sample_rate_hz = sample_rate_hz
        self._open = True

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        """See `protocol.Session`; the takes come in the order of the utterances.

        Raises:
            RuntimeError: The session is over; also when it ends between two takes.
            SynthesisFailed: An utterance cannot be spoken; the error has its key.
        """
        self._check_open()
        return self._takes(utterances)

    def _takes(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        for utterance in utterances:
            self._check_open()
            started = time.perf_counter()
            try:
                samples = self._say(utterance)
            except SynthesisFailed as error:  # by its key the job knows which one to go on without
                raise SynthesisFailed(error.message, error.remedy, utterance.key) from error
            elapsed_s = time.perf_counter() - started
            yield Take(utterance, FinishReason.END, elapsed_s, Audio(samples, self._sample_rate_hz))

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError("this session is over: open a new one with engine.session()")

    def close(self) -> None:
        self._open = False


@contextmanager
def serial_session(say: Callable[[Utterance], Samples], sample_rate_hz: int) -> Iterator[SerialSession]:
    """A fresh session that is closed at exit, whatever happens inside."""
    session = SerialSession(say, sample_rate_hz)
    try:
        yield session
    finally:
        session.close()


def speed_of(sampling: Sampling, engine: str) -> float:
    """The speed asked for, where speed is all that the engine knows.

    Raises:
        BadRequest: No speed, one outside 0.5..2.0, or a field that the engine would have to ignore.
    """
    if sampling != Sampling(speed=sampling.speed):
        raise BadRequest(f"The engine {engine} draws with speed only, not {sampling}.", "Leave the other fields unset.")
    if sampling.speed is None or not 0.5 <= sampling.speed <= 2.0:
        raise BadRequest(f"The engine {engine} cannot speak at speed {sampling.speed}.", "Give a speed of 0.5 to 2.0.")
    return sampling.speed
