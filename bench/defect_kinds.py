"""Seeded defects: what goes wrong with speech, done on purpose to takes that are good.

Each kind is a function of a good take, of the studio where it was spoken and of random numbers, and gives the spoiled
take; None where a take has not what it spoils, as a text of one sentence has none to skip. Where a voice would not have
said something, the shorter text is spoken anew; where audio breaks off or is broken, the audio is cut. The text is
always that which the book wanted. Nothing in rhapsode/ knows this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import signal

from bench.espeak import VOICES, espeak
from rhapsode.model import Audio, Samples

FRAME_S = 2048 / 24_000
"""A frame of Maya1's codec."""

DESCRIPTIONS = (
    "Realistic female voice in the 30s age with american accent. Normal pitch, warm timbre, conversational pacing.",
    "Realistic male voice in the 50s age with british accent. Low pitch, deep timbre, slow pacing.",
    "Creative character voice of a wise old wizard, gravelly timbre, neutral tone delivery at medium intensity.",
    "A young woman with a bright and energetic voice, speaking quickly.",
    "Male narrator, calm.",
)


ONSETS = ("bl", "d", "fr", "g", "k", "m", "n", "pl", "sk", "tr", "v", "z")
CODAS = ("b", "k", "m", "nd", "p", "zz")


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


# -- the audio is broken -----------------------------------------------------------------------------------------------


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
    return _heard_as(take, np.concatenate(parts))


def shuffled_frames(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Gibberish in the right voice: the take's own frames of 85 ms in any order."""
    size = round(FRAME_S * take.audio.sample_rate_hz)
    frames = [take.audio.samples[i : i + size] for i in range(0, len(take.audio.samples), size)]
    return _heard_as(take, np.concatenate([frames[i] for i in rng.permutation(len(frames))]))


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
    return _heard_as(take, np.concatenate([samples[:start], mangled, samples[start + size :]]))


def silence(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Nothing at all, or the faintest hiss."""
    hiss = rng.normal(0, rng.choice([0.0, 4.0]), len(take.audio.samples))
    return _heard_as(take, np.rint(hiss))


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
    return _heard_as(take, samples)


def clipping(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """So loud that it is cut off at full scale: 12 to 30 dB above what fits."""
    samples = take.audio.samples.astype(np.float64)
    gain = 32767 / np.abs(samples).max() * 10 ** (rng.uniform(12, 30) / 20)
    return _heard_as(take, samples * gain)


def endless_loop(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """From somewhere on, the same 0.5 to 2.5 s again and again, until it is two to three times as long."""
    rate, samples = take.audio.sample_rate_hz, take.audio.samples
    size = int(rng.uniform(0.5, 2.5) * rate)
    if len(samples) < size + rate:
        return None
    start = int(rng.integers(len(samples) - size))
    piece = samples[start : start + size]
    rest = int(len(samples) * rng.uniform(1.0, 2.0)) + len(samples) - start
    return _heard_as(take, np.concatenate([samples[:start], *[piece] * (rest // size + 1)]))


def half_speed(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    """Spoken slowly, or played at the wrong rate."""
    if rng.random() < 0.5:
        return replace(take, audio=studio.say(take.text, 0.5))
    return _heard_as(take, signal.resample_poly(take.audio.samples.astype(np.float64), 2, 1))


# -- the words are others ----------------------------------------------------------------------------------------------


def first_word_missing(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    starts = _starts(take.text)
    return replace(take, audio=studio.say(take.text[starts[1] :], 1.0)) if len(starts) >= 4 else None


def last_word_missing(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    return _ends_early(take, studio, rng, 1)


def last_three_words_missing(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    return _ends_early(take, studio, rng, 3)


def sentence_skipped(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    long = [i for i, sentence in enumerate(take.sentences) if len(_starts(sentence)) >= 3]
    if len(take.sentences) < 2 or not long:
        return None
    skipped = rng.choice(long)
    rest = " ".join(one for i, one in enumerate(take.sentences) if i != skipped)
    return replace(take, audio=studio.say(rest, 1.0)) if _starts(rest) else None


def phrase_repeated(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """Three to six words are said twice."""
    starts = [*_starts(take.text), len(take.text)]
    size = int(rng.integers(3, 7))
    if len(starts) < size + 3:
        return None
    first = int(rng.integers(len(starts) - size))
    phrase = take.text[starts[first] : starts[first + size]]
    end = starts[first + size]
    said = f"{take.text[:end].rstrip()} {phrase.strip()} {take.text[end:]}"
    return replace(take, audio=studio.say(said, 1.0))


def other_text(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """Another chunk, and not one as good as the same: a book may have many that say "Chapter"."""
    others = [one for one in studio.takes if len(_starts(one.text)) >= 4 and one.text != take.text]
    return replace(take, audio=others[rng.integers(len(others))].audio) if others else None


def description_spoken(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    return replace(take, audio=studio.say(f"{rng.choice(DESCRIPTIONS)} {take.text}", 1.0))


def made_up_words(take: Spoken, studio: Studio, rng: Rng) -> Spoken | None:
    """Fluent gibberish: each word of four letters or more becomes one that no language has."""
    said = re.sub(r"[A-Za-z]{4,}", lambda word: _nonsense(word[0], rng), take.text)
    return replace(take, audio=studio.say(said, 1.0)) if said != take.text else None


def other_voice(take: Spoken, studio: Studio, rng: Rng) -> Spoken:
    return replace(take, audio=espeak(take.text, str(rng.choice(VOICES))))


GROSS: dict[str, Spoil] = {
    "foreign syllables": foreign_syllables,
    "shuffled frames": shuffled_frames,
    "slipped frames": slipped_frames,
    "mangled middle": mangled_middle,
    "made-up words": made_up_words,
    "silence": silence,
    "last three words missing": last_three_words_missing,
    "sentence skipped": sentence_skipped,
    "phrase repeated": phrase_repeated,
    "endless loop": endless_loop,
    "other text": other_text,
    "description spoken": description_spoken,
    "noise burst": noise_burst,
    "clipping": clipping,
    "half speed": half_speed,
    "other voice": other_voice,
}
WORDS: dict[str, Spoil] = {
    "first word missing": first_word_missing,
    "last word missing": last_word_missing,
}
KINDS = GROSS | WORDS


def _ends_early(take: Spoken, studio: Studio, rng: Rng, words: int) -> Spoken | None:
    """The voice stops there as at an end; or the audio breaks off there, and with it perhaps the breath of a sound."""
    starts = _starts(take.text)
    if len(starts) < words + 3:
        return None
    shorter = take.text[: starts[-words]].rstrip()
    audio = studio.say(shorter, 1.0)
    if rng.random() < 0.5:
        return replace(take, audio=audio)
    full, kept = _end_of_speech(take.audio), _end_of_speech(studio.say(shorter + ".", 1.0))
    return _heard_as(take, take.audio.samples[: min(full, kept)]) if kept < full else None


def _starts(text: str) -> list[int]:
    """Where the words begin: what stands between spaces or long dashes and has a letter."""
    return [found.start() for found in re.finditer(r"[^\s—–]*[^\W\d_][^\s—–]*", text)]


def _end_of_speech(audio: Audio) -> int:
    """Behind the last sample above -40 dBFS."""
    return int(np.flatnonzero(np.abs(audio.samples) > 327)[-1]) + 1


def _nonsense(word: str, rng: Rng) -> str:
    syllables = [str(rng.choice(ONSETS)) + str(rng.choice(list("aeiou"))) for _ in range(max(1, len(word) // 3))]
    made = "".join([*syllables, str(rng.choice(CODAS))])
    return made.capitalize() if word[0].isupper() else made


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


def _heard_as(take: Spoken, wave: np.ndarray) -> Spoken:
    samples: Samples = np.rint(np.clip(wave, -32768, 32767)).astype(np.int16)
    return replace(take, audio=Audio(samples, take.audio.sample_rate_hz))
