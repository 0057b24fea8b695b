"""Takes into chapters: trimming, pauses, fades.

`outline` says which stretch of a take is heard and how loud it is, `lay_out` decides where each take lies, `render`
makes the samples. All positions are integers of samples, so `length` is exact:
`lead_in + sum(trim_end - trim_start + pause)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from rhapsode.audio.loudness import BLOCK_S, HEADROOM_DB, Meter, dbfs
from rhapsode.audio.peaks import FULL_SCALE, Float, limit, true_peak, window_peaks
from rhapsode.audio.room_tone import RoomTone
from rhapsode.errors import AudioError
from rhapsode.model import Audio, Chunk, Outline, Placed, Samples, Timeline
from rhapsode.settings import AudioSettings, Pauses

LEAD_IN_S = 0.5
FADE_S = 0.008
SILENCE_DBFS = -60.0
"""Peak of a 10 ms window below which the edges of a take count as silence. The softest consonants, a final f or th, end
at -45 to -55 dBFS in the embedded voice; with the margins below nothing that can be heard is cut."""
MARGIN_BEFORE_S = 0.04
MARGIN_AFTER_S = 0.08

OUTLINE_VERSION = 1
"""Bumped when `outline` says something else of the same take; those that are stored are then measured anew."""

_WINDOW_S = 0.01


def outline(audio: Audio) -> Outline:
    """What `lay_out` has to know of a take.

    Its loudness is measured between two silences, as if it stood alone: where a pause is shorter than a block (400 ms),
    a block that holds the end of one take and the start of the next is counted as two, each with its part.
    """
    start, end = trim(audio)
    heard = audio.samples[start:end]
    silence = np.zeros(round(BLOCK_S * audio.sample_rate_hz), np.int16)
    meter = Meter(audio.sample_rate_hz)
    meter.feed(np.concatenate([silence, heard, silence]))
    return Outline(audio.sample_rate_hz, start, end, meter.blocks, true_peak(heard))


def lay_out(
    chapter: int,
    title: str,
    takes: Iterable[tuple[Chunk, str, str, Outline | None]],
    settings: AudioSettings,
    sample_rate_hz: int,
) -> Timeline:
    """Places the takes of one chapter.

    Args:
        takes: (chunk, object key, sha256, outline) in reading order. None stands for a chunk without a take: of it only
            its pause is left, which lengthens the one before it, or the lead-in.
        sample_rate_hz: Of the book.

    Raises:
        AudioError: No chunks, or a take of another sample rate.
    """
    placed: list[Placed] = []
    blocks: Counter[float] = Counter()
    rate, chunks = sample_rate_hz, 0
    position = lead_in = round(LEAD_IN_S * rate)
    peak = 0.0
    for chunks, (chunk, key, sha256, take) in enumerate(takes, start=1):  # noqa: B007
        pause = pause_after(chunk, settings.pauses, rate)
        position += pause
        if take is None:
            if placed:
                placed[-1] = replace(placed[-1], pause=placed[-1].pause + pause)
            else:
                lead_in += pause
            continue
        if take.sample_rate_hz != rate:
            raise AudioError(
                f"Chunk {chunk.number} has {take.sample_rate_hz} Hz, the first of the book {rate} Hz.",
                "Speak all chunks of a book with one engine.",
            )
        placed.append(Placed(chunk.number, key, sha256, take.start, take.end, position - pause, pause))
        blocks.update(take.loudness_blocks)
        peak = max(peak, take.true_peak)
        position += take.end - take.start
    if not chunks:
        raise AudioError(f"Chapter {chapter} ({title}) has no takes.", "Speak its chunks first.")
    return Timeline(chapter, title, rate, lead_in, tuple(placed), position, dict(sorted(blocks.items())), dbfs(peak))


def pause_after(chunk: Chunk, pauses: Pauses, sample_rate_hz: int) -> int:
    """Samples of room tone after a chunk."""
    seconds: float = getattr(pauses, chunk.boundary.value)
    return round(seconds * sample_rate_hz)


def trim(audio: Audio) -> tuple[int, int]:
    """The stretch `[start, end)` of a take that is heard. A take without any sound is kept whole."""
    rate = audio.sample_rate_hz
    width = round(_WINDOW_S * rate)
    loud = np.flatnonzero(window_peaks(audio.samples, width) > FULL_SCALE * 10 ** (SILENCE_DBFS / 20))
    if not len(loud):
        return 0, len(audio.samples)
    start = int(loud[0]) * width - round(MARGIN_BEFORE_S * rate)
    end = (int(loud[-1]) + 1) * width + round(MARGIN_AFTER_S * rate)
    return max(0, start), min(len(audio.samples), end)


def render(
    timeline: Timeline,
    load: Callable[[Sequence[Placed]], Iterable[Audio]],
    settings: AudioSettings,
    gain_db: float,
) -> Iterator[Samples]:
    """The chapter as int16 blocks (the lead-in, then each take with its pause), `timeline.length` samples in all.

    The gain is applied once, in float, and rounded once. Peaks above `ceiling_dbtp` are bent down (see peaks.py), so
    nothing can clip.

    Args:
        load: The audio of takes, in their order; each is asked for when the one before it is rendered.

    Raises:
        AudioError: A stored take is not the one that was laid out.
    """
    rate = timeline.sample_rate_hz
    tone = RoomTone(timeline.length, rate, settings.room_tone_dbfs)
    gain = np.float32(10 ** (gain_db / 20))
    ceiling = FULL_SCALE * 10 ** ((settings.ceiling_dbtp - HEADROOM_DB) / 20) - tone.peak
    yield _quantise(tone.at(0, timeline.lead_in))
    for place, audio in zip(timeline.placed, load(timeline.placed), strict=True):
        if audio.sample_rate_hz != rate or len(audio.samples) < place.trim_end:
            raise AudioError(
                f"The audio of chunk {place.number} is not the one that was laid out in chapter {timeline.chapter}.",
                "Assemble the chapter again.",
            )
        heard = limit(audio.samples[place.trim_start : place.trim_end] * gain, ceiling, rate)
        n = min(round(FADE_S * rate), len(heard) // 2)
        heard[:n] *= _fade_in(n)
        heard[len(heard) - n :] *= _fade_in(n)[::-1]
        mixed = tone.at(place.start, len(heard) + place.pause)
        mixed[: len(heard)] += heard
        yield _quantise(mixed)


@lru_cache(maxsize=64)
def _fade_in(n: int) -> Float:
    """Rising half of a raised cosine, shape (n,)."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)


def _quantise(mixed: Float) -> Samples:
    # No dither: the room tone, some steps strong, makes noise of the rounding error already.
    return np.rint(mixed, out=mixed).astype(np.int16)
