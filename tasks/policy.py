"""What all tasks share: when to retry, how results are cached, how a fan-out waits.

A result is small JSON under a key of our own: Prefect's default policy includes the run id and would never serve a
rerun. The library is the truth and the cache only saves work, so a cached result counts only while what it stands for
is still in the library: `checked` and `fan_out` ask, and run the task anew where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture
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


@dataclass(frozen=True, slots=True)
class Step(Generic[R]):
    """A task that a fan-out runs for each call.

    Attributes:
        there: Whether what a result stands for is in the library still.
        workers: How many run at once.
    """

    task: Task[..., R]
    there: Callable[[dict[str, Any], R], bool]
    workers: int


def fan_out(
    calls: Sequence[dict[str, Any]], step: Step[R], then: Step[R] | None = None, wanted: Callable[[R], bool] = bool
) -> Generator[tuple[int, State[R]], None, None]:
    """Runs a step for each call and yields (index of the call, final state) as they end.

    A call whose result is `wanted` goes on into the step `then`, beside the others that are still in the first. A
    failed call stops nothing: the others go on, and the caller looks at the states.
    """
    ended: SimpleQueue[tuple[int, Step[R], PrefectFuture[R]]] = SimpleQueue()
    with ExitStack() as open_runners:
        runners: dict[int, ThreadPoolTaskRunner[Any]] = {
            id(one): open_runners.enter_context(ThreadPoolTaskRunner(max_workers=one.workers))
            for one in (step, then)
            if one
        }

        def start(index: int, one: Step[R], refresh: bool = False) -> None:
            submit = cast(Any, runners[id(one)].submit)  # its type admits coroutine functions only
            task = one.task.with_options(refresh_cache=True) if refresh else one.task
            future: PrefectFuture[R] = submit(task, calls[index])
            future.add_done_callback(lambda done: ended.put((index, one, done)))

        for index in range(len(calls)):
            start(index, step)
        left = len(calls)
        while left:
            index, one, future = ended.get()
            future.wait()  # ended already; this makes it know its final state, which else is asked of the server
            state = future.state
            if state.is_completed() and not one.there(calls[index], future.result()):
                start(index, one, refresh=True)
            elif state.is_completed() and one is step and then and wanted(future.result()):
                start(index, then)
            else:
                left -= 1
                yield index, state
