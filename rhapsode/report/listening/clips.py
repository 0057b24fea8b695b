"""Takes as they are heard in the page: small MP3s, and the outline of their waveform.

MP3, because every browser plays it from a data URI, also those built without licensed codecs; Opus in WebM or Ogg does
not play in older Safaris. 40 kbit/s at 24 kHz is more than what tells a defect needs.
"""

from __future__ import annotations

import math
import tempfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.audio.ffmpeg import feed, find_ffmpeg
from rhapsode.model import Audio
from rhapsode.report.listening.report import Group, ListeningReport, ReportTake

BITRATE_KBPS, SAMPLE_RATE_HZ = 40, 24_000
BARS, HALF = 160, 20
"""Bars of a waveform, and its height above and below zero, in units of the drawing."""
_FULL_SCALE = 32768


@dataclass(frozen=True, slots=True)
class Clip:
    """A take in the page.

    Attributes:
        uri: `data:audio/mpeg;base64,...`
        bars: The waveform as the `d` of an SVG path, `BARS` wide and `2 * HALF` high.
    """

    uri: str
    bars: str


def clips_of(
    report: ListeningReport, load: Callable[[ReportTake], Audio], most_bytes: int
) -> dict[tuple[int, str], Clip]:
    """(chunk, key of the take) -> its clip, for what failed, is inconclusive or was retaken, the worst chunks first.

    A chunk has clips of all its takes or none. The first that would pass the bound ends it, so that what has audio is
    always worse than what has none.

    Args:
        most_bytes: The longest that all URIs may be together.
    """
    clips: dict[tuple[int, str], Clip] = {}
    left = most_bytes
    for chunk in report.worst_first:
        if chunk.group is Group.PASS:
            break
        of_chunk = {(chunk.number, take.key): clip_of(load(take)) for take in chunk.takes}
        left -= sum(len(clip.uri) for clip in of_chunk.values())
        if left < 0:
            break
        clips |= of_chunk
    return clips


def clip_of(audio: Audio) -> Clip:
    """Encodes a take, and draws it.

    Raises:
        EncodeFailed: ffmpeg failed.
    """
    with tempfile.TemporaryDirectory(prefix="rhapsode-") as folder:
        target = Path(folder, "take.mp3")
        source = ["-f", "s16le", "-ar", str(audio.sample_rate_hz), "-ac", "1", "-i", "pipe:0"]
        mp3 = ["-c:a", "libmp3lame", "-ar", str(SAMPLE_RATE_HZ), "-b:a", f"{BITRATE_KBPS}k", "-f", "mp3"]
        feed([find_ffmpeg().path, "-v", "error", *source, *mp3, "-bitexact", "-y", f"file:{target}"], [audio.samples])
        data = target.read_bytes()
    return Clip(f"data:audio/mpeg;base64,{b64encode(data).decode('ascii')}", bars_of(audio))


def bars_of(audio: Audio) -> str:
    """One bar for each stretch of samples, as high as its loudest; silence is a line. Fewer bars for few samples."""
    levels = np.abs(audio.samples.astype(np.int32))
    stretches = np.array_split(levels, min(BARS, max(1, len(levels))))
    peaks = [int(stretch.max()) if len(stretch) else 0 for stretch in stretches]
    width = BARS / len(peaks)
    heights = [max(0.4, HALF * math.sqrt(peak / _FULL_SCALE)) for peak in peaks]  # the root: quiet speech shows too
    return "".join(
        f"M{(index + 0.5) * width:.4g} {HALF - height:.3g}v{2 * height:.3g}" for index, height in enumerate(heights)
    )
