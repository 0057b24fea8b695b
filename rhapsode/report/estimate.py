"""What a book will be: words, chunks and minutes a chapter, before anything is spoken."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rhapsode import recipe
from rhapsode.engines.protocol import Engine, audio_of
from rhapsode.model import Book, Plan, Sampling, Voice
from rhapsode.settings import AudioSettings
from rhapsode.text.pace import estimate_s

EDGE_S = 0.6
"""Silence around a take, trimmed when it is laid out; mean of 65 takes of the embedded voice."""
BINDING = 60.0
"""Times real time at which chapters are laid out, encoded and read back: what two busy cores managed."""
WARM_UP = "Ready."
TRIAL = "The clock in the hall struck nine, and nobody in the house was willing to answer the door."


@dataclass(frozen=True, slots=True)
class ChapterEstimate:
    number: int
    title: str
    words: int
    chunks: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One sentence, spoken to see how fast this machine is.

    Attributes:
        duration_s: Of all takes that the engine spoke in step.
        sessions: How many can speak so at once.
    """

    duration_s: float
    elapsed_s: float
    sessions: int = 1

    @property
    def speed(self) -> float:
        """Times real time, of one worker."""
        return self.duration_s / max(self.elapsed_s, 1e-6)


def estimate_chapters(book: Book, plan: Plan, sampling: Sampling, audio: AudioSettings) -> list[ChapterEstimate]:
    """One estimate a chapter; chapters without a word to say have no chunks and last 0 s."""
    pauses = audio.pauses.model_dump()
    duration_s = dict.fromkeys((chapter.number for chapter in book.chapters), 0.0)
    chunks = dict.fromkeys(duration_s, 0)
    words = dict.fromkeys(duration_s, 0)
    for chunk in plan.chunks:
        duration_s[chunk.chapter] += chunk_s(chunk.spoken, sampling) + pauses[chunk.boundary.value]
        chunks[chunk.chapter] += 1
        words[chunk.chapter] += chunk.words
    return [
        ChapterEstimate(number := chapter.number, chapter.title, words[number], chunks[number], duration_s[number])
        for chapter in book.chapters
    ]


def chunk_s(spoken: str, sampling: Sampling) -> float:
    """Seconds that a chunk will be heard, without the pause after it."""
    return max(0.0, estimate_s(spoken) - EDGE_S) / (sampling.speed or 1.0)


def try_engine(engine: Engine, voice: Voice, sampling: Sampling) -> Trial:
    """Speaks one sentence, in as many takes as the engine speaks in step; a word before it warms up.

    Raises:
        EngineError: The engine cannot speak.
    """
    stack = engine.stack
    identity = (voice, sampling, stack.weights_digest, stack.precision)
    warm_up = recipe.utterance(WARM_UP, *identity, take=1)
    said = [recipe.utterance(TRIAL, *identity, take=take) for take in range(1, stack.slots + 1)]
    with engine.session() as session:
        for take in session.speak([warm_up]):
            audio_of(take, engine.codec)
        started = time.perf_counter()
        duration_s = sum(audio_of(take, engine.codec).duration_s for take in session.speak(said))
        elapsed_s = time.perf_counter() - started
    return Trial(duration_s, elapsed_s, engine.sessions_at_once)


def conversion_s(duration_s: float, trial: Trial, workers: int) -> float:
    """Seconds that a conversion will take on this machine, without the start of the orchestrator.

    Args:
        workers: As in the request; 0 is as many as suit the engine, and more are no faster.
    """
    sessions = min(workers or trial.sessions, trial.sessions)
    return duration_s / (trial.speed * sessions) + duration_s / BINDING
