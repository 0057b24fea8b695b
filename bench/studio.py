"""Where the takes of the bench of defects come from: good ones of the embedded voice, and of the voice of the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.broken_audio import Spoken
from bench.pipeline import read_and_plan
from rhapsode import recipe
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.codec import Codec
from rhapsode.engines.registry import load_engine, sampling_of, voice_of
from rhapsode.model import Audio, Chunk
from rhapsode.settings import ConvertRequest, EngineName
from tests.fixtures.voice import SENTENCES, expand, taught_codes
from tests.fixtures.voice.layout import pack

FIXTURE = "fixture voice"


@dataclass(frozen=True, slots=True)
class Member:
    """A chunk of a book."""

    book: str
    number: int
    text: str
    sentences: tuple[str, ...]


def chunks_of(books: Sequence[Path], count: int) -> list[Member]:
    """At least `count` chunks, as many of each book, evenly over each; alternately of the books."""
    share = -(-count // len(books))
    found = []
    for path in books:
        _, plan = read_and_plan(ConvertRequest(epub=str(path), engine=EngineName.HIBARI))
        places = np.linspace(0, len(plan.chunks) - 1, min(share, len(plan.chunks))).astype(int)
        found.append([_member(path.stem, plan.chunks[place]) for place in places])
    return [one for row in zip(*found, strict=False) for one in row]


def _member(book: str, chunk: Chunk) -> Member:
    sentences = tuple(chunk.spoken[span.spoken_start : span.spoken_end] for span in chunk.spans)
    return Member(book, chunk.number, chunk.spoken, sentences)


def say(text: str, speed: float = 1.0) -> Audio:
    """As the embedded voice says it; the same text always the same."""
    engine = load_engine(EngineName.HIBARI)
    sampling, stack = replace(sampling_of(engine, None), speed=speed), engine.stack
    asked = recipe.utterance(text, voice_of(engine, ""), sampling, stack.weights_digest, stack.precision, take=1)
    with engine.session() as session:
        audio = next(iter(session.speak([asked]))).audio
    assert audio is not None
    return audio


@cache
def fixture_codec() -> Codec:
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        return Codec.load(expand(Path(folder) / "voice").codec)


def fixture_take(sentence: int, damage: Callable[[np.ndarray], np.ndarray] | None = None, seed: int = 0) -> Spoken:
    """A sentence of the tests' voice as its codec says it; `damage` changes the tokens (0..4095, seven a frame)."""
    ids = np.asarray(pack(taught_codes()[sentence]))
    if damage:
        codes = damage((ids - v.FIRST_CODE) % v.CODEBOOK_SIZE)
        bands = np.array([v.band(position)[0] for position in range(v.FRAME_TOKENS)])
        ids = codes + np.resize(bands, len(codes))
    text = SENTENCES[sentence]
    return Spoken(text, (text,), fixture_codec().decode(ids.tolist(), seed))


def slip(rng: np.random.Generator) -> Spoken:
    """One token of the first half is missing, and codes are taken modulo 4096, as decoders do that do not look."""

    def lose(codes: np.ndarray) -> np.ndarray:
        lost = np.delete(codes, rng.integers(len(codes) // 2))
        return lost[: len(lost) // v.FRAME_TOKENS * v.FRAME_TOKENS]

    return fixture_take(int(rng.integers(len(SENTENCES))), lose, seed=int(rng.integers(1 << 31)))
