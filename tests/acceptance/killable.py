"""A conversion that can be killed: the child's side.

It tells a pipe where a phase begins ("encode") and ends ("/encode"), and the key of an utterance before it is spoken.
What was written into a pipe outlives its writer, so the parent knows exactly how far a killed child came and what it
asked of the engine.

    python -m tests.acceptance.killable FD REQUEST      the flow, with the request as JSON
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from multiprocessing.connection import Connection
from typing import Any

from rhapsode.audio import encode
from rhapsode.engines import registry
from rhapsode.engines.protocol import Engine, Session
from rhapsode.model import Take, Utterance
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages import assemble, jobs, plan, publish, speak
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.plain import convert

STEPS: dict[str, tuple[tuple[Any, str], ...]] = {
    "parse": ((plan, "read_book"), (Shelf, "save_book")),
    "plan": ((plan, "plan_book"), (Shelf, "save_plan"), (ReadingFolder, "save")),
    "store": ((speak, "put_take"),),
    "evidence": ((jobs, "sync_takes"), (jobs, "write_rows"), (ReadingFolder, "save_accepted")),
    "assemble": ((assemble, "lay_out"), (Shelf, "save_timeline")),
    "encode": ((encode, "feed"),),
    "read-back": ((encode, "read_back"),),
    "publish": ((publish, "_stored"), (publish, "save_chunks"), (publish, "save_edition")),
}
"""Phase -> where its functions are looked up when they are called. Speaking is told by the engine."""

PHASES = ("parse", "plan", "speak", "store", "evidence", "assemble", "encode", "read-back", "publish")
DONE = "done"


class Told:
    """An engine that tells what it is about to say, and takes its time for it."""

    def __init__(self, engine: Engine, delay_s: float, tell: Callable[[str], None]) -> None:
        self._engine = engine
        self._delay_s = delay_s
        self._tell = tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._engine.session() as session:
            yield _ToldSession(session, self._delay_s, self._tell)


class _ToldSession:
    def __init__(self, session: Session, delay_s: float, tell: Callable[[str], None]) -> None:
        self._session = session
        self._delay_s = delay_s
        self._tell = tell

    def speak(self, utterances: Sequence[Utterance]) -> Iterator[Take]:
        for utterance in utterances:
            self._tell(f"speak {utterance.key}")
            time.sleep(self._delay_s)
            for take in self._session.speak([utterance]):
                self._tell("/speak")
                yield take


def tell_everything(descriptor: int, engine: EngineName, delay_s: float = 0.0) -> Callable[[str], None]:
    """From now on this process tells the pipe what it does; returns the function that tells."""

    def tell(what: str) -> None:
        os.write(
            descriptor, f"{time.monotonic()} {what}\n".encode()
        )  # short enough to be atomic: threads do not mix their lines

    for phase, functions in STEPS.items():
        for owner, name in functions:
            setattr(owner, name, _told(phase, getattr(owner, name), tell))
    load = registry.ENGINES[engine]
    registry.ENGINES[engine] = lambda: Told(load(), delay_s, tell)
    return tell


def _told(phase: str, function: Callable[..., Any], tell: Callable[[str], None]) -> Callable[..., Any]:
    @wraps(function)
    def telling(*arguments: Any, **named: Any) -> Any:
        tell(phase)
        result = function(*arguments, **named)
        tell(f"/{phase}")
        return result

    return telling


def run_plain(pipe: Connection, request: ConvertRequest, delay_s: float, scratch: str) -> None:
    """The plain stages, in a process group of their own; runs in a child of the fork server."""
    os.setsid()
    tempfile.tempdir = scratch  # a killed process leaves its temporary files, and they should not pile up in /tmp
    tell = tell_everything(pipe.fileno(), request.engine, delay_s)
    convert(request)
    tell(DONE)


def run_flow(descriptor: int, request: ConvertRequest) -> None:
    from flows.convert_book import convert_book

    tell = tell_everything(descriptor, request.engine)
    convert_book(request)
    tell(DONE)


if __name__ == "__main__":
    run_flow(int(sys.argv[1]), ConvertRequest.model_validate_json(sys.argv[2]))
