"""The frame decoder: B takes in step, one frame at a time, none of which can tell that the others are there.

Knows slots, the grammar of a frame, sampling, budgets and loops. Knows nothing of text, torch or llama.cpp: scores come
from a `Backbone`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE, Backbone
from rhapsode.engines.maya1.sampler import Draw, Floats, Logits, sample, uniforms
from rhapsode.engines.maya1.watch import LoopWatch
from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import FinishReason

FRAMES_PER_PROBE = 16
"""How often the mass on legal ids is taken. The frame's position moves by one each time, so all bands are seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """One take to decode: everything that its tokens may depend on, and the caller's number for it."""

    number: int
    prompt: tuple[int, ...]
    seed: int
    draw: Draw
    min_frames: int
    max_frames: int

    def __post_init__(self) -> None:
        if not (self.prompt and 1 <= self.min_frames <= self.max_frames):
            raise BadRequest(
                f"Line {self.number}: {len(self.prompt)} prompt tokens, {self.min_frames}..{self.max_frames} frames.",
                "Give it a prompt and at least one frame.",
            )


@dataclass(frozen=True, slots=True)
class Decoded:
    """A finished line.

    Attributes:
        token_ids: Whole frames, without CODE_END.
        slots: How many slots it was decoded on: part of its stack.
        elapsed_s: From its prefill to its end, beside its neighbours.
        legal_mass: The probability that the model itself gave to legal ids, every `FRAMES_PER_PROBE` frames. A healthy
            model is near 1; the grammar would hide a decayed one.
    """

    line: Line
    token_ids: tuple[int, ...]
    finish: FinishReason
    slots: int
    elapsed_s: float
    legal_mass: tuple[float, ...]


@dataclass(slots=True)
class _Take:
    line: Line
    chances: Floats
    started_s: float
    frames: list[list[int]] = field(default_factory=list)
    legal_mass: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, line: Line) -> _Take:
        # One number a token, and one for the end that may follow the last frame.
        return cls(line, uniforms(line.seed, line.max_frames * v.FRAME_TOKENS + 1), time.monotonic())

    def probed_at(self, position: int) -> bool:
        probe, rest = divmod(len(self.frames), FRAMES_PER_PROBE)
        return rest == 0 and probe % v.FRAME_TOKENS == position


class FrameDecoder:
    """Decodes lines on a backbone's slots.

    Attributes:
        back_offs: (slots before, slots after) of each time that the slots did not fit into memory.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._legal = [v.legal_ids(position) for position in range(v.FRAME_TOKENS)]
        self.back_offs: list[tuple[int, int]] = []
        self._busy_slot_frames = 0
        self._slot_frames = 0

    @property
    def occupancy(self) -> float:
        """The share of all computed slots that had a take in them, so far."""
        return self._busy_slot_frames / max(1, self._slot_frames)

    def decode(self, lines: Sequence[Line]) -> Iterator[Decoded]:
        """Decodes each line once and yields them in the order in which they finish.

        The longest begin first, so that no long one is left to run alone at the end. One call at a time: a call ends
        all takes of the one before.

        Raises:
            BadRequest: A line does not fit into a slot.
            SynthesisFailed: Not even one slot fits into memory, or the model computed no numbers.
        """
        for line in lines:
            needed = len(line.prompt) + line.max_frames * v.FRAME_TOKENS
            if needed > self._backbone.capacity:
                raise BadRequest(
                    f"Line {line.number} may need {needed} tokens; a slot holds {self._backbone.capacity}.",
                    "Make chunks shorter or the slots longer.",
                )
        self._empty_slots()
        self._waiting = _longest_first(lines)
        self._finished: list[Decoded] = []
        while self._waiting or any(self._takes):
            try:
                self._decode_frame()
            except MemoryError as failure:
                self._back_off(failure)
            yield from self._finished
            self._finished = []

    def _empty_slots(self) -> None:
        slots = self._backbone.slots
        self._takes: list[_Take | None] = [None] * slots
        self._seen = [np.zeros((slots, len(legal)), dtype=np.bool_) for legal in self._legal]
        self._watch = LoopWatch(slots)
        self._logits: Logits = np.zeros((slots, len(self._legal[0])), dtype=np.float32)

    def _decode_frame(self) -> None:
        frame = np.full((len(self._takes), v.FRAME_TOKENS), IDLE, dtype=np.int64)
        self._begin_frame(frame)
        busy = self._busy()
        if not busy:
            return
        for position in range(1, v.FRAME_TOKENS):
            logits = self._backbone.step(frame[:, position - 1], position)
            frame[busy, position] = self._draw(busy, logits[busy], position)
        self._logits = self._backbone.step(frame[:, -1], 0)
        self._watch.see(frame[:, 0])
        for slot, take in enumerate(self._takes):
            if take:
                take.frames.append(frame[slot].tolist())
        self._busy_slot_frames += len(busy)
        self._slot_frames += len(self._takes)

    def _begin_frame(self, frame: v.TokenIds) -> None:
        """Draws every first token. A slot whose take ends here takes the next line, so that all stay in phase."""
        busy = self._busy()
        if busy:
            frame[busy, 0] = self._draw(busy, self._logits[busy], 0)
        for slot, take in enumerate(self._takes):
            finish = take and self._finish(slot, take, int(frame[slot, 0]))
            if take and finish:
                token_ids = tuple(token for tokens in take.frames for token in tokens)
                elapsed_s = time.monotonic() - take.started_s
                self._finished.append(
                    Decoded(take.line, token_ids, finish, len(self._takes), elapsed_s, tuple(take.legal_mass))
                )
                self._takes[slot] = None
                frame[slot] = IDLE
            if self._takes[slot] is None and self._waiting:
                line = self._waiting.popleft()
                self._takes[slot] = _Take.of(line)
                for seen in self._seen:
                    seen[slot] = False
                self._watch.clear(slot)
                self._logits[slot] = self._backbone.prefill(slot, line.prompt)
                frame[slot, 0] = self._draw([slot], self._logits[[slot]], 0)[0]

    def _finish(self, slot: int, take: _Take, first_token: int) -> FinishReason | None:
        if first_token == v.CODE_END:
            return FinishReason.END
        circling = self._watch.verdict(slot)
        if circling:
            return circling
        return FinishReason.BUDGET if len(take.frames) == take.line.max_frames else None

    def _draw(self, slots: list[int], logits: Logits, position: int) -> v.TokenIds:
        """Draws the next token of some slots from their scores of the legal ids, (slots, ids)."""
        takes = [take for take in (self._takes[slot] for slot in slots) if take]
        legal = self._legal[position]
        for row, take in enumerate(takes):
            if take.probed_at(position):
                log_legal = np.logaddexp.reduce(logits[row].astype(np.float64))
                take.legal_mass.append(float(np.exp(log_legal - self._backbone.log_total(slots[row]))))
        too_early = [position == 0 and len(take.frames) < take.line.min_frames for take in takes]
        if any(too_early):
            logits = np.where(np.outer(too_early, legal == v.CODE_END), np.float32(-np.inf), logits)
        chances = np.array([take.chances[len(take.frames) * v.FRAME_TOKENS + position] for take in takes])
        columns = sample(logits, self._seen[position][slots], [take.line.draw for take in takes], chances)
        self._seen[position][slots, columns] = True
        return legal[columns]

    def _back_off(self, failure: MemoryError) -> None:
        """Halves the slots. The takes that were in them begin anew, for a take is decoded on one number of slots."""
        before = slots = len(self._takes)
        self._waiting = _longest_first([*(take.line for take in self._takes if take), *self._waiting])
        while slots > 1:
            slots //= 2
            try:
                self._backbone.resize(slots)
            except MemoryError as again:
                failure = again
            else:
                self.back_offs.append((before, slots))
                self._empty_slots()
                return
        raise SynthesisFailed(
            f"Not even one slot fits into memory ({failure}).", "Use a smaller precision or a larger device."
        ) from failure

    def _busy(self) -> list[int]:
        return [slot for slot, take in enumerate(self._takes) if take]


def _longest_first(lines: Sequence[Line]) -> deque[Line]:
    return deque(sorted(lines, key=lambda line: (-line.max_frames, line.number)))
