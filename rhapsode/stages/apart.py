"""Speaking in a process of its own: nothing is left there of what was spoken elsewhere."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from rhapsode.engines.protocol import Engine, audio_of
from rhapsode.errors import RhapsodeError, SynthesisFailed
from rhapsode.model import Audio, Stack, Take, Utterance
from rhapsode.quality.diagnosis import Kind

Load = Callable[[], Engine]
"""Loads an engine anew; goes to another process, so it must pickle."""
Call = tuple[Utterance, ...]
Calls = tuple[Call, ...]
"""What one session is asked to speak, one call after another."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to speak the named chunks.

    Attributes:
        processes: For each process, what its sessions are asked for; of an utterance said twice the last take counts.
        reload: Before each session the weights are loaded anew and the caches of the device are emptied.
    """

    name: str
    kind: Kind
    load: Load
    processes: tuple[tuple[Calls, ...], ...]
    reload: bool = False


Ended = tuple[Take, Audio] | SynthesisFailed
Result = tuple[Stack, dict[str, Ended]]
"""Of one process: the stack, and by key what became of each utterance."""


def in_a_process(condition: Condition, sessions: Sequence[Calls], wanted: frozenset[str]) -> Result:
    """Speaks in a fresh process and returns what became of the wanted keys.

    Raises:
        RhapsodeError: As the engine raises there.
        SynthesisFailed: The process died.
    """
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit what this process has done
    here, there = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_child, args=(there, condition, sessions, wanted), daemon=True)
    child.start()
    there.close()
    try:
        answer: Result | RhapsodeError = here.recv()
    except EOFError:
        child.join()
        raise SynthesisFailed(
            f"The process that spoke {condition.name} died (exit code {child.exitcode}).",
            "-9 is mostly a lack of memory: close other programs. Otherwise -v shows its last words.",
        ) from None
    finally:
        child.kill()
        child.join()
    if isinstance(answer, RhapsodeError):
        raise answer
    return answer


def _child(answer: Connection, condition: Condition, sessions: Sequence[Calls], wanted: frozenset[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked to stop, and this process ends with it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer.send(_perform(condition, sessions, wanted))
    except RhapsodeError as error:
        answer.send(error)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _perform(condition: Condition, sessions: Sequence[Calls], wanted: frozenset[str]) -> Result:
    results: dict[str, Ended] = {}
    engine: Engine | None = None
    for calls in sessions:
        if condition.reload:
            engine = None
            _empty_caches()
        engine = engine or condition.load()
        with engine.session() as session:
            for call in calls:
                pending = {one.key: one for one in call}
                while pending:
                    try:
                        for take in session.speak(list(pending.values())):
                            pending.pop(take.utterance.key)
                            if take.utterance.key in wanted:
                                results[take.utterance.key] = _decoded(take, engine)
                        break  # what is still pending was never spoken
                    except SynthesisFailed as failure:
                        if pending.pop(failure.key, None) is None:
                            raise
                        if failure.key in wanted:
                            results[failure.key] = failure
    assert engine, "a process has sessions"
    return engine.stack, results


def _decoded(take: Take, engine: Engine) -> Ended:
    try:
        return take, audio_of(take, engine.codec)
    except SynthesisFailed as failure:  # tokens that mean nothing to the codec: frames have slipped
        return failure


def _empty_caches() -> None:
    gc.collect()
    if "torch" in sys.modules:
        from rhapsode.engines.maya1.device import empty_cache  # noqa: PLC0415 - imports torch

        empty_cache()
