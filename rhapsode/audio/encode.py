"""PCM into M4B, MP3 or FLAC, once and streaming: what is in memory does not grow with the book."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
from mutagen.mp4 import MP4

from rhapsode.audio.ffmpeg import feed, find_ffmpeg
from rhapsode.audio.readback import Sent, read_back
from rhapsode.audio.titles import Mark, Tags, chapter_marks, ffmetadata, plain_tags
from rhapsode.errors import EncodeFailed
from rhapsode.model import Samples
from rhapsode.settings import AudioSettings, Format

__all__ = ["Encoded", "Mark", "Tags", "encode_chapter", "encode_m4b"]

_NERO_CHAPTERS = 255
_NERO_TITLE_BYTES = 255
_FREEFORM = {"language", "publisher", "series", "series-part"}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file: it was read back and has its name."""

    path: Path
    length: int  # samples sent
    sample_rate_hz: int
    size_bytes: int

    @property
    def duration_s(self) -> float:
        return self.length / self.sample_rate_hz


def encode_m4b(
    target: Path,
    pcm: Iterable[Samples],
    marks: Sequence[Mark],
    tags: Tags,
    cover_jpeg: bytes | None,
    sample_rate_hz: int,
    settings: AudioSettings,
) -> Encoded:
    """Encodes a whole book with its chapters.

    Args:
        marks: Cover the audio without gaps, from sample 0 to its end. Titles are cleaned (see titles.py).

    Raises:
        EncodeFailed: ffmpeg failed, or the audio does not end where the last chapter ends. Nothing is at `target`.
        ReadBackMismatch: The finished file is not what was sent. Nothing is at `target`.
    """
    marks = chapter_marks(marks)
    names = plain_tags(tags) | {"media_type": "2"}
    # Nero's list holds 255 chapters and cuts titles in the middle of a letter; the chapter track, which players prefer,
    # has neither limit.
    nero = len(marks) <= _NERO_CHAPTERS and all(len(mark.title.encode()) <= _NERO_TITLE_BYTES for mark in marks)
    output = {
        "format": "ipod",
        "brand": "M4B ",
        "acodec": "aac",
        "audio_bitrate": f"{settings.bitrate_kbps}k",
        "movflags": "+faststart" if nero else "+faststart+disable_chpl",
    }
    length = marks[-1].start + marks[-1].length
    return _encode(target, pcm, Sent(length, sample_rate_hz, marks, names, cover_jpeg), output)


def encode_chapter(
    target: Path,
    pcm: Iterable[Samples],
    mark: Mark,
    track: int,
    tracks: int,
    tags: Tags,
    cover_jpeg: bytes | None,
    sample_rate_hz: int,
    settings: AudioSettings,
) -> Encoded:
    """Encodes one chapter as a file of its own, MP3 or FLAC by `settings.format`. `tags.title` names the album.

    Raises:
        EncodeFailed, ReadBackMismatch: As for `encode_m4b`.
    """
    [titled] = chapter_marks([mark])
    names = plain_tags(tags) | {"title": titled.title, "track": f"{track}/{tracks}"}
    output: dict[str, Any] = {"format": "flac", "acodec": "flac", "sample_fmt": "s16"}
    if settings.format is Format.MP3:
        output = {
            "format": "mp3",
            "acodec": "libmp3lame",
            "audio_bitrate": f"{settings.bitrate_kbps}k",
            "id3v2_version": 3,
        }
    return _encode(target, pcm, Sent(mark.length, sample_rate_hz, (), names, cover_jpeg), output)


def _encode(target: Path, pcm: Iterable[Samples], sent: Sent, output: dict[str, Any]) -> Encoded:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="rhapsode-") as scratch:
            length = feed(_arguments(partial, Path(scratch), sent, output), pcm)
        if length != sent.length:
            raise EncodeFailed(
                f"{target.name}: the chapters hold {sent.length} samples, but {length} were rendered.",
                "Assemble the chapters again.",
            )
        if output["format"] == "ipod":
            _add_freeform(partial, sent.tags)
        read_back(partial, sent)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Encoded(target, length, sent.sample_rate_hz, target.stat().st_size)


def _add_freeform(path: Path, tags: Mapping[str, str]) -> None:
    """Adds the tags that ffmpeg cannot write into MP4 as iTunes free-form atoms; ffprobe, and so Audiobookshelf, reads them."""
    file = MP4(path)
    for name in _FREEFORM & tags.keys():
        file[f"----:com.apple.iTunes:{name.upper()}"] = tags[name].encode()
    file.save()


def _arguments(partial: Path, scratch: Path, sent: Sent, output: dict[str, Any]) -> list[str]:
    """The command line; tags, chapters and cover go through files in `scratch`."""
    safe = {"protocol_whitelist": "file,pipe"}
    streams = [ffmpeg.input("pipe:0", format="s16le", ar=sent.sample_rate_hz, ac=1, **safe).audio]
    if sent.cover_jpeg:
        (scratch / "cover.jpg").write_bytes(sent.cover_jpeg)
        streams.append(ffmpeg.input(f"file:{scratch / 'cover.jpg'}", format="mjpeg", **safe).video)
        output = output | {"vcodec": "copy", "disposition:v:0": "attached_pic"}
    (scratch / "tags.txt").write_bytes(ffmetadata(dict(sent.tags), sent.marks, sent.sample_rate_hz).encode())
    metadata = len(streams)
    # The metadata has no streams; "a?" maps none of them, and ffmpeg-python lists only inputs that are mapped.
    streams.append(ffmpeg.input(f"file:{scratch / 'tags.txt'}", format="ffmetadata", **safe)["a?"])
    node = ffmpeg.output(*streams, f"file:{partial}", map_metadata=metadata, map_chapters=metadata, **output)
    return list(node.global_args("-v", "error", "-y").compile(cmd=find_ffmpeg().path))
