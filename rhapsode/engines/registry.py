"""Which engines there are, and how a request becomes an engine, a voice and a sampling."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from rhapsode.engines.hibari import load_hibari
from rhapsode.engines.machine import installed, machine_settings
from rhapsode.engines.maya1.load import load_maya1_gguf, load_maya1_hf
from rhapsode.engines.maya1.weights import Models
from rhapsode.engines.protocol import Engine
from rhapsode.engines.tone import Tone
from rhapsode.errors import BadRequest, RhapsodeError
from rhapsode.model import EngineIdentity, Sampling, Voice
from rhapsode.settings import EngineName

ENGINES: dict[EngineName, Callable[[], Engine]] = {
    EngineName.MAYA1_HF: load_maya1_hf,
    EngineName.MAYA1_GGUF: load_maya1_gguf,
    EngineName.HIBARI: load_hibari,
    EngineName.TONE: Tone,
}
"""Name -> what loads it; here mypy holds every engine to the protocol.

`EngineName.AUTO` is no engine: `choose_engine` says which one it stands for.
"""

NEEDS = {
    EngineName.MAYA1_HF: (("maya1", "snac"), ("torch", "transformers", "tokenizers", "snac"), "maya1"),
    EngineName.MAYA1_GGUF: (("maya1-gguf", "snac"), ("llama_cpp", "torch", "snac"), "gguf"),
}
"""Engine -> the models and packages that it needs, its own weights first, and the extra that has the packages.

`auto` takes the first of them that lacks nothing.
"""

log = logging.getLogger(__name__)
_loaded: dict[EngineName, Engine] = {}
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine's name, and one line for people that says which and why."""

    name: EngineName
    reason: str


def choose_engine(name: EngineName) -> Choice:
    """The engine that a request means; nothing is loaded.

    Raises:
        BadRequest: The machine's settings mean nothing.
        WeightsDamaged: The manifest of a model cannot be read.
    """
    if name is not EngineName.AUTO:
        return Choice(name, f"{name}, as asked.")
    missing = {engine: lacks(engine) for engine in NEEDS}
    for engine, lack in missing.items():
        if not lack:
            return Choice(engine, f"{engine}: its weights are on this machine.")
    models = Models(machine_settings().models)
    if not any(models.knows(needed[0]) for needed, _, _ in NEEDS.values()):
        return Choice(EngineName.HIBARI, "hibari, the embedded voice: Maya1 is not on this machine (rhapsode models).")
    why = " and ".join(f"{engine} {lack}" for engine, lack in missing.items())
    return Choice(EngineName.HIBARI, f"hibari, the embedded voice, for {why}.")


def lacks(name: EngineName) -> str:
    """What an engine would need on this machine to be chosen by itself, such as `lacks the model snac`; else empty."""
    if name not in NEEDS:
        return ""
    models, packages, extra = NEEDS[name]
    at_hand = Models(machine_settings().models)
    for model in models:
        if not at_hand.has(model):
            return f"lacks the model {model} (rhapsode models fetch {model})"
    for package in packages:
        if not installed(package):
            return f"lacks the package {package} (pip install 'rhapsode[{extra}]')"
    if name is EngineName.MAYA1_HF:
        from rhapsode.engines.maya1.device import best_device  # noqa: PLC0415 - imports torch

        if machine_settings().device == "cpu" or best_device() == "cpu":
            return "lacks a GPU (without one it is slow, and must be named: --engine maya1-hf)"
    return ""


def stand_in(name: EngineName) -> EngineIdentity | None:
    """The other backend of the same voice, loaded; None where there is none, or this machine cannot load it.

    None, too, in a process that has not loaded the voice itself: it leaves the speaking to others, whose machines may
    have something else.
    """
    for other in NEEDS:
        if name in NEEDS and name in _loaded and other is not name and not lacks(other):
            try:
                stack = load_engine(other).stack
            except (RhapsodeError, MemoryError) as error:
                log.warning("%s cannot stand in for %s: %s", other, name, error)
                continue
            return EngineIdentity(other.value, stack.weights_digest, stack.precision)
    return None


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
