"""Chapter titles and tags as they go into a file, and the ffmetadata text that carries them to ffmpeg."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from rhapsode.model import Metadata

TITLE_CHARACTERS = 1000
TAG_CHARACTERS = 4000
"""An MP4 chapter title holds 65,535 bytes and its length wraps silently beyond; four bytes a character stay below."""

_JOINERS = "\u200c\u200d"  # format characters that emoji and several scripts need


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter in the finished audio, in samples."""

    title: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Tags:
    """What players read. Empty fields are left out.

    Audiobookshelf reads artist as author, composer as narrator, and `series` with `series-part`.
    """

    title: str
    artist: str = ""
    album_artist: str = ""
    album: str = ""
    composer: str = ""
    genre: str = "Audiobook"
    date: str = ""
    comment: str = ""
    description: str = ""
    publisher: str = ""
    language: str = ""  # BCP 47
    series: str = ""
    series_part: str = ""


def tags_of(metadata: Metadata, narrator: str, comment: str = "") -> Tags:
    """The tags of a book, cleaned."""
    author = clean(metadata.author, TAG_CHARACTERS)
    title = clean(metadata.title, TITLE_CHARACTERS) or "Untitled"
    return Tags(
        title=title,
        artist=author,
        album_artist=author,
        album=title,
        composer=clean(narrator, TAG_CHARACTERS),
        date=clean(metadata.published, 10),
        comment=clean(comment, TAG_CHARACTERS),
        description=clean(metadata.description, TAG_CHARACTERS),
        publisher=clean(metadata.publisher, TAG_CHARACTERS),
        language=clean(metadata.language, 35),
        series=clean(metadata.series, TITLE_CHARACTERS),
        series_part=clean(metadata.series_index, 35),
    )


def clean(text: str, limit: int) -> str:
    """One line of visible text.

    Controls (NUL, CR, LF, tab) and line separators become spaces; bidirectional and other format controls (except the
    joiners of emoji and scripts), surrogates and unassigned characters are dropped; white space is collapsed; beyond
    `limit` characters it is cut and ends in an ellipsis. `= ; # \\`, quotes, accents and emoji stay as they are.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category not in ("Cf", "Cs", "Cn") or character in _JOINERS:
            kept.append(character)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def chapter_marks(marks: Sequence[Mark]) -> list[Mark]:
    """The marks with cleaned titles; an empty one becomes "Chapter N", N counted from 1."""
    return [
        replace(mark, title=clean(mark.title, TITLE_CHARACTERS) or f"Chapter {number}")
        for number, mark in enumerate(marks, start=1)
    ]


def ffmetadata(tags: dict[str, str], marks: Sequence[Mark], sample_rate_hz: int) -> str:
    """Tags and chapters in ffmpeg's metadata format."""
    lines = [";FFMETADATA1", *(f"{key}={_escape(value)}" for key, value in tags.items() if value)]
    for mark in marks:
        lines += ["[CHAPTER]", f"TIMEBASE=1/{sample_rate_hz}", f"START={mark.start}", f"END={mark.start + mark.length}"]
        lines += [f"title={_escape(mark.title)}"]
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    escaped = re.sub(r"([=;#\\\n])", r"\\\1", value)
    # ffmpeg takes a newline that follows a backslash as escaped, even where that backslash is escaped itself, and swallows
    # the next line: a chapter would be lost. A NUL ends the value for it, and the newline after the NUL ends the line.
    return escaped + "\0" if escaped.endswith("\\") else escaped


def plain_tags(tags: Tags) -> dict[str, str]:
    """ffmpeg's name -> value of the tags that are not empty."""
    return {
        field.name.replace("series_part", "series-part"): value
        for field in fields(tags)
        if (value := getattr(tags, field.name))
    }
