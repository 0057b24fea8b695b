"""A converted story, a command line that runs in this process, and what answers like a Prefect server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
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


class AnswersAsPrefect(BaseHTTPRequestHandler):
    delay_s = 0.0
    answer = b"true"

    def do_GET(self) -> None:
        time.sleep(self.delay_s)
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API of something that answers as Prefect does, and a state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with HTTPServer(("127.0.0.1", 0), AnswersAsPrefect) as answering:
        thread = threading.Thread(target=answering.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{answering.server_port}/api"
        answering.shutdown()
        thread.join()
