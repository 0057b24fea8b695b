"""The circuit breaker: a run whose first takes are mostly bad stops, instead of burning a night."""

from __future__ import annotations

from rhapsode.errors import NotGoodEnough
from rhapsode.stages.verify import Verified

RANGES = 2
"""That must have been heard, so that a list of names at the head of a book does not stop it."""

LEAST = 12
"""Takes that must have been listened to in them, so that a title page does not either."""


class Breaker:
    """Counts the ranges of round 0 most of whose takes are bad, and trips when they are most of all."""

    def __init__(self, book: str) -> None:
        self._book = book
        self._ranges: dict[str, Verified] = {}

    def add(self, verified: Verified) -> None:
        """Takes in what was heard of a range, in whatever order ranges end.

        Raises:
            NotGoodEnough: Most of the ranges so far are bad.
        """
        self._ranges[verified.job] = verified
        bad = [one for one in self._ranges.values() if 2 * len(one.failed) > one.listened]
        listened = sum(one.listened for one in self._ranges.values())
        if len(self._ranges) < RANGES or listened < LEAST or 2 * len(bad) <= len(self._ranges):
            return
        failed = [chunk for one in self._ranges.values() for chunk in one.failed]
        first = min(bad, key=lambda one: one.failed)
        raise NotGoodEnough(
            f"Stopped: {len(failed)} of the first {listened} takes that were listened to are bad, from chunk "
            f"{min(failed)} on ({first.reason}).",
            f'Nothing is published. Find out why: rhapsode diagnose "{self._book}" --chunks {first.failed[0]}.',
        )
