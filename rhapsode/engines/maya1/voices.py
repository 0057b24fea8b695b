"""The described voices of Maya1: those that come with the package, and the user's own."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from rhapsode.engines.maya1.prompt import check_description
from rhapsode.errors import BadRequest
from rhapsode.model import Voice

PRESETS = "voices.toml"


def load_voices(own: Path | None = None) -> tuple[Voice, ...]:
    """The presets, then the voices of the user's file; one of the same name replaces the preset in its place.

    Raises:
        BadRequest: The file is not there or is no TOML of described voices, or the model would read a description
            aloud.
    """
    voices = _parsed(resources.files(__package__).joinpath(PRESETS).read_text(encoding="utf-8"), PRESETS)
    if own is not None:
        path = own.expanduser()
        try:
            voices |= _parsed(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeError) as error:
            raise BadRequest(f"The voices in {path} cannot be read: {error}.", "See RHAPSODE_VOICES.") from error
    return tuple(Voice(name, description) for name, description in voices.items())


def _parsed(text: str, where: str) -> dict[str, str]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{where} is no TOML file: {error}.", "Mend that line.") from error
    for name, table in tables.items():
        if not (isinstance(table, dict) and set(table) == {"description"} and isinstance(table["description"], str)):
            raise BadRequest(
                f"{where}: the voice {name!r} is more or less than a description.",
                f'Write [{name}] and below it one line: description = "..."',
            )
        try:
            check_description(table["description"])
        except BadRequest as error:
            raise BadRequest(f"{where}, voice {name!r}: {error.message}", error.remedy) from error
    return {name: table["description"] for name, table in tables.items()}
