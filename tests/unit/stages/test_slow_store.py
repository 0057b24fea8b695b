"""On a store that answers slowly nothing waits that need not: the engine goes on, and questions are asked together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import uuid4

import pytest

from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, RedoRequest
from rhapsode.stages import jobs, publish, rows, speak
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.decode import decode_job
from rhapsode.stages.jobs import job_is_done, unfinished
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import job_is_spoken, speak_job, speaking_at_once
from rhapsode.store import readings
from rhapsode.store.library import open_library
from rhapsode.store.objects import object_path
from rhapsode.store.overlap import AT_ONCE
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.coded import Coded
from tests.faulty import Watched, install
from tests.plain import UNCHECKED


class Counter:
    """Lets a function answer late and counts its calls, and how many of them there were at once."""

    def __init__(self, function: Callable[..., Any], pause_s: float = 0.05) -> None:
        self.calls = self.at_once = self.most = 0
        self._function, self._pause_s = function, pause_s
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        with self._lock:
            self.calls += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self._pause_s)
        try:
            return self._function(*arguments)
        finally:
            with self._lock:
                self.at_once -= 1

    def asks_together(self) -> bool:
        return AT_ONCE // 2 < self.most <= AT_ONCE


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> Coded:
    made = Coded()
    install(monkeypatch, made)
    return made


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], Counter]:
    def patched(module: Any, name: str) -> Counter:
        counter = Counter(getattr(module, name))
        monkeypatch.setattr(module, name, counter)
        return counter

    return patched


@pytest.fixture
def planned(booklet: object) -> tuple[Reading, list[Job]]:
    """In a library that is no folder."""
    library = f"memory://slow-{uuid4().hex}"
    request = ConvertRequest(epub=str(booklet), library=library, engine=EngineName.TONE, speed=2.0)
    reading = plan_chunks(request, parse_book(request))
    return reading, [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]


@pytest.fixture
def spoken(engine: Watched, planned: tuple[Reading, list[Job]]) -> tuple[Reading, list[Job]]:
    for job in planned[1]:
        speak_job(planned[0], job)
    return planned


def test_a_store_that_takes_long_to_write_does_not_stop_an_engine_with_a_codec(
    monkeypatch: pytest.MonkeyPatch, coded: Coded, booklet: object
) -> None:
    request = ConvertRequest(epub=str(booklet), library=f"memory://slow-{uuid4().hex}", engine=EngineName.TONE)
    reading = plan_chunks(request, parse_book(request))
    job = first_job(load_plan(reading).ranges[0])
    put, went_on, waits = speak.put_tokens, threading.Event(), []

    def speaks(text: str) -> bool:
        if coded.spoken:
            went_on.set()
        return False

    def late(*arguments: Any) -> Any:
        waits.append(went_on.wait(20))
        return put(*arguments)

    coded.refuses = speaks
    monkeypatch.setattr(speak, "put_tokens", late)
    speak_job(reading, job)
    assert waits and all(waits), "the next take was not asked for while one was written"
    assert job_is_spoken(reading, job)


def test_what_is_there_is_looked_up_together_and_before_the_turn(
    engine: Watched, planned: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    reading, (job, *_) = planned
    first, second = Job(0, "one", job.orders[:2]), Job(0, "other", job.orders[2:])
    begun, looked = threading.Event(), threading.Event()
    counter = count(speak, "find_take")

    def speaks(text: str) -> bool:
        begun.set()
        assert looked.wait(60)
        return False

    engine.refuses = speaks
    with speaking_at_once(1), ThreadPoolExecutor(2) as pool:
        speaking = pool.submit(copy_context().run, speak_job, reading, first)
        assert begun.wait(60)
        waiting = pool.submit(copy_context().run, speak_job, reading, second)
        deadline = time.monotonic() + 20
        wanted = len(first.orders) + len({load_plan(reading).chunks[each.chunk - 1].spoken for each in second.orders})
        while counter.calls < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        there = counter.calls
        looked.set()
        assert speaking.result(60).spoken == len(first.orders) and waiting.result(60).spoken == len(second.orders)
    assert there == wanted, "the engine waits for a look into the library"
    assert counter.asks_together()


def test_whether_a_job_is_done_is_asked_together(
    spoken: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    counter = count(jobs, "has_take")
    assert job_is_done(spoken[0], spoken[1][0])
    assert counter.asks_together() and counter.calls <= len(spoken[1][0].orders)


def test_whether_a_job_is_spoken_is_asked_together(
    coded: Coded, planned: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    speak_job(planned[0], planned[1][0])
    counter, no_audio = count(speak, "has_tokens"), count(speak, "has_take")
    assert job_is_spoken(planned[0], planned[1][0])
    assert counter.asks_together() and no_audio.calls == 0


def test_tokens_are_read_together_and_decoded_one_by_one(
    coded: Coded, planned: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    speak_job(planned[0], planned[1][0])
    from rhapsode.stages import decode

    read, stored = count(decode, "find_tokens"), count(decode, "put_take")
    decode_job(planned[0], planned[1][0])
    assert read.most > 1 and stored.most == 1
    assert sorted(coded.decoded) == sorted(coded.spoken)


def test_a_redo_asks_for_all_takes_of_the_book_together(
    spoken: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    reading, of_book = spoken
    library = open_library(reading.library)
    takes = ReadingFolder(Shelf(library, reading.shelf), reading.key).read_takes()
    [*_, last] = of_book
    lost = next(row.key for row in takes if row.range == last.name)
    library.delete(object_path(lost))
    assert len(of_book) > 1 and unfinished(reading, of_book) == [last]
    counter = count(jobs, "has_take")
    redo = plan_redo(RedoRequest(book=reading.shelf, library=reading.library, chunks="1"))
    assert redo.unfinished == (last,)
    assert counter.asks_together() and counter.calls == len({row.key for row in takes})


def test_the_evidence_of_a_reading_is_read_together(
    spoken: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    reading, of_book = spoken
    counter = count(readings, "read_rows")
    takes = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes()
    assert [row.chunk for row in takes] == sorted(order.chunk for job in of_book for order in job.orders)
    assert counter.calls == counter.most == len(of_book) > 1


def test_chapters_are_laid_out_and_read_a_few_takes_ahead_and_no_more(
    spoken: tuple[Reading, list[Job]], count: Callable[[Any, str], Counter]
) -> None:
    reading, settings = spoken[0], AudioSettings()
    outlines = count(rows, "get_provenance")
    acceptance = accept_takes(reading, UNCHECKED)
    names = [assemble_chapter(reading, acceptance.digest, number, settings) for number in chapters_of(reading)]
    assert outlines.most > 1
    library = open_library(reading.library)
    timelines = [Shelf(library, reading.shelf).load_timeline(name) for name in names]
    longest = max(range(len(timelines)), key=lambda index: len(timelines[index].placed))
    placed = len(timelines[longest].placed)
    audio = count(publish, "get_audio")
    blocks = publish._BookAudio(library, timelines, settings)._samples(longest)
    for rendered, _ in enumerate(blocks):
        assert audio.calls <= rendered + AT_ONCE
    assert rendered == placed == audio.calls and audio.most > 1
