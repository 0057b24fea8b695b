"""Takes to join, and readers that owe nothing to the code under test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hibari import Hibari
from mutagen.mp4 import MP4
from mutagen.mp4._atom import Atom, Atoms

from rhapsode.audio.ffmpeg import find_ffmpeg
from rhapsode.audio.joins import lay_out, outline
from rhapsode.model import Audio, Boundary, Chunk, Samples, Timeline
from rhapsode.settings import AudioSettings

RATE = 24_000

SENTENCES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom.",
    "He laughed. The fish hissed on the hot stove, and the wind whistled off the cliffs.",
    "She had expected a thief; a half-finished sentence hung in the air, and stuff.",
)

Take = tuple[Chunk, str, str, Audio]


def chunk(number: int, boundary: Boundary = Boundary.SENTENCE) -> Chunk:
    return Chunk(number, 1, "", "", 0, 0, (), boundary)


def takes_of(waves: Sequence[Samples], boundary: Boundary = Boundary.SENTENCE) -> list[Take]:
    return [
        (chunk(number, boundary), f"key{number}", f"sha{number}", Audio(wave, RATE))
        for number, wave in enumerate(waves, start=1)
    ]


def laid_out(chapter: int, title: str, takes: Iterable[Take], audio_settings: AudioSettings) -> Timeline:
    """A timeline of takes as they are, where the stages know only their outlines."""
    outlines = ((chunk, key, sha256, outline(audio)) for chunk, key, sha256, audio in takes)
    return lay_out(chapter, title, outlines, audio_settings, RATE)


def sine(hertz: float, seconds: float, amplitude: float = 8000.0) -> Samples:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return np.round(amplitude * np.sin(2 * np.pi * hertz * time_s)).astype(np.int16)


@lru_cache(maxsize=1)
def _speech() -> tuple[Samples, ...]:
    voice = Hibari()
    return tuple(np.round(voice(sentence, seed=1) * 32767).astype(np.int16) for sentence in SENTENCES)


@pytest.fixture(scope="session")
def speech() -> list[Samples]:
    """A few sentences of the embedded voice."""
    return list(_speech())


@dataclass(frozen=True)
class TrackChapter:
    title: str
    start_s: float


def chapter_track(path: Path) -> list[TrackChapter]:
    """The chapters of the QuickTime text track, straight from the boxes: what Apple's players read."""
    data = path.read_bytes()
    with path.open("rb") as file:
        tracks = Atoms(file)[b"moov"].findall(b"trak")
        for track in tracks:
            body = lambda *names: _body(data, track, *names)  # noqa: B023, E731
            if body("mdia", "hdlr")[8:12] == b"text":
                timescale = int.from_bytes(body("mdia", "mdhd")[12:16], "big")
                return _text_samples(data, body, timescale)
    return []


def _body(data: bytes, track: Atom, *names: str) -> bytes:
    atom = track[tuple(name.encode() for name in names)]
    return data[atom._dataoffset : atom._dataoffset + atom.datalength]


def _text_samples(data: bytes, body: Callable[..., bytes], timescale: int) -> list[TrackChapter]:
    table = ("mdia", "minf", "stbl")
    numbers = lambda name, skip: np.frombuffer(body(*table, name)[skip:], ">u4").tolist()  # noqa: E731
    durations = [span for count, span in np.reshape(numbers("stts", 8), (-1, 2)) for _ in range(count)]
    fixed, count = numbers("stsz", 4)[:2]
    sizes = [fixed] * count if fixed else numbers("stsz", 12)
    chunks = numbers("stco", 8)
    runs = np.reshape(numbers("stsc", 8), (-1, 3)).tolist()
    per_chunk = {first: samples for first, samples, _ in runs}
    chapters, sample, clock, in_chunk = [], 0, 0, 0
    for number, offset in enumerate(chunks, start=1):
        in_chunk = per_chunk.get(number, in_chunk)
        place = offset
        for _ in range(in_chunk):
            length = int.from_bytes(data[place : place + 2], "big")
            title = data[place + 2 : place + 2 + length].decode()
            chapters.append(TrackChapter(title, clock / timescale))
            clock += int(durations[sample])
            place += sizes[sample]
            sample += 1
    return chapters


def decode(path: Path) -> Samples:
    command = [find_ffmpeg().path, "-v", "error", "-i", str(path), "-map", "0:a", "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16)


def mp4_tags(path: Path) -> dict[str, object]:
    tags = MP4(path).tags
    assert tags is not None
    return dict(tags)
