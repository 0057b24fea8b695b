"""Chapter titles and tags as they go into a file, and the ffmetadata text that carries them to ffmpeg."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
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
    year = re.search(r"\d{4}", metadata.published)  # ID3v2.3 has no other date that survives a round trip
    return Tags(
        title=title,
        artist=author,
        album_artist=author,
        album=title,
        composer=clean(narrator, TAG_CHARACTERS),
        date=year[0] if year else "",
        comment=clean(comment, TAG_CHARACTERS),
        description=clean(metadata.description, TAG_CHARACTERS),
        publisher=clean(metadata.publisher, TAG_CHARACTERS),
        language=clean(metadata.language, TAG_CHARACTERS),
        series=clean(metadata.series, TAG_CHARACTERS),
        series_part=clean(metadata.series_index, TAG_CHARACTERS),
    )


def tag_values(tags: Tags) -> dict[str, str]:
    """The tags that are not empty, by ffmpeg's names."""
    named = {field.name.replace("series_part", "series-part"): getattr(tags, field.name) for field in fields(tags)}
    return {name: value for name, value in named.items() if value}


def clean(text: str, limit: int) -> str:
    """One line of visible text.

    Controls (NUL, CR, LF, tab) and line separators become spaces; bidirectional and other format controls (except the
    joiners of emoji and scripts, between letters) and surrogates are dropped; white space is collapsed; beyond `limit`
    characters it is cut and ends in an ellipsis. `= ; # \\`, quotes, accents and emoji stay as they are.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category not in ("Cf", "Cs") or character in _JOINERS:
            kept.append(character)
    line = " ".join("".join(kept).split()).strip(_JOINERS + " ")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def chapter_marks(marks: Sequence[Mark], first: int = 1) -> list[Mark]:
    """The marks with cleaned titles; an empty one becomes "Chapter N", N counted from `first`."""
    return [
        replace(mark, title=clean(mark.title, TITLE_CHARACTERS) or f"Chapter {number}")
        for number, mark in enumerate(marks, start=first)
    ]


def ffmetadata(tags: Mapping[str, str], marks: Sequence[Mark], sample_rate_hz: int) -> str:
    """Tags and chapters in ffmpeg's metadata format, with chapter times in samples."""
    lines = [";FFMETADATA1", *(f"{name}={_escape(value)}" for name, value in tags.items())]
    for mark in marks:
        lines += ["[CHAPTER]", f"TIMEBASE=1/{sample_rate_hz}", f"START={mark.start}", f"END={mark.start + mark.length}"]
        lines.append(f"title={_escape(mark.title)}")
    return "\n".join(lines) + "\n"


def _escape(value: str) -> str:
    escaped = re.sub(r"([=;#\\])", r"\\\1", value)
    # ffmpeg takes a newline after a backslash as escaped, even where that backslash is escaped itself, and swallows the
    # next line: a chapter would be lost. A NUL ends the value, and the newline after a NUL ends the line.
    return escaped + "\0" if escaped.endswith("\\") else escaped
