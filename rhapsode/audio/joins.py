"""Takes into chapters: trimming, pauses, fades.

`lay_out` decides where each take lies and measures the chapter; `render` makes its samples. All positions are integers
of samples, so `length` is exact: `lead_in + sum(trim_end - trim_start + pause)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from rhapsode.audio.loudness import HEADROOM_DB, Meter, dbfs
from rhapsode.audio.peaks import FULL_SCALE, Float, limit, true_peak, window_peaks
from rhapsode.audio.room_tone import RoomTone
from rhapsode.errors import AudioError
from rhapsode.model import Audio, Chunk, Placed, Samples, Timeline
from rhapsode.settings import AudioSettings, Pauses

LEAD_IN_S = 0.5
FADE_S = 0.008
SILENCE_DBFS = -60.0
"""Peak of a 10 ms window below which the edges of a take count as silence. The softest consonants, a final f or th, end
at -45 to -55 dBFS in the embedded voice; with the margins below nothing that can be heard is cut."""
MARGIN_BEFORE_S = 0.04
MARGIN_AFTER_S = 0.08

_WINDOW_S = 0.01


def lay_out(
    chapter: int, title: str, takes: Iterable[tuple[Chunk, str, str, Audio]], settings: AudioSettings
) -> Timeline:
    """Places the takes of one chapter and measures it.

    Args:
        takes: (chunk, object key, sha256, audio) in reading order; consumed lazily, one take in memory at a time.

    Raises:
        AudioError: No takes, or takes of different sample rates.
    """
    placed: list[Placed] = []
    position = lead_in = rate = 0
    peak = 0.0
    meter: Meter | None = None
    for chunk, key, sha256, audio in takes:
        if meter is None:
            rate = audio.sample_rate_hz
            meter = Meter(rate)
            position = lead_in = round(LEAD_IN_S * rate)
            meter.feed(np.zeros(lead_in, np.int16))
        if audio.sample_rate_hz != rate:
            raise AudioError(
                f"Chunk {chunk.number} has {audio.sample_rate_hz} Hz, the chunks before it in its chapter {rate} Hz.",
                "Speak all chunks of a book with one engine.",
            )
        start, end = trim(audio)
        pause = pause_after(chunk, settings.pauses, rate)
        placed.append(Placed(chunk.number, key, sha256, start, end, position, pause))
        meter.feed(audio.samples[start:end])
        meter.feed(np.zeros(pause, np.int16))
        peak = true_peak(audio.samples[start:end], peak)
        position += end - start + pause
    if meter is None:
        raise AudioError(f"Chapter {chapter} ({title}) has no takes.", "Speak its chunks first.")
    return Timeline(chapter, title, rate, lead_in, tuple(placed), position, meter.blocks, dbfs(peak))


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
    timeline: Timeline, load: Callable[[Placed], Audio], settings: AudioSettings, gain_db: float
) -> Iterator[Samples]:
    """The chapter as int16 blocks (the lead-in, then each take with its pause), `timeline.length` samples in all.

    The gain is applied once, in float, and rounded once. Peaks above `ceiling_dbtp` are bent down (see peaks.py), so
    nothing can clip.

    Raises:
        AudioError: A stored take is not the one that was laid out.
    """
    rate = timeline.sample_rate_hz
    tone = RoomTone(timeline.length, rate, settings.room_tone_dbfs)
    gain = np.float32(10 ** (gain_db / 20))
    ceiling = FULL_SCALE * 10 ** ((settings.ceiling_dbtp - HEADROOM_DB) / 20) - tone.peak
    yield _quantise(tone.at(0, timeline.lead_in))
    for place in timeline.placed:
        audio = load(place)
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
