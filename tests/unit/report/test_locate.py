"""Every place of a published book is found by character, time, text and number, and they agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.errors import BadRequest, NotInLibrary
from rhapsode.report.locate import Published, seconds_of
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, Format
from rhapsode.stages.plan import parse_book, plan_chunks
from rhapsode.store.library import open_library
from tests.plain import convert


@pytest.fixture(scope="module")
def published(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("locate")
    convert(ConvertRequest(epub=str(story), library=str(root), engine=EngineName.TONE))
    return Published(open_library(str(root)), "The Tide Clock")


def test_number_character_and_time_agree_for_every_chunk(published: Published) -> None:
    assert published.rows
    for row in published.rows:
        place = published.by_chunk(row["chunk"])
        assert place.row == row
        for offset in (row["char_start"], row["char_end"] - 1):
            assert published.by_char(offset) == place
        for seconds in (row["book_start_s"], row["book_end_s"]):
            assert published.by_time(seconds) == place
        assert Path(place.audio).is_file() and Path(place.file).is_file()
        assert place.file_s == row["book_start_s"]
        assert 0 <= place.chapter_s <= place.file_s


def test_the_pause_belongs_to_the_chunk_before(published: Published) -> None:
    first, second = published.rows[:2]
    between = (first["book_end_s"] + second["book_start_s"]) / 2
    assert published.by_time(between).row == first


def test_every_chunk_is_found_by_its_own_words(published: Published) -> None:
    for row in published.rows:
        assert row["chunk"] in {place.row["chunk"] for place in published.by_text(row["source"])}


def test_words_are_found_whatever_their_quotes_case_and_line_breaks(published: Published) -> None:
    row = next(row for row in published.rows if "“" in row["source"] and len(row["source"].split()) > 4)
    typed = "  ".join(row["source"].upper().replace("“", '"').replace("”", '"').replace("’", "'").split())
    assert row["chunk"] in {place.row["chunk"] for place in published.by_text(typed)}


def test_words_that_run_over_the_end_of_a_chunk_are_found_where_they_begin(published: Published) -> None:
    before, after = next(
        pair for pair in zip(published.rows, published.rows[1:], strict=False) if pair[0]["boundary"] == "sentence"
    )
    words = f"{' '.join(before['source'].split()[-3:])} {' '.join(after['source'].split()[:3])}"
    assert before["chunk"] in {place.row["chunk"] for place in published.by_text(words)}


def test_what_was_only_spoken_is_found_too(published: Published) -> None:
    (heading,) = published.by_text("Chapter 2. What")
    assert heading.row["source"].startswith("Chapter II.")


def test_soft_hyphens_and_ligatures_hide_nothing(published: Published) -> None:
    assert any("\xad" in place.row["source"] for place in published.by_text("suitcase"))
    assert any("ﬁsh" in place.row["source"] for place in published.by_text("fish"))


def test_a_file_a_chapter_counts_from_its_own_start(story: Path, tmp_path: Path) -> None:
    audio = AudioSettings(format=Format.FLAC)
    convert(ConvertRequest(epub=str(story), library=str(tmp_path), engine=EngineName.TONE, audio=audio))
    published = Published(open_library(str(tmp_path)), "tide")
    last = published.by_chunk(len(published.rows))
    assert last.file_s == last.chapter_s < last.row["book_start_s"]
    assert last.file.endswith(f"{last.row['chapter']}.flac")


@pytest.mark.parametrize("offset", [-1, 10**9])
def test_a_character_outside_the_book(published: Published, offset: int) -> None:
    with pytest.raises(BadRequest, match="character"):
        published.by_char(offset)


def test_a_book_without_an_edition(story: Path, tmp_path: Path) -> None:
    request = ConvertRequest(epub=str(story), library=str(tmp_path), engine=EngineName.TONE)
    plan_chunks(request, parse_book(request))
    with pytest.raises(NotInLibrary, match="never published"):
        Published(open_library(str(tmp_path)), "tide")


@pytest.mark.parametrize(
    ("moment", "seconds"), [("2:13:05", 7985), ("13:05", 785), ("785", 785), ("0:00:01.5", 1.5), (" 90:00 ", 5400)]
)
def test_moments(moment: str, seconds: float) -> None:
    assert seconds_of(moment) == seconds


@pytest.mark.parametrize("moment", ["", "noon", "1:2:3:4", "-5", "1h"])
def test_no_moments(moment: str) -> None:
    with pytest.raises(BadRequest, match="H:MM:SS"):
        seconds_of(moment)
