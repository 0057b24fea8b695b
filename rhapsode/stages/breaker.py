"""The circuit breaker: a run whose first takes are mostly bad stops, instead of burning a night."""

from __future__ import annotations

from rhapsode.errors import NotGoodEnough
from rhapsode.stages.verify import Verified

LEAST = 12
"""Takes that must have been listened to, so that a title page does not stop a book."""
SHARE = 0.5
"""More of them than this bad, and it is not the text."""


class Breaker:
    """Counts what was heard of the first takes, and trips once."""

    def __init__(self, book: str) -> None:
        self._book = book
        self._listened = 0
        self._failed: dict[int, str] = {}

    def add(self, verified: Verified) -> None:
        """Takes in what was heard of a range, in whatever order ranges end.

        Raises:
            NotGoodEnough: Most of the takes so far are bad.
        """
        self._listened += verified.listened
        self._failed.update(dict.fromkeys(verified.failed, verified.reason))
        if self._listened < LEAST or len(self._failed) <= SHARE * self._listened:
            return
        first = min(self._failed)
        raise NotGoodEnough(
            f"Stopped: {len(self._failed)} of the first {self._listened} takes that were listened to are bad, from "
            f"chunk {first} on ({self._failed[first]}).",
            f'Nothing is published. Find out why: rhapsode diagnose "{self._book}" --chunks {first}.',
        )
