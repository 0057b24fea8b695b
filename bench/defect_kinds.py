"""Seeded defects: what goes wrong with speech, done on purpose to takes that are good.

Each kind is a function of a good take, of the studio where it was spoken and of random numbers, and gives the spoiled
take; None where a take has not what it spoils, as a text of one sentence has none to skip. Where a voice would not have
said something, the shorter text is spoken anew; where audio breaks off or is broken, the audio is cut. The text is
always that which the book wanted. Nothing in rhapsode/ knows this module or `bench.broken_audio`.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from bench.broken_audio import (
    Rng,
    Spoil,
    Spoken,
    Studio,
    clipping,
    endless_loop,
    foreign_syllables,
    half_speed,
    heard_as,
    mangled_middle,
    noise_burst,
    shuffled_frames,
    silence,
    slipped_frames,
)
from bench.espeak import VOICES, espeak
from rhapsode.model import Audio

DESCRIPTIONS = (
    "Realistic female voice in the 30s age with american accent. Normal pitch, warm timbre, conversational pacing.",
    "Realistic male voice in the 50s age with british accent. Low pitch, deep timbre, slow pacing.",
    "Creative character voice of a wise old wizard, gravelly timbre, neutral tone delivery at medium intensity.",
    "A young woman with a bright and energetic voice, speaking quickly.",
    "Male narrator, calm.",
)
ONSETS = ("bl", "d", "fr", "g", "k", "m", "n", "pl", "sk", "tr", "v", "z")
CODAS = ("b", "k", "m", "nd", "p", "zz")


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
    return heard_as(take, take.audio.samples[: min(full, kept)]) if kept < full else None


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
