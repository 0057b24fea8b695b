"""Estimates before anything is spoken."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.engines.registry import load_engine
from rhapsode.model import Book, Plan, Sampling
from rhapsode.report.estimate import Trial, conversion_s, estimate_chapters, try_engine
from rhapsode.report.summary import clock, in_words
from rhapsode.settings import AudioSettings, ChunkBudget, ConvertRequest, EngineName, Pauses
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.plan import plan_book
from tests.plain import convert


@pytest.fixture(scope="module")
def book(story: Path) -> Book:
    return read_book(story)


@pytest.fixture(scope="module")
def plan(book: Book) -> Plan:
    return plan_book(book, ChunkBudget(), Lexicon())


def total_s(book: Book, plan: Plan, speed: float = 1.0, audio: AudioSettings | None = None) -> float:
    return sum(c.duration_s for c in estimate_chapters(book, plan, Sampling(speed=speed), audio or AudioSettings()))


def test_the_words_and_chunks_are_those_of_the_plan(book: Book, plan: Plan) -> None:
    chapters = estimate_chapters(book, plan, Sampling(), AudioSettings())
    assert [c.title for c in chapters] == [c.title for c in book.chapters]
    assert sum(c.chunks for c in chapters) == len(plan.chunks)
    assert sum(c.words for c in chapters) == sum(line.narrated for line in book.ledger)
    assert all(c.duration_s > 0 for c in chapters)


def test_a_faster_voice_is_shorter_and_longer_pauses_are_not(book: Book, plan: Plan) -> None:
    usual = total_s(book, plan)
    none = total_s(
        book, plan, audio=AudioSettings(pauses=Pauses(sentence=0, paragraph=0, scene=0, heading=0, chapter=0))
    )
    assert total_s(book, plan, speed=2.0) < 0.6 * usual
    assert none < usual
    assert total_s(book, plan, speed=2.0) == pytest.approx(none / 2 + (usual - none))


def test_the_embedded_voice_is_estimated_within_a_tenth(story: Path, book: Book, plan: Plan, tmp_path: Path) -> None:
    request = ConvertRequest(epub=str(story), library=str(tmp_path), engine=EngineName.HIBARI)
    assert total_s(book, plan) == pytest.approx(convert(request).duration_s, rel=0.1)


def test_a_trial_speaks_one_sentence() -> None:
    engine = load_engine(EngineName.TONE)
    trial = try_engine(engine, engine.voices[0], engine.sampling)
    assert 3 < trial.duration_s < 10
    assert trial.speed == pytest.approx(trial.duration_s / trial.elapsed_s)


def test_more_workers_than_suit_the_engine_are_no_faster() -> None:
    trial = Trial(duration_s=10.0, elapsed_s=1.0, sessions=4)
    one, four, many, default = (conversion_s(3600.0, trial, workers) for workers in (1, 4, 64, 0))
    assert one > four == many == default > 3600.0 / 40


@pytest.mark.parametrize(
    ("seconds", "words", "hands"),
    [
        (0.4, "10 s", "0:00:00"),
        (44, "40 s", "0:00:44"),
        (95, "2 min", "0:01:35"),
        (3599, "1 h 00 min", "0:59:59"),
        (8103.4, "2 h 15 min", "2:15:03"),
        (180_000, "50 h 00 min", "50:00:00"),
    ],
)
def test_durations_in_words_and_as_a_clock(seconds: float, words: str, hands: str) -> None:
    assert in_words(seconds) == words
    assert clock(seconds) == hands
