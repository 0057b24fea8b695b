"""A deterministic test voice: one short note a character, no weights, thousands of times faster than real time.

All arithmetic is on integers (a phase accumulator and a table), so its audio is the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from rhapsode.engines.machine import CORES, host, versions
from rhapsode.engines.protocol import Codec, Session
from rhapsode.engines.serial import serial_session, speed_of
from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import Samples, Sampling, Stack, Utterance, Voice
from rhapsode.recipe import digest

SAMPLE_RATE_HZ = 24_000
CHARACTER_S = 0.065  # English prose takes about 15 characters a second
LEAD_S, TAIL_S = 0.08, 0.15  # digital silence at the edges, so that trimming has something to do
AMPLITUDE = 6000  # about -18 dBFS rms, the level of a spoken book
BASE_HZ, STEP_HZ = 110.0, 2.5  # a note is BASE_HZ + STEP_HZ * (0..255)
TABLE_BITS = 10

_TABLE: Samples = np.rint(AMPLITUDE * np.sin(2 * np.pi * np.arange(1 << TABLE_BITS) / (1 << TABLE_BITS))).astype(
    np.int16
)
_VOICES = (Voice("tone"),)


class Tone:
    """The engine; there is nothing to load."""

    sample_rate_hz = SAMPLE_RATE_HZ
    voices: Sequence[Voice] = _VOICES
    sampling = Sampling(speed=1.0)
    codec: Codec | None = None
    sessions_at_once = CORES

    def __init__(self) -> None:
        constants = [SAMPLE_RATE_HZ, CHARACTER_S, LEAD_S, TAIL_S, BASE_HZ, STEP_HZ, _TABLE.tolist()]
        self.stack = Stack(
            engine="tone",
            weights_digest=digest(constants),
            precision="int16",
            slots=1,
            threads=1,
            libraries=versions("numpy"),
            host=host(),
        )

    def session(self) -> AbstractContextManager[Session]:
        return serial_session(_say, SAMPLE_RATE_HZ)


def _say(utterance: Utterance) -> Samples:
    """One note a character (white space is silent) between two silences. The notes follow from text and seed."""
    if utterance.voice not in _VOICES:
        raise BadRequest(f"The engine tone has no voice {utterance.voice.name!r}.", "It has: tone.")
    speed = speed_of(utterance.sampling, "tone")
    if not any(c.isalnum() for c in utterance.text):
        raise SynthesisFailed(f"Nothing to say in {utterance.text!r}.", "Give the chunk a text that has words.")
    per_character = round(CHARACTER_S * SAMPLE_RATE_HZ / speed)
    source = hashlib.shake_256(f"{utterance.seed}\n{utterance.text}".encode())
    bits = source.digest(4 + len(utterance.text))
    start, draws = np.frombuffer(bits[:4], "<u4"), np.frombuffer(bits[4:], np.uint8)
    # Phase counts in 2**32 a turn and wraps around as unsigned integers do.
    turns = (BASE_HZ + STEP_HZ * draws) / SAMPLE_RATE_HZ
    steps = np.rint(turns * 2**32).astype(np.uint32)
    phase = np.cumsum(np.repeat(steps, per_character), dtype=np.uint32) + start
    notes = _TABLE[phase >> np.uint32(32 - TABLE_BITS)].reshape(-1, per_character)
    notes[[c.isspace() for c in utterance.text]] = 0
    return np.pad(notes.reshape(-1), (round(LEAD_S * SAMPLE_RATE_HZ), round(TAIL_S * SAMPLE_RATE_HZ)))
