"""What a book will be: words, chunks and minutes a chapter, before anything is spoken."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from rhapsode import recipe
from rhapsode.engines.protocol import Engine
from rhapsode.model import Book, Plan, Sampling, Voice
from rhapsode.settings import AudioSettings
from rhapsode.text.pace import estimate_s

EDGE_S = 0.6
"""Silence around a take, trimmed when it is laid out; mean of 65 takes of the embedded voice."""
BINDING = 60.0
"""Times real time at which chapters are laid out, encoded and read back: what two busy cores managed."""
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
    """One sentence, spoken to see how fast this machine is."""

    duration_s: float
    elapsed_s: float

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
        spoken_s = max(0.0, estimate_s(chunk.spoken) - EDGE_S) / (sampling.speed or 1.0)
        duration_s[chunk.chapter] += spoken_s + pauses[chunk.boundary.value]
        chunks[chunk.chapter] += 1
        words[chunk.chapter] += chunk.words
    return [
        ChapterEstimate(number := chapter.number, chapter.title, words[number], chunks[number], duration_s[number])
        for chapter in book.chapters
    ]


def try_engine(engine: Engine, voice: Voice, sampling: Sampling) -> Trial:
    """Speaks one sentence; the first time warms up, the second counts.

    Raises:
        EngineError: The engine cannot speak.
    """
    stack = engine.stack
    said = [recipe.utterance(TRIAL, voice, sampling, stack.weights_digest, stack.precision, take) for take in (1, 2)]
    with engine.session() as session:
        list(session.speak(said[:1]))
        started = time.perf_counter()
        (take,) = session.speak(said[1:])
        elapsed_s = time.perf_counter() - started
    return Trial(take.audio.duration_s if take.audio else 0.0, elapsed_s)


def conversion_s(duration_s: float, trial: Trial, workers: int) -> float:
    """Seconds that a conversion will take on this machine, without the start of the orchestrator.

    Args:
        workers: As in the request; 0 is one for each core.
    """
    cores = os.cpu_count() or 1
    return duration_s / (trial.speed * min(workers or cores, cores)) + duration_s / BINDING
