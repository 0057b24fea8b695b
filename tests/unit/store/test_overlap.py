"""A store is asked ahead and written behind: in order, a bounded few at once, and nothing goes on when nobody reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import pytest

from rhapsode.store.library import Library, open_library
from rhapsode.store.overlap import AT_ONCE, ahead, behind

FAR = open_library("memory://far")
whose: ContextVar[str] = ContextVar("whose", default="nobody's")


class Slow:
    """Answers late, the first questions last; knows how many were asked, and how many of them at once."""

    def __init__(self) -> None:
        self.asked = self.at_once = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, question: int) -> int:
        with self._lock:
            self.asked += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.05 if question % 2 else 0.1)
        with self._lock:
            self.at_once -= 1
        return -question


def test_answers_come_in_order_and_many_are_asked_at_once() -> None:
    slow = Slow()
    assert list(ahead(FAR, slow, range(50))) == [-n for n in range(50)]
    assert AT_ONCE // 2 < slow.most <= AT_ONCE


def test_no_more_is_asked_ahead_than_a_few_and_nothing_when_nobody_reads_on() -> None:
    slow = Slow()
    answers = ahead(FAR, slow, iter(range(10_000)))
    for read in range(1, 30):
        next(answers)
        assert slow.asked <= read + AT_ONCE
    answers.close()  # type: ignore[attr-defined]
    asked = slow.asked
    assert asked <= 30 + AT_ONCE and slow.at_once == 0
    time.sleep(0.1)
    assert slow.asked == asked


def test_an_error_stands_in_the_place_of_its_answer() -> None:
    def refuse_third(question: int) -> int:
        if question == 3:
            raise KeyError(question)
        return question

    answers = ahead(FAR, refuse_third, range(100))
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError):
        next(answers)


def test_threads_know_whose_they_are() -> None:
    whose.set("the run's")
    assert set(ahead(FAR, lambda _: whose.get(), range(3))) == {"the run's"}
    assert set(behind(lambda _: whose.get(), range(3))) == {"the run's"}


def test_a_folder_is_asked_by_the_caller_when_the_answer_is_wanted(tmp_path: Path) -> None:
    asked = []

    def ask(question: int) -> int:
        asked.append(question)
        return threading.get_ident()

    answers = ahead(Library(str(tmp_path)), ask, range(9))
    assert next(answers) == threading.get_ident() and asked == [0]


def test_the_next_thing_is_made_while_one_is_put_away_and_no_two_are_put_at_once() -> None:
    slow, made = Slow(), 0
    ahead_of_the_store = []

    def things() -> Iterator[int]:
        nonlocal made
        for thing in range(1, 8):
            made += 1
            yield thing

    for put in behind(slow, things()):
        ahead_of_the_store.append(made + put)
    assert ahead_of_the_store == [1, 1, 1, 1, 1, 1, 0], "one is made meanwhile, never two"
    assert slow.most == 1


def test_what_cannot_be_put_away_ends_it() -> None:
    def refuse(thing: int) -> int:
        raise OSError(thing)

    made = []
    things = (made.append(n) or n for n in range(9))  # type: ignore[func-returns-value]
    with pytest.raises(OSError, match="0"):
        list(behind(refuse, things))
    assert made == [0, 1]
