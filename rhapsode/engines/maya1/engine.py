"""Maya1 as an engine: utterances in, tokens out, whatever computes the model.

The engine holds what never changes: weights, tokenizer, codec. All that a take may leave behind (the cache of the
slots, the decoder's bookkeeping) is made with a session and freed with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import Backbone, check_slots, unlike_slots
from rhapsode.engines.maya1.decoder import Decoded, FrameDecoder, Line
from rhapsode.engines.maya1.prompt import (
    MIN_FRAMES,
    Tokenize,
    build_prompt,
    check_description,
    check_tokenizer,
    frame_budget,
)
from rhapsode.engines.maya1.sampler import Draw
from rhapsode.engines.protocol import Codec, Session
from rhapsode.errors import BadRequest, EngineUnavailable, SynthesisFailed
from rhapsode.model import Sampling, Stack, Take, Tokens, Utterance, Voice

DRAW = Draw()
SAMPLING = Sampling(temperature=DRAW.temperature, top_p=DRAW.top_p, repetition_penalty=DRAW.repetition_penalty)

log = logging.getLogger(__name__)


class Maya1Engine:
    """The engine on one backend.

    Args:
        stack: `stack.slots` is how many takes a session decodes in step.
        tokenize: The tokenizer of the weights; checked here.
        open_backbone: Makes a backbone with so many empty slots, or raises MemoryError.
        proven: The tests have run on this kind of device. On any other, a session first computes the same in every slot
            and compares.

    Raises:
        BadRequest: Slots would not all compute alike.
        WeightsDamaged: The tokenizer belongs to another model.
    """

    sample_rate_hz = v.SAMPLE_RATE_HZ
    sampling = SAMPLING
    sessions_at_once = 1  # a session keeps the device busy with all its slots

    def __init__(
        self,
        *,
        stack: Stack,
        voices: Sequence[Voice],
        codec: Codec,
        tokenize: Tokenize,
        open_backbone: Callable[[int], Backbone],
        proven: bool = True,
    ) -> None:
        check_slots(stack.slots)
        check_tokenizer(tokenize)
        self.stack = stack
        self.voices = voices
        self.codec: Codec | None = codec
        self._tokenize = tokenize
        self._open_backbone = open_backbone
        self._proven = {1, stack.slots} if proven else {1}  # numbers of slots

    @contextmanager
    def session(self) -> Iterator[Session]:
        """See `protocol.Engine`.

        Raises:
            EngineUnavailable: On this device a take would change with its slot.
            SynthesisFailed: Not even one slot fits into memory.
        """
        session = Maya1Session(self._backbone(), self._tokenize)
        try:
            yield session
        finally:
            session.close()

    def _backbone(self) -> Backbone:
        """Slots that fit into what memory is left: all of them, or half as many, and so on."""
        slots = self.stack.slots
        while True:
            try:
                return self._opened(slots)
            except MemoryError as failure:
                if slots == 1:
                    raise SynthesisFailed(
                        f"Not even one slot of {self.stack.engine} fits into memory ({failure}).",
                        "Close other programs, or use a smaller precision.",
                    ) from failure
                log.warning("Memory lacks for %d slots of %s: trying half as many.", slots, self.stack.engine)
                slots //= 2

    def _opened(self, slots: int) -> Backbone:
        backbone = self._open_backbone(slots)
        if slots in self._proven:
            return backbone
        try:
            unlike = unlike_slots(backbone)
            if unlike:
                raise EngineUnavailable(
                    f"On this device slots {unlike} of {slots} compute other bits than slot 0: takes would change.",
                    f"Set RHAPSODE_SLOTS={slots // 2}.",
                )
        except BaseException:  # Ctrl-C too: nobody else has the backbone yet, and its slots fill the device's memory
            backbone.close()
            raise
        self._proven.add(slots)
        return backbone


class Maya1Session:
    """Slots, and what is being said in them."""

    def __init__(self, backbone: Backbone, tokenize: Tokenize) -> None:
        self._backbone = backbone
        self._decoder = FrameDecoder(backbone)
        self._tokenize = tokenize
        self._call = 0  # number of the last call of `speak`
        self._open = True

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        """See `protocol.Session`. What cannot be said is refused after all that can be was.

        Raises:
            RuntimeError: The session is over, or was asked to speak something else meanwhile.
        """
        self._call += 1
        self._check_current(self._call)
        return self._takes(utterances, self._call)

    def close(self) -> None:
        """Frees the slots."""
        self._open = False
        self._backbone.close()

    def _takes(self, utterances: Sequence[Utterance], call: int) -> Iterator[Take]:
        self._check_current(call)
        lines: list[Line] = []
        refused: list[SynthesisFailed] = []
        for number, utterance in enumerate(utterances):
            try:
                lines.append(self._line(number, utterance))
            except SynthesisFailed as failure:
                refused.append(failure)
        told = len(self._decoder.back_offs)
        for decoded in self._decoder.decode(lines):
            for before, after in self._decoder.back_offs[told:]:
                log.warning("Memory ran out with %d slots: going on with %d; their takes began anew.", before, after)
            told = len(self._decoder.back_offs)
            yield _take(utterances[decoded.line.number], decoded)
            self._check_current(call)
        if refused:
            raise refused[0]

    def _line(self, number: int, utterance: Utterance) -> Line:
        """What the decoder is asked for.

        Raises:
            BadRequest: The voice or the sampling is none of Maya1's.
            SynthesisFailed: This text cannot be said.
        """
        check_description(utterance.voice.description)
        draw = _draw(utterance.sampling)
        text, key = utterance.text, utterance.key
        if not any(c.isalnum() for c in text):
            raise SynthesisFailed(f"Nothing to say in {text!r}.", "Give the chunk a text that has words.", key)
        try:
            prompt = build_prompt(text, utterance.voice.description, self._tokenize)
        except BadRequest as error:
            raise SynthesisFailed(error.message, error.remedy, key) from error
        frames = frame_budget(text)
        needed, capacity = len(prompt) + frames * v.FRAME_TOKENS, self._backbone.capacity
        if needed > capacity:
            raise SynthesisFailed(
                f"A text of {len(text)} characters may need {needed} tokens, and a slot holds {capacity}.",
                "Plan shorter chunks.",
                key,
            )
        return Line(number, prompt, utterance.seed, draw, MIN_FRAMES, frames)

    def _check_current(self, call: int) -> None:
        if not self._open:
            raise RuntimeError("this session is over: open a new one with engine.session()")
        if call != self._call:
            raise RuntimeError("this session was asked to speak something else before it had finished")


def _draw(sampling: Sampling) -> Draw:
    if sampling.speed is not None:
        raise BadRequest("Maya1 has no control of its speed.", "Leave the speed unset.")
    asked = (sampling.temperature, sampling.top_p, sampling.repetition_penalty)
    if None in asked:
        raise BadRequest(f"Maya1 cannot draw with {sampling}.", "Give temperature, top_p and repetition_penalty.")
    temperature, top_p, penalty = (float(value) for value in asked if value is not None)
    return Draw(temperature, top_p, penalty)


def _take(utterance: Utterance, decoded: Decoded) -> Take:
    ids = decoded.token_ids
    heard = len(ids) // v.FRAME_TOKENS - 1  # the codec needs the first frame to warm up
    tokens = Tokens(ids, heard * v.FRAME_DURATION_S, decoded.slots, decoded.legal_mass)
    return Take(utterance, decoded.finish, decoded.elapsed_s, tokens=tokens)
