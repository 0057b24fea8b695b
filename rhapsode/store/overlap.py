"""Asking a store while something else goes on: it answers each question slowly, but many of them at once.

    ahead(library, ask, questions) -> Iterator[answer]     in the order of the questions; some are asked in advance
    behind(put, things) -> Iterator[what put said]         in the order of the things; the next one is made meanwhile

Both end with whoever reads from them: what has begun is awaited, and nothing more begins. What is done in another
thread is done in the context of the caller, so that a run's log has what is said there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from rhapsode.store.library import Library

AT_ONCE = 16
"""A store far away answers each question in some hundredths of a second."""

A = TypeVar("A")
B = TypeVar("B")


def ahead(library: Library, ask: Callable[[A], B], questions: Iterable[A]) -> Iterator[B]:
    """The answers, of which at most `AT_ONCE` are under way or wait to be read: memory does not grow with them.

    A folder answers at once, so it is asked when the answer is wanted: threads would only cost processors.

    Raises:
        Exception: What `ask` raises, in the place of the answer.
    """
    if library.local:
        yield from map(ask, questions)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked: deque[Future[B]] = deque()
        try:
            for question in questions:
                if len(asked) == AT_ONCE:
                    yield asked.popleft().result()
                asked.append(pool.submit(copy_context().run, ask, question))
            while asked:
                yield asked.popleft().result()
        finally:
            for future in asked:
                future.cancel()


def behind(put: Callable[[A], B], things: Iterable[A]) -> Iterator[B]:
    """Puts each thing away while the next one is made, never two at once: so a kill loses what is being made, and at
    most the one before it.

    Raises:
        Exception: What `put` raises, when the next thing is there.
    """
    with ThreadPoolExecutor(1) as writer:
        last: Future[B] | None = None
        for thing in things:
            if last:
                yield last.result()
            last = writer.submit(copy_context().run, put, thing)
        if last:
            yield last.result()
