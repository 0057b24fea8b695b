"""A converted story, and a command line that runs in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from rhapsode.cli.app import run
from rhapsode.settings import ConvertRequest, EngineName
from tests.plain import convert


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def rhapsode(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs a command line in this process. pytest-xdist sets COLUMNS, which would make the screen a narrow one."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def library(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that holds the story, spoken by `tone` as MP3: a file a chapter. Nobody writes to it."""
    root = tmp_path_factory.mktemp("cli") / "library"
    audio = {"format": "mp3"}
    convert(
        ConvertRequest.model_validate(
            {"epub": str(story), "library": str(root), "engine": EngineName.TONE, "audio": audio}
        )
    )
    return root
