"""A conversion that can be killed: the child's side.

It tells a pipe which step begins, and the key of every utterance before it is spoken. What was written into a pipe
outlives its writer, so the parent knows exactly how far a killed child came and what it asked of the engine.

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
from rhapsode.stages import assemble, jobs, plan, publish
from tests.plain import convert

STEPS: dict[str, tuple[Any, str]] = {
    "parse": (plan, "read_book"),
    "plan": (plan, "plan_book"),
    "evidence": (jobs, "write_rows"),
    "assemble": (assemble, "lay_out"),
    "encode": (encode, "feed"),
    "read-back": (encode, "read_back"),
    "publish": (publish, "_stored"),
}
"""Step -> the module and the name by which it calls the function that begins it. Speaking is told by the engine."""

PHASES = ("parse", "plan", "speak", "evidence", "assemble", "encode", "read-back", "publish")
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
            yield from self._session.speak([utterance])


def tell_everything(descriptor: int, engine: EngineName, delay_s: float = 0.0) -> Callable[[str], None]:
    """From now on this process tells the pipe what it does; returns the function that tells."""

    def tell(what: str) -> None:
        os.write(descriptor, f"{what}\n".encode())  # short enough to be atomic: threads do not mix their lines

    for step, (module, name) in STEPS.items():
        setattr(module, name, _told(step, getattr(module, name), tell))
    load = registry.ENGINES[engine]
    registry.ENGINES[engine] = lambda: Told(load(), delay_s, tell)
    return tell


def _told(step: str, function: Callable[..., Any], tell: Callable[[str], None]) -> Callable[..., Any]:
    @wraps(function)
    def telling(*arguments: Any, **named: Any) -> Any:
        tell(step)
        return function(*arguments, **named)

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
