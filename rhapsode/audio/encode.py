"""PCM into M4B, MP3 or FLAC, once and streaming: what is in memory does not grow with the book."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
from mutagen.mp4 import MP4

from rhapsode.audio.ffmpeg import feed, find_ffmpeg
from rhapsode.audio.loudness import Levels
from rhapsode.audio.readback import Sent, read_back
from rhapsode.audio.titles import Mark, Tags, chapter_marks, ffmetadata, tag_values
from rhapsode.errors import EncodeFailed
from rhapsode.model import Samples
from rhapsode.settings import AudioSettings, Format

__all__ = ["Encoded", "Mark", "Tags", "encode_chapter", "encode_m4b"]

_NERO_LIMIT = 255  # chapters of a Nero list, and bytes of a title in it
_FREEFORM = {"language", "publisher", "series", "series-part"}
_MP3_LOW_RATE_HZ, _MP3_LOW_KBPS = 24_000, 160  # MPEG-2 layer III, the MP3 of 16 to 24 kHz, ends at 160 kbit/s


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file: it was read back and has its name."""

    path: Path
    length: int  # samples sent
    sample_rate_hz: int
    size_bytes: int
    levels: Levels  # of the file, decoded

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
    values = tag_values(tags) | {"media_type": "2"}  # stik: an audiobook
    # A Nero list that cuts a title cuts through letters, and readers trip over it. The chapter track has no such limit.
    nero = len(marks) <= _NERO_LIMIT and all(len(mark.title.encode()) <= _NERO_LIMIT for mark in marks)
    output = m4b_output(settings)
    if not nero:
        output["movflags"] += "+disable_chpl"
    length = marks[-1].start + marks[-1].length
    sent = Sent(length, sample_rate_hz, marks, values, cover_jpeg, frame=1024)
    return _encode(target, pcm, sent, output, finish=_add_freeform)


def m4b_output(settings: AudioSettings) -> dict[str, Any]:
    """What ffmpeg is told of the AAC in an M4B, as keyword arguments of `ffmpeg.output`."""
    return {
        "format": "ipod",
        "brand": "M4B ",
        "acodec": "aac",
        # Three times as fast as the default coder, and nearer to the original at 48 to 96 kbit/s (measured on speech).
        "aac_coder": "fast",
        "audio_bitrate": f"{settings.bitrate_kbps}k",
        "movflags": "+faststart",
    }


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
    """Encodes one chapter as a file of its own, MP3 or FLAC by `settings.format`.

    Args:
        mark: Title and length of the chapter.
        track, tracks: Its number, from 1, and how many there are.
        tags: Of the book; the title of the file is that of the chapter.

    Raises:
        EncodeFailed, ReadBackMismatch: As for `encode_m4b`.
    """
    values = tag_values(tags) | {"title": chapter_marks([mark], first=track)[0].title, "track": f"{track}/{tracks}"}
    output: dict[str, Any]
    if settings.format is Format.MP3:
        highest = _MP3_LOW_KBPS if sample_rate_hz <= _MP3_LOW_RATE_HZ else settings.bitrate_kbps
        bitrate = f"{min(settings.bitrate_kbps, highest)}k"
        output = {"format": "mp3", "acodec": "libmp3lame", "audio_bitrate": bitrate, "id3v2_version": 3}
        frame = 1152
    else:
        output = {"format": "flac", "acodec": "flac", "sample_fmt": "s16"}
        frame = 0
        # A Vorbis comment has one field for both, and ffmpeg calls it comment.
        if description := values.pop("description", ""):
            values["comment"] = description
    return _encode(target, pcm, Sent(mark.length, sample_rate_hz, (), values, cover_jpeg, frame), output)


def _encode(
    target: Path,
    pcm: Iterable[Samples],
    sent: Sent,
    output: dict[str, Any],
    finish: Callable[[Path, Mapping[str, str]], None] | None = None,
) -> Encoded:
    if not target.parent.is_dir():
        raise EncodeFailed(f"There is no folder {target.parent} to write to.", "Create it, or name another one.")
    partial = target.parent / f".{uuid.uuid4().hex}.part"
    try:
        with tempfile.TemporaryDirectory(prefix="rhapsode-") as scratch:
            length = feed(_arguments(partial, Path(scratch), sent, output), pcm)
        if length != sent.length:
            raise EncodeFailed(
                f"{target.name}: its chapters hold {sent.length} samples, but {length} were rendered.",
                "Assemble the chapters again.",
            )
        if finish:
            finish(partial, sent.tags)
        levels = read_back(partial, sent)
        partial.replace(target)  # not synced: the library syncs the copy that it keeps
    finally:
        partial.unlink(missing_ok=True)
    return Encoded(target, length, sent.sample_rate_hz, target.stat().st_size, levels)


def _arguments(partial: Path, scratch: Path, sent: Sent, output: dict[str, Any]) -> list[str]:
    """The command line; tags, chapters and cover go through files in `scratch`."""
    safe = {"protocol_whitelist": "file,pipe"}
    streams = [ffmpeg.input("pipe:0", format="s16le", ar=sent.sample_rate_hz, ac=1, **safe).audio]
    if sent.cover_jpeg:
        cover = scratch / "cover.jpg"
        cover.write_bytes(sent.cover_jpeg)
        streams.append(ffmpeg.input(f"file:{cover}", format="mjpeg", **safe).video)
        output = output | {
            "vcodec": "copy",
            "disposition:v:0": "attached_pic",
            "metadata:s:v:0": "comment=Cover (front)",
        }
    metadata = scratch / "metadata.txt"
    metadata.write_text(ffmetadata(sent.tags, sent.marks, sent.sample_rate_hz), "utf-8", newline="\n")
    # It has no streams: "a?" maps none of them, and ffmpeg-python lists only inputs that are mapped.
    streams.append(ffmpeg.input(f"file:{metadata}", format="ffmetadata", **safe)["a?"])
    number = len(streams) - 1
    node = ffmpeg.output(*streams, f"file:{partial}", map_metadata=number, map_chapters=number, bitexact=None, **output)
    return list(node.global_args("-v", "error", "-y").compile(cmd=find_ffmpeg().path))


def _add_freeform(path: Path, tags: Mapping[str, str]) -> None:
    """Adds what ffmpeg cannot write into MP4 as iTunes free-form atoms, where ffprobe, so Audiobookshelf, finds it."""
    file = MP4(path)  # type: ignore[no-untyped-call]
    for name in sorted(_FREEFORM & tags.keys()):
        file[f"----:com.apple.iTunes:{name.upper()}"] = tags[name].encode()
    file.save()  # type: ignore[no-untyped-call]
