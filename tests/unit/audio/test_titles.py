from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.audio.titles import (
    TAG_CHARACTERS,
    TITLE_CHARACTERS,
    Mark,
    Tags,
    chapter_marks,
    clean,
    ffmetadata,
    tag_values,
    tags_of,
)
from rhapsode.model import Metadata


@given(st.text(st.characters(), max_size=300))
def test_a_clean_title_is_one_bounded_visible_line_and_stays_so(text: str) -> None:
    line = clean(text, 100)
    assert len(line) <= 100
    assert line == clean(line, 100)
    assert line == line.strip()
    assert "  " not in line
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cs", "Zl", "Zp"}
    line.encode()  # no surrogate is left


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("a\x00b\rc\nd\te\x7ff\x85g", "a b c d e f g"),
        ("a\u2028b\u2029c", "a b c"),
        ("\u202eabc\u202c \u2066d\u2069 \u200ee\u200f", "abc d e"),
        ("so\u00adft hy\u00adphen \ufeff", "soft hyphen"),
        ("  a \u00a0\u3000 b  ", "a b"),
        ("= ; # \\ ' \" % &", "= ; # \\ ' \" % &"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("\u200d", ""),
        ("cafe\u0301", "café"),
        ("\udcff", ""),
    ],
)
def test_what_is_kept_and_what_is_not(title: str, expected: str) -> None:
    assert clean(title, 100) == expected


def test_the_limits_stay_below_the_bytes_that_an_mp4_title_holds() -> None:
    assert max(TITLE_CHARACTERS, TAG_CHARACTERS) * 4 < 65_535
    assert clean("😀" * 5000, TITLE_CHARACTERS).encode() == ("😀" * 999 + "…").encode()


def test_empty_titles_are_numbered() -> None:
    marks = chapter_marks([Mark("Preface", 0, 1), Mark("\n", 1, 1), Mark("", 2, 1)])
    assert [mark.title for mark in marks] == ["Preface", "Chapter 2", "Chapter 3"]


def test_metadata_is_escaped() -> None:
    text = ffmetadata({"title": "a=b;c#d\\e"}, [Mark("ends\\", 5, 7), Mark("next", 12, 3)], 24_000)
    assert text.split("\n") == [
        ";FFMETADATA1",
        r"title=a\=b\;c\#d\\e",
        "[CHAPTER]",
        "TIMEBASE=1/24000",
        "START=5",
        "END=12",
        "title=ends\\\\\0",
        "[CHAPTER]",
        "TIMEBASE=1/24000",
        "START=12",
        "END=15",
        "title=next",
        "",
    ]


def test_tags_of_a_book() -> None:
    metadata = Metadata(
        "A\nTitle", ("One", "Two"), published="c. 1899-05", description="x" * 9000, series="S", series_index="2"
    )
    tags = tags_of(metadata, "Voice")
    assert (tags.title, tags.album, tags.artist, tags.album_artist) == ("A Title", "A Title", "One, Two", "One, Two")
    assert (tags.composer, tags.date, tags.genre) == ("Voice", "1899", "Audiobook")
    assert len(tags.description) == TAG_CHARACTERS
    assert tag_values(tags)["series-part"] == "2"


def test_empty_tags_are_left_out() -> None:
    assert tag_values(tags_of(Metadata("", language="", published="unknown"), "")) == {
        "title": "Untitled",
        "album": "Untitled",
        "genre": "Audiobook",
    }
    assert tag_values(Tags("T")) == {"title": "T", "genre": "Audiobook"}
