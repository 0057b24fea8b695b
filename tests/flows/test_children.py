"""Runs that a flow starts and waits for: what becomes of them when they are cancelled, deleted, refused, not taken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running

from flows import convert_library
from rhapsode.errors import RhapsodeError, RunIncomplete
from rhapsode.settings import FanOut, LibraryRequest
from rhapsode.stages.intake import BookState, Found
from tasks import children, runs
from tasks.children import Child, Ended, join_runs, run_children
from tasks.runs import LAST_ATTEMPT
from tests.flows.pool import Pool, clock

LATER_S = runs.NOBODY_S + 1


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What happens while somebody waits, one step a poll; a number is so many seconds that pass."""

    def happens(*steps: Callable[[], object] | float) -> None:
        def passes(seconds: float) -> Callable[[], object]:
            return lambda: setattr(fake, "now", fake.now + seconds)

        fake, _ = clock([step if callable(step) else passes(step) for step in steps])
        monkeypatch.setattr(children, "time", fake)
        monkeypatch.setattr(runs, "time", fake)

    monkeypatch.setattr(runs, "get_run_logger", lambda: logging.getLogger("run"))
    return happens


def child(number: object = 1, tag: str = "one") -> Child:
    return Child(f"work {number}", {"number": number}, (tag,))


def test_a_run_that_is_being_cancelled_is_not_joined_but_followed(pool: Pool, after: Callable[..., None]) -> None:
    before = pool.begin("one")
    pool.set(before, Cancelling())
    seen: list[list[str | None]] = []
    after(
        lambda: seen.append(pool.states()),
        lambda: pool.set(before, Cancelled()),
        lambda: pool.end(Completed()),
    )
    assert list(run_children(pool.deployment, [child()], at_once=1)) == [(0, Ended("work 1", True, ""))]
    assert seen == [["Cancelling"]], "two were at work on one piece"
    assert pool.states() == ["Cancelled", "Completed"]


def test_who_stops_waiting_does_not_cancel_anew_what_others_cancel(pool: Pool, after: Callable[..., None]) -> None:
    pool.set(pool.begin("leaving"), Cancelling())
    at_work = run_children(pool.deployment, [child(tag="leaving"), child(tag="two")], at_once=2)
    after(lambda: pool.end(Failed(message="No.")))
    before = pool.runs()[0].state
    assert next(at_work)[1].error == "No."
    at_work.close()
    assert pool.runs()[0].state == before


def test_a_run_that_is_at_work_is_joined(pool: Pool, after: Callable[..., None]) -> None:
    pool.begin("one")
    after(lambda: pool.end(Completed(message="done")))
    [(_, ended)] = run_children(pool.deployment, [child()], at_once=1)
    assert ended.well and ended.message == "done" and ended.error == ""
    assert pool.states() == ["Completed"]


def test_a_run_that_somebody_deletes_has_ended(pool: Pool, after: Callable[..., None]) -> None:
    after(
        lambda: pool.client.delete_flow_run(pool.runs()[0].id),
        lambda: pool.end(Completed()),
    )
    ended = dict(run_children(pool.deployment, [child(1, "one"), child(2, "two")], at_once=2))
    assert not ended[0].well and "deleted" in ended[0].error
    assert ended[1].well

    after(lambda: pool.client.delete_flow_run(joined))
    joined = pool.begin("group")
    join_runs(pool.deployment, "group")


def test_a_crashed_run_is_waited_for_until_it_is_offered_no_more(pool: Pool, after: Callable[..., None]) -> None:
    crashes, goes_on = (lambda: pool.end(Crashed(message="gone"))), (lambda: pool.end(Running()))
    after(goes_on, crashes, lambda: None, goes_on, lambda: pool.end(Completed()))
    assert list(run_children(pool.deployment, [child()], at_once=1)) == [(0, Ended("work 1", True, ""))]

    after(goes_on, crashes, goes_on, crashes, goes_on, crashes)
    [(_, ended)] = run_children(pool.deployment, [child()], at_once=1)
    assert pool.runs()[-1].run_count == LAST_ATTEMPT
    assert not ended.well and ended.error == "gone"


def test_a_child_that_the_server_refuses_stops_no_other(pool: Pool, after: Callable[..., None]) -> None:
    after(lambda: pool.end(Completed()))
    asked = [child("many", "bad"), child(2, "good")]
    ended = dict(run_children(pool.deployment, asked, at_once=2))
    assert ended[0].name == "work many" and not ended[0].well
    assert "'many' is not of type 'integer'" in ended[0].error and "\n" not in ended[0].error
    assert ended[1].well
    assert pool.states() == ["Completed"], "the other one was cancelled, or the bad one was there"


def test_that_nobody_serves_the_pool_is_said_and_in_the_end_an_error(
    pool: Pool, after: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    after(lambda: None, LATER_S)
    with pytest.raises(RunIncomplete, match=f"No worker came to the pool {pool.name}") as nobody:
        list(run_children(pool.deployment, [child(1, "one"), child(2, "two")], at_once=2))
    assert f"`prefect worker start --pool {pool.name} --limit 1`" in nobody.value.remedy
    assert pool.states() == ["Cancelled", "Cancelled"]
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"`prefect worker start --pool {pool.name} --limit 1`" in warning.getMessage()

    pool.client.create_flow_run_from_deployment(pool.id, parameters={"number": 3}, tags=["group"])
    after(lambda: None, LATER_S)
    with pytest.raises(RunIncomplete, match=f"to the pool {pool.name}"):
        join_runs(pool.deployment, "group")


def test_a_worker_that_comes_in_time_is_all_that_is_needed(pool: Pool, after: Callable[..., None]) -> None:
    """What it has is enough; what is queued behind it waits as long as it must."""
    after(LATER_S / 2, pool.serve, LATER_S, LATER_S, lambda: pool.end(Completed()))
    [(_, ended)] = run_children(pool.deployment, [child()], at_once=1)
    assert ended.well


def test_runs_that_are_queued_behind_one_at_work_wait_whoever_is_online(
    pool: Pool, after: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    first = pool.begin("one")
    after(LATER_S, LATER_S, lambda: pool.set(first, Completed()), lambda: pool.end(Completed()))
    ended = dict(run_children(pool.deployment, [child(1, "one"), child(2, "two")], at_once=2))
    assert ended[0].well and ended[1].well
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1, "only when the second waited alone"


def test_a_server_that_is_gone_is_an_error_of_ours() -> None:
    gone = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(gone), pytest.raises(RhapsodeError, match="The Prefect server does not do what"):
        next(run_children("work/none", [child()], at_once=1))


def test_who_speaks_a_book_and_where_it_lies_makes_no_other_run_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Child] = []

    def note(deployment: str, those: list[Child], at_once: int) -> Iterator[tuple[int, Ended]]:
        asked.extend(those)
        yield 0, Ended("work", True, "")

    monkeypatch.setattr(convert_library, "run_children", note)
    plain = LibraryRequest(folder="books", library="library")
    many = plain.model_copy(update={"workers": 3, "fan_out": FanOut.WORKERS})
    other = plain.model_copy(update={"speed": 1.1})
    for request, url in ((plain, "books/a.epub"), (many, "books/b.epub"), (other, "books/a.epub")):
        list(convert_library._on_workers(request, [Found(url, "d" * 64, "A Book", BookState.NEW)]))
    first, moved, faster = (each.tags for each in asked)
    assert first == moved != faster
    assert asked[1].parameters["request"]["workers"] == 3, "it is asked for all the same"
