"""The finished file is decoded and read back before it gets its name.

Two readers look at it: ffmpeg (samples, chapters, tags) and mutagen (sample rate, cover, Nero chapter list). It is
decoded once, as a stream: its samples are counted, and its loudness and peak are taken, on the way.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
import numpy as np

from rhapsode.audio.ffmpeg import find_ffmpeg, last_lines
from rhapsode.audio.loudness import Levels, Meter
from rhapsode.audio.peaks import PeakMeter
from rhapsode.audio.titles import Mark
from rhapsode.errors import ReadBackMismatch
from rhapsode.model import Audio

START_TOLERANCE_S = 0.001
EXCERPT_TIMEOUT_S = 60

_METADATA_LINE = re.compile(r"(?:[^\\\n]|\\.)+", re.DOTALL)  # an escaped newline belongs to the line
_PAIR = re.compile(r"((?:[^\\=]|\\.)*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sent:
    """What went into the encoder.

    Attributes:
        length: Samples.
        tags: By ffmpeg's names.
        frame: Samples of a codec frame: the encoder fills up its last one, so as much may be decoded beyond `length`.
    """

    length: int
    sample_rate_hz: int
    marks: Sequence[Mark]
    tags: Mapping[str, str]
    cover_jpeg: bytes | None
    frame: int


def read_back(path: Path, sent: Sent) -> Levels:
    """Compares a finished file with what was sent. Decodes it as a stream; memory does not grow with the file.

    Returns:
        Levels of what was decoded.

    Raises:
        ReadBackMismatch: Something differs; the message names what and where.
    """
    decoded, levels = _decoded(path, sent.sample_rate_hz)
    if not 0 <= decoded - sent.length <= sent.frame:
        raise _mismatch(path, f"{decoded} samples were decoded, {sent.length} sent")
    tags, marks = _ffmpeg_metadata(path)
    _compare_marks(path, marks, sent)
    for name, value in sent.tags.items():
        if tags.get(name.lower()) != value:
            raise _mismatch(path, f"the tag {name} is {tags.get(name.lower())!r}, sent was {value!r}")
    _compare_mutagen(path, sent)
    return levels


def marks_of(path: Path) -> list[Mark]:
    """The chapters of a file as ffmpeg reads them; `start` and `length` in microseconds.

    Raises:
        ReadBackMismatch: It cannot be read.
    """
    return _ffmpeg_metadata(path)[1]


def excerpt(path: Path, start_s: float, duration_s: float, sample_rate_hz: int) -> Audio:
    """Decodes a stretch of a finished file, found by seeking as a player does; shorter where the file ends before.

    Raises:
        ReadBackMismatch: It does not decode there.
    """
    arguments = [find_ffmpeg().path, "-v", "error", "-nostdin", "-xerror", "-protocol_whitelist", "file,pipe"]
    arguments += ["-threads", "1", "-ss", f"{max(0.0, start_s):.6f}", "-i", f"file:{path}"]
    arguments += ["-t", f"{duration_s:.6f}", "-map", "0:a:0", "-ac", "1", "-ar", str(sample_rate_hz)]
    arguments += ["-f", "s16le", "pipe:1"]
    try:
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=EXCERPT_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise _mismatch(path, f"it was not decoded at {start_s:.1f} s within {EXCERPT_TIMEOUT_S} s") from error
    if done.returncode or done.stderr:
        raise _mismatch(path, f"it does not decode at {start_s:.1f} s ({last_lines(done.stderr)})")
    return Audio(np.frombuffer(done.stdout, "<i2").astype(np.int16, copy=False), sample_rate_hz)


def _mismatch(path: Path, what: str) -> ReadBackMismatch:
    return ReadBackMismatch(f"{path.name} is not what was sent to the encoder: {what}.", "Publish the book again.")


def _decoded(path: Path, sample_rate_hz: int) -> tuple[int, Levels]:
    """Number of samples and their levels."""
    # Decoded inside a filter, which hands on 64 frames at a time: ffmpeg's own decoder passes each frame through four
    # threads, and waking them takes three quarters of the processor time.
    graph = f"amovie={_filter_value(f'file:{path}')},aformat=sample_fmts=s16,asetnsamples=n=65536:p=0"
    arguments = [find_ffmpeg().path, "-v", "error", "-nostdin", "-xerror"]
    arguments += ["-filter_complex", graph, "-f", "s16le", "pipe:1"]
    size, meter, peaks = 0, Meter(sample_rate_hz), PeakMeter()
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            while block := process.stdout.read(1 << 18):
                samples = np.frombuffer(block, "<i2", len(block) // 2)
                size += len(samples)
                meter.feed(samples)
                peaks.feed(samples)
        said.seek(0)
        complaints = said.read()
    if process.returncode or complaints:
        raise _mismatch(path, f"it does not decode ({last_lines(complaints)})")
    return size, Levels(meter.blocks, peaks.peak)


def _filter_value(text: str) -> str:
    """Text as the value of an option in a filter graph: escaped for the option, then for the graph."""
    return re.sub(r"([\\'\[\],;])", r"\\\1", re.sub(r"([\\':])", r"\\\1", text))


def _ffmpeg_metadata(path: Path) -> tuple[dict[str, str], list[Mark]]:
    """Tags (names in lower case), and chapters in microseconds."""
    arguments = [find_ffmpeg().path, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe"]
    arguments += ["-i", f"file:{path}", "-f", "ffmetadata", "pipe:1"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    if done.returncode:
        raise _mismatch(path, f"its metadata cannot be read ({last_lines(done.stderr)})")
    tags: dict[str, str] = {}
    chapters: list[dict[str, str]] = []
    section = tags
    for line in _METADATA_LINE.findall(done.stdout.decode("utf-8", "replace")):
        if line == "[CHAPTER]":
            chapters.append(section := {})
        elif line.startswith("["):
            section = {}  # a stream
        elif pair := _PAIR.fullmatch(line):
            name, value = (re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in pair.groups())
            section[name.lower()] = value
    return tags, [_mark(chapter) for chapter in chapters]


def _mark(chapter: Mapping[str, str]) -> Mark:
    numerator, denominator = map(int, chapter["timebase"].split("/"))
    start, end = (int(chapter[name]) * numerator * 1_000_000 // denominator for name in ("start", "end"))
    return Mark(chapter.get("title", ""), start, end - start)


def _compare_marks(path: Path, read: Sequence[Mark], sent: Sent) -> None:
    if len(read) != len(sent.marks):
        raise _mismatch(path, f"{len(read)} chapters were read, {len(sent.marks)} sent")
    for number, (got, want) in enumerate(zip(read, sent.marks, strict=True), start=1):
        _compare_mark(path, number, (got.title, got.start / 1_000_000), want, sent.sample_rate_hz)


def _compare_mark(path: Path, number: int, got: tuple[str, float], want: Mark, sample_rate_hz: int) -> None:
    title, start_s = got
    want_s = want.start / sample_rate_hz
    if title != want.title:
        raise _mismatch(path, f"chapter {number} is called {title!r}, sent was {want.title!r}")
    if abs(start_s - want_s) > START_TOLERANCE_S:
        raise _mismatch(path, f"chapter {number} starts at {start_s:.4f} s, sent was {want_s:.4f} s")


def _compare_mutagen(path: Path, sent: Sent) -> None:
    try:
        file: Any = mutagen.File(path)
    except mutagen.MutagenError as error:
        raise _mismatch(path, f"mutagen cannot read it ({error})") from error
    if file is None or file.info.channels != 1 or file.info.sample_rate != sent.sample_rate_hz:
        raise _mismatch(path, f"it is not mono audio of {sent.sample_rate_hz} Hz")
    if (sent.cover_jpeg or b"") != _cover(file):
        raise _mismatch(path, "the cover is missing or another one")
    nero = getattr(file, "chapters", None) or []  # absent where it could not hold all of them
    if nero and len(nero) != len(sent.marks):
        raise _mismatch(path, f"its Nero list has {len(nero)} chapters, {len(sent.marks)} were sent")
    for number, (got, want) in enumerate(zip(nero, sent.marks, strict=False), start=1):
        _compare_mark(path, number, (got.title, got.start), want, sent.sample_rate_hz)


def _cover(file: Any) -> bytes:
    """The front cover in an MP4, MP3 or FLAC file."""
    if hasattr(file, "pictures"):
        pictures = [picture.data for picture in file.pictures]
    elif hasattr(file.tags, "getall"):
        pictures = [frame.data for frame in file.tags.getall("APIC")]
    else:
        pictures = [bytes(data) for data in (file.tags or {}).get("covr", [])]
    return pictures[0] if pictures else b""
