"""Where a conversion's time goes: named functions of the stages are timed while it runs, and left as they were.

The account is exclusive: the time of a function that calls another timed one ends where that one begins.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from inspect import isgeneratorfunction
from typing import Any
from unittest.mock import patch

PARTS = {
    "parse": ["rhapsode.stages.plan:parse_book"],
    "plan": ["rhapsode.stages.plan:plan_chunks", "flows.convert_book:load_plan"],
    "engine": ["rhapsode.stages.speak:_takes"],
    "measure": ["rhapsode.stages.speak:measured"],
    "store": ["rhapsode.stages.speak:put_take", "rhapsode.stages.speak:find_take"],
    "evidence": [
        "tasks.synthesize_range:speak_job",
        "tasks.speak_ranges:job_is_done",
        "flows.publish_book:accept_takes",
        "rhapsode.stages.publish:save_chunks",
    ],
    "verify": ["tasks.verify_range:verify_job"],
    "lay out": ["rhapsode.stages.assemble:assemble_chapter"],
    "read objects": ["rhapsode.stages.rows:get_provenance", "rhapsode.stages.publish:get_audio"],
    "render": ["rhapsode.stages.publish:render"],
    "encode": ["rhapsode.audio.encode:feed"],
    "read back": ["rhapsode.audio.encode:read_back"],
    "cover": ["rhapsode.stages.publish:cover_jpeg"],
    "publish": ["rhapsode.stages.publish:publish_edition"],
}
"""Label -> module:function, where the callers look the function up. What is in none of them is the orchestrator's."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, and of all processors: this process and those that it waited for (ffmpeg)."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def now() -> Cost:
    """The clocks of the whole process; two readings make a cost."""
    return Cost(time.perf_counter(), sum(os.times()[:4]))


class Stopwatch:
    """What each part cost. Parts that ran in several threads at once may add up to more than the wall clock."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, Cost())
        self.busy_s = 0.0  # wall clock during which any part ran, in whatever thread
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._running = 0
        self._since = 0.0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Times the functions of `PARTS` inside.

        Raises:
            AttributeError: One of them has another name by now.
        """
        with ExitStack() as patches:
            for label, places in PARTS.items():
                for place in places:
                    module, _, name = place.partition(":")
                    function = getattr(import_module(module), name)
                    patches.enter_context(patch(f"{module}.{name}", self._timed(label, function)))
            yield

    def _timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._part(label):
                return function(*args, **kwargs)

        @wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
            items = function(*args, **kwargs)
            while True:
                with self._part(label):
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                yield item

        return generate if isgeneratorfunction(function) else call

    @contextmanager
    def _part(self, label: str) -> Iterator[None]:
        stack: list[str] = self._thread.__dict__.setdefault("stack", [])
        self._charge(stack)
        stack.append(label)
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)
            self._charge(stack)
            stack.pop()

    def _charge(self, stack: list[str]) -> None:
        """Books the time since the last change of parts in this thread to the part that ran."""
        children = os.times()
        mark = Cost(time.perf_counter(), time.thread_time() + children.children_user + children.children_system)
        if stack:
            with self._lock:
                self.spent[stack[-1]] += mark - self._thread.mark
        self._thread.mark = mark

    def _count(self, change: int) -> None:
        with self._lock:
            if self._running == 0:
                self._since = time.perf_counter()
            self._running += change
            if self._running == 0:
                self.busy_s += time.perf_counter() - self._since
