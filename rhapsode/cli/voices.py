"""`voices`: who can speak here, and what the others need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rhapsode.cli.console import screen, shown, table
from rhapsode.engines.hibari import VOICES, fetch_command
from rhapsode.engines.machine import machine_settings
from rhapsode.engines.maya1.voices import load_voices
from rhapsode.engines.registry import ENGINES, NEEDS, choose_engine, lacks, load_engine
from rhapsode.errors import EngineError
from rhapsode.settings import EngineName

ACCENTS = {"us": "English, American", "gb": "English, British"}
DESCRIPTIONS = {
    EngineName.HIBARI: {name: ACCENTS[weights.accent] for name, weights in VOICES.items()},
    EngineName.TONE: {"tone": "a note for each letter; to try the pipeline"},
}


@dataclass(frozen=True, slots=True)
class Known:
    """A voice, and why it cannot speak here; an empty reason: it can."""

    engine: EngineName
    name: str
    description: str
    missing: str = ""


def known_voices() -> Iterator[Known]:
    """Every voice of every engine; those of engines that cannot be loaded are listed with the reason.

    Maya1's voices are descriptions, so none of its gigabytes are loaded for them.
    """
    for engine in NEEDS:
        missing = lacks(engine)
        for voice in load_voices(machine_settings().voices):
            yield Known(engine, voice.name, voice.description, missing)
    for engine in ENGINES.keys() - NEEDS.keys():
        described = DESCRIPTIONS.get(engine, {})
        try:
            at_hand = {voice.name: voice.description for voice in load_engine(engine).voices}
        except EngineError as error:
            yield Known(engine, "", "", str(error))
            continue
        for name, description in at_hand.items():
            yield Known(engine, name, description or described.get(name, ""))
        for name in described.keys() - at_hand.keys():
            yield Known(engine, name, described[name], f"fetch it: {fetch_command(name)}")


def list_voices() -> None:
    """The command `voices`."""
    made = table("engine", "voice", "description", "at hand")
    voices = sorted(known_voices(), key=lambda voice: (voice.engine, bool(voice.missing)))
    for voice in voices:
        made.add_row(voice.engine, voice.name, shown(voice.description), shown(voice.missing or "yes"))
    console = screen()
    console.print(made)
    console.print(f"\nWithout --engine: {choose_engine(EngineName.AUTO).reason}")
