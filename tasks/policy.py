"""What all tasks share: when to retry, how results are cached, how a fan-out waits.

A result is small JSON under a key of our own: Prefect's default policy includes the run id and would never serve a
rerun. The library is the truth and the cache only saves work, so a cached result counts only while what it stands for
is still in the library: `checked` and `fan_out` ask, and run the task anew where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from rhapsode import __version__
from rhapsode.errors import LibraryUnreachable
from rhapsode.recipe import RECIPE_VERSION, digest

R = TypeVar("R")

TRANSIENT = (OSError, MemoryError, LibraryUnreachable)
"""Only these may pass by themselves. A retry re-enters the same process, so nothing else is worth one."""


def is_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.result(raise_on_failure=False), TRANSIENT)


SETTINGS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
    "persist_result": True,
    "result_serializer": "json",
}


def cache_key(stage: str, *ingredients: object) -> str:
    """The key of a result; another version of Rhapsode may read or plan the same book differently."""
    return f"rhapsode-{stage}-{digest([__version__, RECIPE_VERSION, *ingredients])}"


def checked(task: Task[..., R], there: Callable[[R], bool], *arguments: object) -> R:
    """Runs a task; a cached result whose artifact is gone is made anew."""
    result = task(*arguments)
    return result if there(result) else task.with_options(refresh_cache=True)(*arguments)


def fan_out(
    task: Task[..., R], calls: Sequence[dict[str, Any]], there: Callable[[dict[str, Any], R], bool], workers: int
) -> Iterator[tuple[int, State[R]]]:
    """Runs a task for each call, `workers` at once, and yields (index of the call, final state) as they end.

    A failed call stops nothing: the others go on, and the caller looks at the states.
    """
    runner: ThreadPoolTaskRunner[Any]
    with ThreadPoolTaskRunner(max_workers=workers) as runner:
        submit = cast(Any, runner.submit)  # its type admits coroutine functions only
        pending: dict[PrefectFuture[R], int] = {submit(task, call): index for index, call in enumerate(calls)}
        while pending:
            again: dict[PrefectFuture[R], int] = {}
            for future in as_completed(list(pending)):
                index = pending[future]
                future.wait()  # ended already; this makes it know its final state, which else is asked of the server
                if future.state.is_completed() and not there(calls[index], future.result()):
                    again[submit(task.with_options(refresh_cache=True), calls[index])] = index
                else:
                    yield index, future.state
            pending = again
