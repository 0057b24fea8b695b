"""Real ffmpeg writes, and readers that owe nothing to the code under test read."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
from mutagen.mp4 import MP4

from rhapsode.audio.encode import Mark, encode_chapter, encode_m4b
from rhapsode.audio.titles import chapter_marks, tags_of
from rhapsode.model import Metadata
from rhapsode.settings import AudioSettings, Format
from tests.unit.audio.conftest import RATE, chapter_track, decode, mp4_tags
from tests.unit.audio.m4b import COVER, SETTINGS, TAGS, marks_of, names_in, pcm_of, write_m4b


@pytest.mark.parametrize("chapters", [1, 2, 255, 256, 367, 1000])
def test_any_number_of_chapters_is_read_back(tmp_path: Path, chapters: int) -> None:
    marks = marks_of([f"Chapter the {number}th" for number in range(1, chapters + 1)])
    target = tmp_path / "book.m4b"
    encoded = write_m4b(target, marks)

    assert encoded.path == target
    assert encoded.length == sum(mark.length for mark in marks)
    assert encoded.size_bytes == target.stat().st_size
    assert 0 <= len(decode(target)) - encoded.length <= 1024
    track = chapter_track(target)
    assert [chapter.title for chapter in track] == [mark.title for mark in marks]
    assert max(abs(got.start_s - mark.start / RATE) for got, mark in zip(track, marks, strict=True)) <= 0.001
    nero = MP4(target).chapters or []
    assert [chapter.title for chapter in nero] == ([mark.title for mark in marks] if chapters <= 255 else [])
    assert names_in(tmp_path) == ["book.m4b"]


AWKWARD = [
    r"a = b; c # d \ e",
    "two\nlines\r\nand\ta tab",
    "it ends in a backslash\\",
    r"it ends in two \\",
    "\\",
    "",
    " \u202e \x00 ",
    "nul\x00inside and bell\x07",
    "\u202eright to left\u202c and \u2067isolated\u2069",
    "é" * 300,
    "x" * 300,
    "👩‍👩‍👧 family, 🏳️‍🌈 flag",
    "[CHAPTER]",
    ";FFMETADATA1",
    "title=of a title",
    "日本語の題名",
    "cafe\u0301",
    "\ud800 lone surrogate",
    "y" * 70_000,
    "the last = \\",
]


def test_awkward_titles_survive_as_documented(tmp_path: Path) -> None:
    marks = marks_of(AWKWARD)
    write_m4b(tmp_path / "book.m4b", marks)
    track = chapter_track(tmp_path / "book.m4b")
    titles = [chapter.title for chapter in track]
    assert titles == [mark.title for mark in chapter_marks(marks)]
    assert titles[0] == r"a = b; c # d \ e"
    assert titles[1] == "two lines and a tab"
    assert titles[2:5] == ["it ends in a backslash\\", r"it ends in two \\", "\\"]
    assert titles[5:7] == ["Chapter 6", "Chapter 7"]
    assert titles[7] == "nul inside and bell"
    assert titles[8] == "right to left and isolated"
    assert titles[9:12] == ["é" * 300, "x" * 300, "👩‍👩‍👧 family, 🏳️‍🌈 flag"]
    assert titles[16:18] == ["café", "lone surrogate"]
    assert titles[18] == "y" * 999 + "…"
    assert titles[19] == "the last = \\"
    assert max(abs(got.start_s - mark.start / RATE) for got, mark in zip(track, marks, strict=True)) <= 0.001


def test_an_m4b_carries_the_tags_that_players_read(tmp_path: Path) -> None:
    write_m4b(tmp_path / "book.m4b", marks_of(["One"]))
    tags = mp4_tags(tmp_path / "book.m4b")
    assert tags["\xa9nam"] == tags["\xa9alb"] == ["Love = War; #1 \\ Peace"]
    assert tags["\xa9ART"] == tags["aART"] == ["P. G. Wodehouse, A. N. Other"]
    assert tags["\xa9wrt"] == ["Hibari"]
    assert tags["\xa9gen"] == ["Audiobook"]
    assert tags["\xa9day"] == ["1921"]
    assert tags["\xa9cmt"] == ["Spoken by a machine."]
    assert tags["desc"] == ["A farce. With hens; and = signs."]
    assert tags["stik"] == [2]
    assert [bytes(picture) for picture in tags["covr"]] == [COVER]  # type: ignore[attr-defined]
    assert tags["----:com.apple.iTunes:SERIES"] == [b"Ukridge"]
    assert tags["----:com.apple.iTunes:SERIES-PART"] == [b"0.5"]
    assert tags["----:com.apple.iTunes:LANGUAGE"] == [b"en-GB"]
    head = (tmp_path / "book.m4b").read_bytes()
    assert head[4:12] == b"ftypM4B "
    assert head.index(b"moov") < head.index(b"mdat")  # players can start before they have all of it


def test_a_book_without_cover_or_series_is_fine(tmp_path: Path) -> None:
    marks = marks_of(["One"])
    bare = tags_of(Metadata("Bare"), "")
    encode_m4b(tmp_path / "bare.m4b", pcm_of(marks), marks, bare, None, RATE, SETTINGS)
    tags = mp4_tags(tmp_path / "bare.m4b")
    assert "covr" not in tags
    assert not [name for name in tags if "SERIES" in name]


def test_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    marks = marks_of(["One", "Two"])
    for name in ("a.m4b", "b.m4b"):
        write_m4b(tmp_path / name, marks)
    assert (tmp_path / "a.m4b").read_bytes() == (tmp_path / "b.m4b").read_bytes()


@pytest.mark.parametrize("audio_format", [Format.MP3, Format.FLAC])
@pytest.mark.parametrize("rate", [22_050, 24_000, 44_100])
def test_a_file_a_chapter(tmp_path: Path, audio_format: Format, rate: int) -> None:
    target = tmp_path / f"03.{audio_format.value}"
    mark = Mark("Three =;#\\", 9999, 50_001)
    pcm = list(pcm_of([mark]))
    audio_settings = AudioSettings(format=audio_format, bitrate_kbps=192)
    encoded = encode_chapter(target, pcm, mark, 3, 12, TAGS, COVER, rate, audio_settings)
    assert encoded.length == 50_001
    assert encoded.duration_s == pytest.approx(50_001 / rate)

    file: Any = mutagen.File(target, easy=True)
    assert file["title"] == ["Three =;#\\"]
    assert file["album"] == ["Love = War; #1 \\ Peace"]
    assert file["artist"] == file["albumartist"] == ["P. G. Wodehouse, A. N. Other"]
    assert file["tracknumber"] == ["3/12"]
    assert file["composer"] == ["Hibari"]
    assert file.info.sample_rate == rate
    if audio_format is Format.FLAC:
        assert np.array_equal(decode(target), np.concatenate(pcm))
        assert file["series"] == ["Ukridge"]
        assert file["description"] == ["A farce. With hens; and = signs."]


def test_a_chapter_without_a_title_is_numbered_by_its_track(tmp_path: Path) -> None:
    mark = Mark("", 0, 5000)
    encode_chapter(tmp_path / "x.flac", pcm_of([mark]), mark, 7, 9, TAGS, None, RATE, AudioSettings(format=Format.FLAC))
    file: Any = mutagen.File(tmp_path / "x.flac")
    assert file["title"] == ["Chapter 7"]


LONG_ENCODE = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from rhapsode.audio.encode import Mark, Tags, encode_m4b
    from rhapsode.settings import AudioSettings
    minutes, rate = int(sys.argv[2]), 24_000
    rng = np.random.default_rng(0)
    pcm = (rng.integers(-300, 300, 10 * rate, dtype=np.int16) for _ in range(6 * minutes))
    marks = [Mark("", n * rate * 60, rate * 60) for n in range(minutes)]
    encode_m4b(Path(sys.argv[1]), pcm, marks, Tags("Long"), None, rate, AudioSettings())
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        print(resource.getrusage(who).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_book(tmp_path: Path) -> None:
    def peak_kib(minutes: int) -> list[int]:
        command = [sys.executable, "-c", textwrap.dedent(LONG_ENCODE), str(tmp_path / "long.m4b"), str(minutes)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return [int(line) for line in done.stdout.split()]

    for short, long in zip(peak_kib(2), peak_kib(20), strict=True):
        assert long - short < 30 * 1024
