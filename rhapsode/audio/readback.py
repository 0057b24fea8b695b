"""The finished file is decoded and read back before it gets its name.

Two readers look at it: ffmpeg (samples, chapters, tags) and mutagen (sample rate, cover, Nero chapter list).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mutagen

from rhapsode.audio.ffmpeg import find_ffmpeg, last_lines
from rhapsode.audio.titles import Mark
from rhapsode.errors import ReadBackMismatch

FRAME_SAMPLES = 1152
"""The longest codec frame (MP3; AAC has 1024): an encoder fills up its last frame, so as much may be decoded beyond."""
START_TOLERANCE_S = 0.001


@dataclass(frozen=True, slots=True)
class Sent:
    """What went into the encoder."""

    length: int
    sample_rate_hz: int
    marks: Sequence[Mark]
    tags: Mapping[str, str]  # ffmpeg's names
    cover_jpeg: bytes | None


def read_back(path: Path, sent: Sent) -> None:
    """Compares a finished file with what was sent.

    Raises:
        ReadBackMismatch: Something differs; the message names it.
    """
    decoded = _decoded_samples(path)
    if not 0 <= decoded - sent.length <= FRAME_SAMPLES:
        raise _mismatch(path, f"{decoded} samples were decoded, {sent.length} sent")
    tags, marks = _ffmpeg_metadata(path)
    _compare_marks(path, marks, sent)
    for name, value in sent.tags.items():
        if value and tags.get(name.lower()) != value:
            raise _mismatch(path, f"the tag {name} is {tags.get(name.lower())!r}, sent was {value!r}")
    _compare_mutagen(path, sent)


def _mismatch(path: Path, what: str) -> ReadBackMismatch:
    return ReadBackMismatch(f"{path.name} is not what was sent to the encoder: {what}.", "Publish the book again.")


def _decoded_samples(path: Path) -> int:
    arguments = [find_ffmpeg().path, "-v", "error", "-nostdin", "-xerror", "-i", f"file:{path}"]
    arguments += ["-map", "0:a", "-ac", "1", "-f", "s16le", "pipe:1"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        size = 0
        with process.stdout as pipe:
            while block := pipe.read(1 << 20):
                size += len(block)
        code = process.wait()
        said.seek(0)
        words = said.read()
    if code or words:
        raise _mismatch(path, f"it does not decode: {last_lines(words)}")
    return size // 2


def _ffmpeg_metadata(path: Path) -> tuple[dict[str, str], list[Mark]]:
    """Tags (lower-case names) and chapters, starts and lengths in units of 1/1,000,000 s."""
    arguments = [find_ffmpeg().path, "-v", "error", "-nostdin", "-i", f"file:{path}", "-f", "ffmetadata", "pipe:1"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    if done.returncode:
        raise _mismatch(path, f"its metadata cannot be read: {last_lines(done.stderr)}")
    tags: dict[str, str] = {}
    chapters: list[dict[str, str]] = []
    target = tags
    for line in re.findall(r"(?:[^\\\n]|\\.|\\\n)+", done.stdout.decode("utf-8", "replace"), re.DOTALL):
        if line == "[CHAPTER]":
            chapters.append(target := {})
        elif line.startswith("["):
            target = {}  # a stream
        elif (pair := re.fullmatch(r"((?:[^\\=]|\\.)*)=(.*)", line, re.DOTALL)) and not line.startswith(";"):
            target[_unescape(pair[1]).lower()] = _unescape(pair[2])
    return tags, [_mark(chapter) for chapter in chapters]


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _mark(chapter: Mapping[str, str]) -> Mark:
    numerator, denominator = map(int, chapter["timebase"].split("/"))
    start, end = (int(chapter[name]) * numerator * 1_000_000 // denominator for name in ("start", "end"))
    return Mark(chapter.get("title", ""), start, end - start)


def _compare_marks(path: Path, read: Sequence[Mark], sent: Sent) -> None:
    if len(read) != len(sent.marks):
        raise _mismatch(path, f"{len(read)} chapters were read, {len(sent.marks)} sent")
    for number, (got, want) in enumerate(zip(read, sent.marks, strict=True), start=1):
        if got.title != want.title:
            raise _mismatch(path, f"chapter {number} is called {got.title!r}, sent was {want.title!r}")
        start_s, want_s = got.start / 1_000_000, want.start / sent.sample_rate_hz
        if abs(start_s - want_s) > START_TOLERANCE_S:
            raise _mismatch(path, f"chapter {number} starts at {start_s:.4f} s, sent was {want_s:.4f} s")


def _compare_mutagen(path: Path, sent: Sent) -> None:
    try:
        file = mutagen.File(path)
    except mutagen.MutagenError as error:
        raise _mismatch(path, f"mutagen cannot read it: {error}") from error
    if file is None or file.info.sample_rate != sent.sample_rate_hz or file.info.channels != 1:
        raise _mismatch(path, f"it is not mono audio of {sent.sample_rate_hz} Hz")
