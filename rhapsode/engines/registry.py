"""Which engines there are, and how a request becomes an engine, a voice and a sampling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from rhapsode.engines.hibari import load_hibari
from rhapsode.engines.protocol import Engine
from rhapsode.engines.tone import Tone
from rhapsode.errors import BadRequest
from rhapsode.model import Sampling, Voice
from rhapsode.settings import EngineName

ENGINES: dict[EngineName, Callable[[], Engine]] = {EngineName.HIBARI: load_hibari, EngineName.TONE: Tone}
"""Name -> what loads it; here mypy holds every engine to the protocol.

`EngineName.AUTO` is no engine: `choose_engine` says which one it stands for.
"""

_loaded: dict[EngineName, Engine] = {}
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine's name, and one line for people that says which and why."""

    name: EngineName
    reason: str


def choose_engine(name: EngineName) -> Choice:
    """The engine that a request means; nothing is loaded."""
    if name is EngineName.AUTO:
        return Choice(EngineName.HIBARI, "hibari, the embedded voice: no other voice is installed on this machine.")
    return Choice(name, f"{name}, as asked.")


def load_engine(name: EngineName) -> Engine:
    """Loads an engine, once a process; safe to call from several threads.

    Raises:
        EngineUnavailable: Its package is not installed.
        WeightsDamaged: Its files are not the pinned ones.
    """
    name = choose_engine(name).name
    with _loading:  # one lock for all: two threads must never load the same weights twice
        if name not in _loaded:
            _loaded[name] = ENGINES[name]()
        return _loaded[name]


def voice_of(engine: Engine, name: str) -> Voice:
    """The engine's voice of that name; its default voice for an empty name.

    Raises:
        BadRequest: The engine has no such voice at hand.
    """
    if not name:
        return engine.voices[0]
    for voice in engine.voices:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in engine.voices)
    raise BadRequest(f"The engine {engine.stack.engine} has no voice {name!r} on this machine.", f"It has: {known}.")


def sampling_of(engine: Engine, speed: float | None) -> Sampling:
    """The engine's own sampling, at the speed asked for.

    Raises:
        BadRequest: A speed for an engine that has no such control.
    """
    if speed is None:
        return engine.sampling
    if engine.sampling.speed is None:
        raise BadRequest(f"The engine {engine.stack.engine} cannot change its speed.", "Leave the speed unset.")
    return replace(engine.sampling, speed=speed)
