"""How far a run is, for people: an artifact of it."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.runs import server_errors


class Progress:
    """Shows what part of so many things is done.

    Raises:
        RunIncomplete: The Prefect server does not answer.
    """

    def __init__(self, description: str, things: int) -> None:
        self._things, self._done = things, 0
        with server_errors():
            self._artifact = cast(UUID, create_progress_artifact(0.0, description=description))

    def add(self, things: int = 1) -> None:
        """So many more are done."""
        self._done += things
        with server_errors():
            update_progress_artifact(self._artifact, 100.0 * self._done / self._things)
