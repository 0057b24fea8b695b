"""A book is converted by one run at a time: who waits for whom, and that nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import AwaitingRetry, Completed, Crashed, Running

from flows import convert_book, resynthesize_range
from rhapsode.settings import ConvertRequest, EngineName, RedoRequest
from rhapsode.stages.plan import parse_book, plan_chunks
from tasks import turns
from tasks.runs import tagged_runs
from tasks.turns import take_turn, turn_of
from tests.faulty import Watched, install
from tests.flows.pool import Pool, clock

LIBRARY = "library"
REAL_S = 0.02
"""Where it is asked so often, time passes by itself."""

pytestmark = pytest.mark.timeout(120)


class This(threading.local):
    """The run in which a thread is."""

    id = ""


@pytest.fixture
def turn_for(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has a run of the deployment take its turn while steps happen, one a poll; what it says in its log."""
    this, said = This(), list[str]()
    log = SimpleNamespace(info=lambda line, *arguments: said.append(line % arguments))
    monkeypatch.setattr(turns, "deployment", SimpleNamespace(id=str(pool.id)))
    monkeypatch.setattr(turns, "flow_run", this)
    monkeypatch.setattr(turns, "get_run_logger", lambda: log)

    def take(run: UUID, *steps: Callable[[], object], library: str = LIBRARY, book: str = "") -> list[str]:
        fake, left = clock(steps)
        if turns.POLL_S > REAL_S:
            monkeypatch.setattr(turns, "time", fake)
        this.id = str(run)
        take_turn(library, book or pool.name)
        assert not list(left), "it has not waited for all of this"
        return said

    return take


def turn(pool: Pool) -> str:
    """Each test has a book of its own."""
    return turn_of(LIBRARY, pool.name)


def tags(pool: Pool, run: UUID) -> list[str]:
    return sorted(pool.client.read_flow_run(run).tags)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_who_comes_later_waits_whichever_run_is_the_older(
    order: tuple[int, int], pool: Pool, turn_for: Callable[..., list[str]]
) -> None:
    both = [pool.begin("rhapsode"), pool.begin("rhapsode")]
    first, second = both[order[0]], both[order[1]]
    assert turn_for(first) == []
    assert tags(pool, first) == sorted(["rhapsode", turn(pool)])
    said = turn_for(second, lambda: None, lambda: pool.set(first, Completed()))
    assert len(said) == 1 and str(first) in said[0]
    assert tags(pool, second) == sorted(["rhapsode", turn(pool)])


def test_another_book_and_another_library_are_not_waited_for(pool: Pool, turn_for: Callable[..., list[str]]) -> None:
    turn_for(pool.begin())
    turn_for(pool.begin(), book="another-0123456789ab")
    turn_for(pool.begin(), library="elsewhere")
    assert {turn_of(str(way), pool.name) for way in (Path(LIBRARY).absolute(), f"x/../{LIBRARY}")} == {turn(pool)}


def test_one_that_waits_for_a_worker_holds_up_nobody_and_then_waits_itself(
    pool: Pool, turn_for: Callable[..., list[str]]
) -> None:
    """Else two that wait could have all the workers that it needs to go on."""
    crashed, other = pool.begin(), pool.begin()
    turn_for(crashed)
    pool.set(crashed, Crashed())
    turn_for(other)
    pool.set(crashed, AwaitingRetry())
    third = pool.begin()
    turn_for(third, lambda: pool.set(other, Completed()))
    pool.set(crashed, Running())
    assert str(third) in turn_for(crashed, lambda: pool.set(third, Completed()))[-1]


def test_of_two_that_show_the_tag_at_once_one_gives_way(pool: Pool, turn_for: Callable[..., list[str]]) -> None:
    """Without an order both would wait for ever."""
    first, second = sorted([pool.begin(turn(pool)), pool.begin(turn(pool))])
    hidden: list[list[str]] = []
    turn_for(second, lambda: hidden.append(tags(pool, second)), lambda: pool.set(first, Completed()))
    assert hidden == [[]]

    first, other = sorted([second, pool.begin(turn(pool))])
    kept: list[list[str]] = []
    turn_for(first, lambda: kept.append(tags(pool, first)), lambda: pool.client.update_flow_run(other, tags=[]))
    assert kept == [[turn(pool)]]


def test_of_many_at_the_same_moment_one_is_at_work_at_a_time(
    pool: Pool, turn_for: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [pool.begin() for _ in range(4)]
    monkeypatch.setattr(turns, "POLL_S", REAL_S)
    together, at_work, most = threading.Barrier(len(many)), list[UUID](), list[int]()

    def convert(run: UUID) -> None:
        together.wait(20)
        turn_for(run)
        at_work.append(run)
        most.append(len(at_work))
        time.sleep(0.2)
        most.append(len(at_work))
        at_work.remove(run)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run, Completed(), force=True)

    with ThreadPoolExecutor(len(many)) as pools:
        for future in [pools.submit(convert, run) for run in many]:
            future.result(60)
    assert len(most) == 2 * len(many) and set(most) == {1}


def test_a_book_is_spoken_after_the_turn_and_a_run_by_hand_has_none(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, asked = Watched(), list[tuple[str, int]]()
    install(monkeypatch, engine)
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE)

    def take(library: str, shelf: str) -> None:
        asked.append((turn_of(library, shelf), len(engine.spoken)))
        take_turn(library, shelf)

    monkeypatch.setattr(convert_book, "take_turn", take)
    edition = convert_book.convert_book(request)
    assert edition.number == 1 and engine.spoken
    [shelf] = [folder.name for folder in (tmp_path / "books").iterdir()]
    assert asked == [(turn_of(str(tmp_path), shelf), 0)]
    with get_client(sync_client=True) as client:
        assert not tagged_runs(client, asked[0][0])


def test_a_redo_looks_for_what_is_missing_after_its_turn(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it speaks the whole book beside the conversion that is at work."""
    engine = Watched()
    install(monkeypatch, engine)
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE)
    parsed = parse_book(request)
    plan_chunks(request, parsed)
    spoken = list[int]()

    def wait(library: str, shelf: str) -> None:
        assert (library, shelf) == (str(tmp_path), parsed.shelf)
        convert_book.convert_book(request)
        spoken.append(len(engine.spoken))

    monkeypatch.setattr(resynthesize_range, "take_turn", wait)
    edition = resynthesize_range.resynthesize_range(RedoRequest(book=parsed.shelf, library=str(tmp_path), chunks="1"))
    assert edition.number == 2
    assert spoken[0] > 1 and len(engine.spoken) == spoken[0] + 1
