"""Speech: what is asked of an engine, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""Mono 16-bit PCM, shape (n,). Engines quantise once; from there on all audio is integers, so equal means equal."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of one engine. `description` is what a described voice (Maya1) is asked to sound like."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine draws. None is not asked for; an engine refuses a field that it does not know."""

    speed: float | None = None  # 1.0 is the voice's own pace
    temperature: float | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said once: everything that the audio may depend on. `key` names the audio object (see recipe.py).

    Attributes:
        parts: What is said instead, one after another, where the text was split; else empty.
    """

    text: str
    voice: Voice
    sampling: Sampling
    seed: int
    take: int
    key: str
    parts: tuple[Utterance, ...] = ()


class FinishReason(StrEnum):
    """Why a take ended. A deadline or a crash is an error, never a take."""

    END = "end"
    BUDGET = "budget"
    LOOP = "loop"
    STRETCH = "stretch"


@dataclass(frozen=True, slots=True)
class Audio:
    samples: Samples
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an engine with a codec says: token ids, to be decoded into audio at any later time.

    Attributes:
        duration_s: How long they will sound.
        slots: Beside how many others they were made: fewer than the engine has, where its memory ran out.
        legal_mass: Samples, 0 to 1, of the probability that the model itself gave to what was legal to say next.
        part_ends: Where each part of the utterance ends in `ids`, if it has parts.
    """

    ids: tuple[int, ...]
    duration_s: float
    slots: int
    legal_mass: tuple[float, ...] = ()
    part_ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """One attempt at one utterance: a waveform, or the tokens of one."""

    utterance: Utterance
    finish: FinishReason
    elapsed_s: float
    audio: Audio | None = None
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What a take was made on. Promise 1 is bitwise for one stack; the stack is recorded, never part of a key."""

    engine: str
    weights_digest: str
    precision: str
    slots: int
    threads: int
    libraries: dict[str, str] = field(default_factory=dict)  # name -> version
    host: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is spoken, and by whom: a plan, a voice, an engine. Its evidence lies under its key.

    Attributes:
        key: Digest of all the rest but the library, from recipe.py.
        library: Root of the library, a folder or an fsspec URL.
        shelf: Name of the book's folder in the library.
        book, plan: Digests of the saved Book and Plan.
    """

    key: str
    library: str
    shelf: str
    book: str
    plan: str
    engine: str
    voice: Voice
    sampling: Sampling
    weights_digest: str
    precision: str


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """The engine that makes a take, as far as its audio depends on it."""

    name: str
    weights_digest: str
    precision: str


@dataclass(frozen=True, slots=True)
class Order:
    """One chunk to be spoken once: which take, and what of the plan and the reading is overruled for it.

    Attributes:
        parts: The text in pieces that are spoken by themselves and joined.
        engine: Another one than that of the reading.
    """

    chunk: int
    take: int
    text: str | None = None
    sampling: Sampling | None = None
    parts: tuple[str, ...] = ()
    engine: EngineIdentity | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The orders of one synthesis task. `name` names its evidence: a range in round 0, the digest of its set later."""

    round: int
    name: str
    orders: tuple[Order, ...]
