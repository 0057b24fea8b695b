"""What all tasks share: when to retry, how results are cached, how a fan-out waits.

A result is small JSON under a key of our own: Prefect's default policy includes the run id and would never serve a
rerun. The library is the truth and the cache only saves work, so a cached result counts only while what it stands for
is still in the library: `checked` and `fan_out` ask, and run the task anew where it is not.
"""

from __future__ import annotations

import inspect
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
        wanted: Whether a call needs this step, by the result of the step before it.
    """

    task: Task[..., R]
    there: Callable[[dict[str, Any], R], bool]
    workers: int
    wanted: Callable[[Any], bool] = bool


def fan_out(calls: Sequence[dict[str, Any]], *steps: Step[Any]) -> Generator[tuple[int, State[Any]], None, None]:
    """Runs the steps for each call and yields (index of the call, state of its last step) as they end.

    A call goes on into the next step that wants it, beside the others that are still in an earlier one. A failed call
    stops nothing: the others go on, and the caller looks at the states. Of a call, a step gets the arguments that its
    task has.
    """
    ended: SimpleQueue[tuple[int, int, PrefectFuture[Any]]] = SimpleQueue()
    with ExitStack() as open_runners:
        runners: list[ThreadPoolTaskRunner[Any]] = [
            open_runners.enter_context(ThreadPoolTaskRunner(max_workers=step.workers)) for step in steps
        ]

        def start(index: int, step: int, refresh: bool = False) -> None:
            task = steps[step].task
            submit = cast(Any, runners[step].submit)  # its type admits coroutine functions only
            known = inspect.signature(task.fn).parameters
            arguments = {name: value for name, value in calls[index].items() if name in known}
            future: PrefectFuture[Any] = submit(task.with_options(refresh_cache=True) if refresh else task, arguments)
            future.add_done_callback(lambda done: ended.put((index, step, done)))

        for index in range(len(calls)):
            start(index, 0)
        left = len(calls)
        while left:
            index, at, future = ended.get()
            future.wait()  # ended already; this makes it know its final state, which else is asked of the server
            state = future.state
            if not state.is_completed():
                left -= 1
                yield index, state
                continue
            if not steps[at].there(calls[index], future.result()):
                start(index, at, refresh=True)
                continue
            following = next((n for n in range(at + 1, len(steps)) if steps[n].wanted(future.result())), None)
            if following is not None:
                start(index, following)
            else:
                left -= 1
                yield index, state
