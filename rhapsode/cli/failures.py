"""How an error looks to people: one line with its remedy on stderr, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from rhapsode.errors import BadRequest, RhapsodeError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    M = TypeVar("M", bound=BaseModel)

EXPECTED = (RhapsodeError, typer.TyperException, OSError, MemoryError)
"""What bad input, a bad command line, a full disk or a small machine raise. Anything else is a bug and shows itself."""

OPTIONS = {"loudness_lufs": "--loudness", "ceiling_dbtp": "--ceiling", "bitrate_kbps": "--bitrate"}
"""Fields that the command line calls by another name than the settings do."""


def report(error: BaseException) -> int:
    """Prints the error as one line on stderr and returns the exit code."""
    code, line = _described(error)
    plain = "".join(character if character.isprintable() else " " for character in line)
    print(f"error: {' '.join(plain.split())}", file=sys.stderr)
    return code


def _described(error: BaseException) -> tuple[int, str]:
    if isinstance(error, RhapsodeError):
        return error.exit_code, str(error)
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "rhapsode"
        return error.exit_code, f"{error.format_message().rstrip('.')}. See: {command} --help"
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return 4, f"{error.strerror or error}{where}. Mend that and run again: what is done is kept."
    return 1, "The memory is used up. Close other programs or give fewer --workers; what is done is kept."


def request(kind: type[M], asked: Mapping[str, Any]) -> M:
    """Builds a request from what was given on the command line; what was not given (None) keeps its default.

    Raises:
        BadRequest: A value that the settings refuse; names the option and what is valid.
    """
    from pydantic import ValidationError

    try:
        return kind.model_validate(_given(asked))
    except ValidationError as error:
        raise _refused(error, kind) from error


def _given(asked: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: _given(value) if isinstance(value, dict) else value for name, value in asked.items()}
    return {name: value for name, value in values.items() if value is not None}


def _refused(error: ValidationError, kind: type[BaseModel]) -> BadRequest:
    first = error.errors()[0]
    names = [str(part) for part in first["loc"]]
    option = OPTIONS.get(names[-1], f"--{names[-1].replace('_', '-')}")
    valid = first.get("ctx", {}).get("expected") or _bounds(kind, names)
    value = f"{option} cannot be {str(first['input'])!r}"
    if valid:
        return BadRequest(f"{value}.", f"Valid: {valid}.")
    return BadRequest(f"{value}: {first['msg'].removeprefix('Value error, ')}.", "The option's meaning: --help.")


def _bounds(kind: type[BaseModel], names: list[str]) -> str:
    """`"0.5 to 2.0"` for a field with both limits, else nothing."""
    for name in names[:-1]:
        annotation = kind.model_fields[name].annotation
        assert isinstance(annotation, type)
        kind = annotation
    limits = kind.model_fields[names[-1]].metadata
    low = [str(limit.ge) for limit in limits if hasattr(limit, "ge")]
    high = [str(limit.le) for limit in limits if hasattr(limit, "le")]
    return f"{low[0]} to {high[0]}" if low and high else ""
