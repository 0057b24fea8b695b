"""How long work tells where it stands: log records that carry an event.

A log line is the one channel that crosses threads, tasks and worker processes without either side knowing the other:
the command line turns the events into a progress bar, a worker's log shows the same lines as text.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

logger = logging.getLogger("rhapsode.progress")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A chunk has its take: just spoken, or found in the library."""

    chunk: int
    chapter: int
    duration_s: float
    reused: bool


@dataclass(frozen=True, slots=True)
class Written:
    """So much of the finished book has been rendered for the encoder."""

    chapter: int
    samples: int
    total: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Another part of the run begins, of unknown length."""

    name: str


Event = Spoken | Written


def tell(event: Event | Phase) -> None:
    logger.debug("%s", event, extra={"event": event})
