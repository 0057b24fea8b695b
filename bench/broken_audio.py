"""Seeded defects of the audio: syllables, frames, noise, loops, speed. `bench.defect_kinds` has the rules of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import signal

from rhapsode.model import Audio, Samples

FRAME_S = 2048 / 24_000
"""A frame of Maya1's codec."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A chunk and how it is spoken. `sentences` joined by spaces are the text."""

    text: str
    sentences: tuple[str, ...]
    audio: Audio


@dataclass(frozen=True, slots=True)
class Studio:
    """Where takes come from.

    Attributes:
        takes: Good ones of the same voice, of other chunks.
        say: Speaks a text at a speed, 1.0 being the voice's own.
        slip: A sentence in the voice of a codec of frames, with the frames one token out of step.
    """

    takes: Sequence[Spoken]
    say: Callable[[str, float], Audio]
    slip: Callable[[np.random.Generator], Spoken]


Rng = np.random.Generator
Spoil = Callable[[Spoken, Studio, Rng], Spoken | None]


def foreign_syllables(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Gibberish in the right voice: syllables cut out of other takes, as long as the take was."""
    rate = take.audio.sample_rate_hz
    parts, length = [], 0
    while length < len(take.audio.samples):
        other = studio.takes[rng.integers(len(studio.takes))].audio.samples
        size = int(rng.uniform(0.12, 0.30) * rate)
        start = int(rng.integers(max(1, len(other) - size)))
        part = _faded(other[start : start + size], rate)
        if np.abs(part).max(initial=0) > 500:  # a syllable, not a pause
            parts.append(part)
            length += len(part)
    return heard_as(take, np.concatenate(parts))


def shuffled_frames(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Gibberish in the right voice: the take's own frames of 85 ms in any order."""
    size = round(FRAME_S * take.audio.sample_rate_hz)
    frames = [take.audio.samples[i : i + size] for i in range(0, len(take.audio.samples), size)]
    return heard_as(take, np.concatenate([frames[i] for i in rng.permutation(len(frames))]))


def slipped_frames(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    return studio.slip(rng)


def mangled_middle(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """A good beginning and a good end, and between them 3 to 5 s of shuffled frames."""
    rate, samples = take.audio.sample_rate_hz, take.audio.samples
    size = int(rng.uniform(3.0, 5.0) * rate)
    if len(samples) < 2 * size:
        return None
    start = int(rng.integers(rate // 2, len(samples) - size - rate // 2))
    middle = replace(take, audio=Audio(samples[start : start + size], rate))
    mangled = shuffled_frames(middle, studio, rng).audio.samples
    return heard_as(take, np.concatenate([samples[:start], mangled, samples[start + size :]]))


def silence(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Nothing at all, or the faintest hiss."""
    hiss = rng.normal(0, rng.choice([0.0, 4.0]), len(take.audio.samples))
    return heard_as(take, np.rint(hiss))


def noise_burst(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """White or brown noise over 0.4 to 1.2 s of the speech, as loud as the voice or louder."""
    rate, samples = take.audio.sample_rate_hz, take.audio.samples.astype(np.float64)
    size = min(int(rng.uniform(0.4, 1.2) * rate), len(samples))
    start = int(rng.integers(len(samples) - size + 1))
    noise = rng.normal(size=size)
    if rng.random() < 0.5:
        noise = signal.lfilter([1.0], [1.0, -0.98], noise)
    loud = _level(samples) * 10 ** (rng.uniform(0.0, 10.0) / 20)
    samples[start : start + size] += noise * loud / _level(noise)
    return heard_as(take, samples)


def clipping(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """So loud that it is cut off at full scale: 12 to 30 dB above what fits."""
    samples = take.audio.samples.astype(np.float64)
    gain = 32767 / np.abs(samples).max() * 10 ** (rng.uniform(12, 30) / 20)
    return heard_as(take, samples * gain)


def endless_loop(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """From somewhere on, the same 0.5 to 2.5 s again and again, until it is two to three times as long."""
    rate, samples = take.audio.sample_rate_hz, take.audio.samples
    size = int(rng.uniform(0.5, 2.5) * rate)
    if len(samples) < size + rate:
        return None
    start = int(rng.integers(len(samples) - size))
    piece = samples[start : start + size]
    rest = int(len(samples) * rng.uniform(1.0, 2.0)) + len(samples) - start
    return heard_as(take, np.concatenate([samples[:start], *[piece] * (rest // size + 1)]))


def half_speed(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Spoken slowly, or played at the wrong rate."""
    if rng.random() < 0.5:
        return replace(take, audio=studio.say(take.text, 0.5))
    return heard_as(take, signal.resample_poly(take.audio.samples.astype(np.float64), 2, 1))


def _faded(part: Samples, rate: int) -> Samples:
    """Without a click at its edges."""
    edge = min(int(0.005 * rate), len(part) // 2)
    ramp = np.ones(len(part))
    if edge:
        ramp[:edge] = np.linspace(0, 1, edge)
        ramp[-edge:] = np.linspace(1, 0, edge)
    return np.rint(part * ramp).astype(np.int16)


def _level(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave)))) or 1.0


def heard_as(take: Spoken, wave: np.ndarray) -> Spoken:
    samples: Samples = np.rint(np.clip(wave, -32768, 32767)).astype(np.int16)
    return replace(take, audio=Audio(samples, take.audio.sample_rate_hz))
