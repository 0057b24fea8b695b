"""Every name that the stopwatch looks for is there, and no second is counted twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib import import_module

import pytest

from bench import stopwatch
from bench.stopwatch import PARTS, Stopwatch


def test_all_parts_exist_and_are_put_back() -> None:
    def functions() -> list[object]:
        places = (place.partition(":") for each in PARTS.values() for place in each)
        return [getattr(import_module(module), name) for module, _, name in places]

    before = functions()
    with Stopwatch().installed():
        during = functions()
    assert functions() == before
    assert all(one is not other for one, other in zip(before, during, strict=True))


def outer() -> int:
    time.sleep(0.05)
    return sum(items())


def items() -> Iterator[int]:
    for i in range(3):
        time.sleep(0.02)
        yield i


@pytest.fixture
def two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "PARTS", {"outer": [f"{__name__}:outer"], "items": [f"{__name__}:items"]})


@pytest.mark.usefixtures("two_parts")
def test_time_is_booked_where_it_is_spent() -> None:
    watch = Stopwatch()
    start = time.perf_counter()
    with watch.installed():
        assert outer() == 3
    wall_s = time.perf_counter() - start
    assert watch.spent["items"].wall_s >= 0.06
    assert watch.spent["outer"].wall_s >= 0.05
    assert sum(cost.wall_s for cost in watch.spent.values()) == pytest.approx(watch.busy_s, abs=0.005)
    assert watch.busy_s <= wall_s


@pytest.mark.usefixtures("two_parts")
def test_threads_are_busy_once_however_many_there_are() -> None:
    watch = Stopwatch()
    start = time.perf_counter()
    with watch.installed():
        threads = [threading.Thread(target=outer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert watch.busy_s <= time.perf_counter() - start
    assert sum(cost.wall_s for cost in watch.spent.values()) >= 4 * 0.11


@pytest.mark.usefixtures("two_parts")
def test_a_part_that_was_renamed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stopwatch.PARTS, "gone", [f"{__name__}:gone"])
    with pytest.raises(AttributeError, match="gone"), Stopwatch().installed():
        pass
