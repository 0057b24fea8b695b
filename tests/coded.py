"""An engine with a codec that needs no weights: `tone`, whose tokens are the characters of its text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rhapsode.engines.protocol import Codec, Session
from rhapsode.engines.tone import Tone
from rhapsode.errors import SynthesisFailed
from rhapsode.model import Audio, FinishReason, Take, Tokens, Utterance
from rhapsode.recipe import utterance
from tests.faulty import Watched

CHARACTER_S = 0.065


class Coded(Watched):
    """Counts what is spoken and what is decoded; `codec_refuses` are texts that cannot be decoded.

    `log` holds both as they happen, such as `speak It rained.`.
    """

    sessions_at_once = 1

    def __init__(self, refuses: Callable[[str], bool] = lambda text: False) -> None:
        super().__init__(refuses)
        self.decoded: list[str] = []
        self.codec_refuses: Callable[[str], bool] = lambda text: False
        self.slots = self.stack.slots
        self.log: list[str] = []
        self.lock = threading.Lock()

    @property
    def codec(self) -> Codec:
        return _Characters(self)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with super().session() as session:
            yield _CodedSession(self, session)

    def note(self, what: str) -> None:
        with self.lock:
            self.log.append(what)


class _CodedSession:
    def __init__(self, engine: Coded, session: Session) -> None:
        self._engine = engine
        self._session = session

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        for take in self._session.speak(utterances):
            text = take.utterance.text
            self._engine.note(f"speak {text}")
            ids = tuple(map(ord, text))
            tokens = Tokens(ids, len(ids) * CHARACTER_S, self._engine.slots, (0.99, 0.75))
            yield Take(take.utterance, FinishReason.BUDGET, take.elapsed_s, tokens=tokens)


class _Characters:
    def __init__(self, engine: Coded) -> None:
        self._engine = engine
        self._tone = Tone()

    def decode(self, token_ids: Sequence[int], seed: int) -> Audio:
        text = "".join(map(chr, token_ids))
        self._engine.note(f"decode {text}")
        if self._engine.codec_refuses(text):
            raise SynthesisFailed("The codec cannot say it.", "Say something else.")
        self._engine.decoded.append(text)
        said = utterance(text, self._tone.voices[0], self._tone.sampling, "", "", 1)
        with self._tone.session() as session:
            (take,) = session.speak([said])
        assert take.audio
        return take.audio
