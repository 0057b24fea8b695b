"""Takes into chapters: trimming, pauses, fades and room tone.

`lay_out` decides where each take lies and measures the chapter; `render` makes its samples. All positions are integers
of samples, so `length` is exact: `lead_in + sum(trim_end - trim_start + pause)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rhapsode.audio.loudness import FULL_SCALE, Meter, dbfs, true_peak
from rhapsode.errors import AudioError
from rhapsode.model import Audio, Chunk, Placed, Samples, Timeline
from rhapsode.settings import AudioSettings

LEAD_IN_S = 0.5
FADE_S = 0.008
SILENCE_DBFS = -60.0
"""Peak of a 10 ms window below which the edges of a take count as silence. The softest consonants (a final f or th) end at
-45 to -55 dBFS in the embedded voice; behind the margins below nothing that is heard is cut."""
MARGIN_BEFORE_S = 0.04
MARGIN_AFTER_S = 0.08

_WINDOW_S = 0.01
_TONE_SAMPLES = 1 << 18  # 11 s at 24 kHz: too long for the ear to hear it come round


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
                f"Chunk {chunk.number} has {audio.sample_rate_hz} Hz, the chapter before it {rate} Hz.",
                "Speak all chunks of a book with one engine.",
            )
        start, end = trim(audio)
        pause = round(getattr(settings.pauses, chunk.boundary.value) * rate)
        placed.append(Placed(chunk.number, key, sha256, start, end, position, pause))
        meter.feed(audio.samples[start:end])
        meter.feed(np.zeros(pause, np.int16))
        peak = true_peak(audio.samples[start:end], peak)
        position += end - start + pause
    if meter is None:
        raise AudioError(f"Chapter {chapter} ({title}) has no takes.", "Synthesize its chunks first.")
    return Timeline(chapter, title, rate, lead_in, tuple(placed), position, meter.blocks, dbfs(peak))


def trim(audio: Audio) -> tuple[int, int]:
    """The stretch `[start, end)` of a take that is heard. A take without any sound is kept whole."""
    rate, n = audio.sample_rate_hz, len(audio.samples)
    width = round(_WINDOW_S * rate)
    starts = np.arange(0, n, width)
    if not n:
        return 0, 0
    highest = np.maximum.reduceat(audio.samples, starts).astype(np.int32)
    lowest = np.minimum.reduceat(audio.samples, starts).astype(np.int32)
    loud = np.flatnonzero(np.maximum(highest, -lowest) > FULL_SCALE * 10 ** (SILENCE_DBFS / 20))
    if not len(loud):
        return 0, n
    start = int(loud[0]) * width - round(MARGIN_BEFORE_S * rate)
    end = (int(loud[-1]) + 1) * width + round(MARGIN_AFTER_S * rate)
    return max(0, start), min(n, end)


def render(
    timeline: Timeline, load: Callable[[Placed], Audio], settings: AudioSettings, gain_db: float
) -> Iterator[Samples]:
    """The chapter as int16 blocks (the lead-in, then one for each take with its pause), `timeline.length` in all.

    Raises:
        AudioError: A stored take is not the one that was laid out, or the gain would clip.
    """
    tone = RoomTone(timeline.length, timeline.sample_rate_hz, settings.room_tone_dbfs)
    gain = np.float32(10 ** (gain_db / 20))
    fade = _fade(timeline.sample_rate_hz)
    yield _quantise(tone.at(0, timeline.lead_in), timeline, 0)
    for place in timeline.placed:
        audio = load(place)
        if audio.sample_rate_hz != timeline.sample_rate_hz or len(audio.samples) < place.trim_end:
            raise AudioError(
                f"The audio of chunk {place.number} is not the one that was laid out in chapter {timeline.chapter}.",
                "Assemble the chapter again.",
            )
        heard = audio.samples[place.trim_start : place.trim_end] * gain
        n = min(len(fade), len(heard) // 2)
        if n:
            heard[:n] *= fade[:: len(fade) // n][:n]
            heard[-n:] *= fade[:: len(fade) // n][:n][::-1]
        mixed = tone.at(place.start, len(heard) + place.pause)
        mixed[: len(heard)] += heard
        yield _quantise(mixed, timeline, place.number)


def _fade(sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Rising half of a raised cosine."""
    n = round(FADE_S * sample_rate_hz)
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)


def _quantise(mixed: npt.NDArray[np.float32], timeline: Timeline, chunk: int) -> Samples:
    # No dither: the room tone, 8 quantisation steps strong by default, already makes the rounding error noise.
    np.rint(mixed, out=mixed)
    if len(mixed) and (mixed.max() > 32767 or mixed.min() < -32768):
        raise AudioError(
            f"Chunk {chunk} of chapter {timeline.chapter} would clip.",
            "Take the gain from static_gain of all chapters.",
        )
    return mixed.astype(np.int16)


class RoomTone:
    """Soft noise under a whole chapter, a function of the position alone.

    It runs on under the speech too, so it has no edge anywhere. In its last 10 ms it glides into what comes before
    position 0, so that chapters follow each other without a step.
    """

    def __init__(self, length: int, sample_rate_hz: int, level_dbfs: float) -> None:
        self._table = _tone_table(sample_rate_hz) * np.float32(FULL_SCALE * 10 ** (level_dbfs / 20))
        self._length = length
        self._glide = min(length, round(0.01 * sample_rate_hz))

    def at(self, start: int, n: int) -> npt.NDArray[np.float32]:
        """Samples `[start, start + n)`, float32, in steps of 16-bit PCM."""
        tone = self._read(start, n)
        glide_start = max(start, self._length - self._glide)
        m = start + n - glide_start
        if m > 0:
            angle = np.pi / 2 * (np.arange(glide_start, start + n) - (self._length - self._glide)) / self._glide
            tone[-m:] = tone[-m:] * np.cos(angle) + self._read(glide_start - self._length, m) * np.sin(angle)
        return tone

    def _read(self, start: int, n: int) -> npt.NDArray[np.float32]:
        return np.take(self._table, np.arange(start, start + n), mode="wrap")


@lru_cache(maxsize=4)
def _tone_table(sample_rate_hz: int) -> npt.NDArray[np.float32]:
    """Noise with rms 1 that falls by 6 dB an octave above 300 Hz, like the air of a quiet room; it repeats seamlessly."""
    # RandomState: the one generator of numpy whose numbers are promised to stay the same in every version.
    spectrum = np.fft.rfft(np.random.RandomState(1770).standard_normal(_TONE_SAMPLES))
    hertz = np.fft.rfftfreq(_TONE_SAMPLES, 1 / sample_rate_hz)
    spectrum *= np.where(hertz < 20, 0, 1 / np.sqrt(1 + (hertz / 300) ** 2))
    noise = np.fft.irfft(spectrum, _TONE_SAMPLES)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
