"""Running a flow: Prefect's environment, its server, its chatter."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from rhapsode.audio.ffmpeg import last_lines
from rhapsode.cli.address import found_address
from rhapsode.cli.progress import Display
from rhapsode.errors import RhapsodeError

UNAUTHORISED = 401
FLOOR = Path(__file__).with_name("floor")
"""Settings of a server and of its runs that are no code of ours; the containers read the same files."""


def read_settings(path: Path) -> dict[str, str]:
    """The lines `NAME=value` of a file."""
    lines = path.read_text().splitlines()
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals and name[0] != "#"}


ENVIRONMENT = {
    # Its default of 20 s is too short for the first start, which makes the database.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    **read_settings(FLOOR / "server.env"),
}
"""Set before Prefect is imported, and only where the user has not set it."""


def run_flow(flow: str, request: object, console: Console, display: Display, verbose: bool) -> Any:
    """Imports a flow, reaches or starts a server, runs the flow and returns its result.

    Args:
        flow: Name of a module of flows/ and of the flow in it.

    Raises:
        RhapsodeError: As the flow raises, or Prefect is out of order.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _quiet(console, verbose) as said, display:
        there = None if "PREFECT_API_URL" in os.environ else found_address()
        display.phase("Starting Prefect", f"`rhapsode up` serves {there}" if there else "its server needs 10 to 30 s")
        call: Callable[..., Any] = getattr(import_module(f"flows.{flow}"), flow)
        from httpx import HTTPError
        from prefect.exceptions import PrefectException

        try:
            _reach_server(said, there)
            display.phase("Looking what is there")
            return call(request)
        except (PrefectException, HTTPError) as error:
            raise RhapsodeError(
                f"Prefect failed ({type(error).__name__}): {error}.",
                "Run again, what is done is kept; -v shows what Prefect says.",
            ) from error


def _reach_server(said: IO[bytes] | None, there: str | None) -> None:
    """Asks the user's server whether it is there, or starts a temporary one.

    Args:
        there: The API of a `rhapsode up` that runs. A server that the user has named to Prefect goes before it.
    """
    from httpx import HTTPError
    from prefect.context import refresh_global_settings_context
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL

    if there and not PREFECT_API_URL.value():
        os.environ["PREFECT_API_URL"] = there
        refresh_global_settings_context()
    if url := PREFECT_API_URL.value():
        check_server(url)
        return
    if said:
        # It is stopped at exit, after everything was said, and would be the last to speak.
        logging.getLogger("prefect").setLevel(logging.WARNING)
        logging.raiseExceptions = False
    try:
        SubprocessASGIServer().start()
        # Prefect would wait for its clean end, five seconds, at exit; its history is gone either way.
        atexit.register(kill_server)
    except (RuntimeError, HTTPError) as error:
        reason = f": {_last_words(said)}" if said else ""
        raise RhapsodeError(
            f"Prefect's temporary server did not start{reason}.", "`rhapsode doctor` says what is wrong."
        ) from error


def check_server(url: str) -> None:
    """Asks the server of Prefect's settings whether it is there and lets us in.

    Raises:
        RhapsodeError: It does not answer, or asks for another auth string.
    """
    from httpx import HTTPError, HTTPStatusError
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            client.hello()
    except HTTPStatusError as error:
        if error.response.status_code != UNAUTHORISED:
            raise
        raise RhapsodeError(
            f"The Prefect server at {url} does not let us in.", "Give it its auth string in PREFECT_API_AUTH_STRING."
        ) from error
    except HTTPError as error:
        raise RhapsodeError(
            f"The Prefect server at {url} does not answer ({type(error).__name__}).",
            "Start it (`rhapsode up`), or unset PREFECT_API_URL: then a temporary one is used.",
        ) from error


def kill_server() -> None:
    """Ends the temporary server, if there is one, without waiting."""
    if module := sys.modules.get("prefect.server.api.server"):
        for server in list(module.SubprocessASGIServer._instances.values()):
            if server.server_process:
                server.server_process.kill()


@contextmanager
def _quiet(console: Console, verbose: bool) -> Iterator[IO[bytes] | None]:
    """Sends what libraries and Prefect's server print into a file, while the console goes on to the screen.

    The server is a process of its own that writes to our standard error, so the descriptors themselves are turned.
    """
    if verbose:
        yield None
        return
    sys.stdout.flush()
    with tempfile.TemporaryFile() as said:
        out, err = os.dup(1), os.dup(2)
        screen = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace", buffering=1)
        console.file = screen
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        try:
            yield said
        finally:
            for stream in (sys.stdout, sys.stderr, screen):
                stream.flush()
            console.file = sys.stdout
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.close(out)
            os.close(err)
            screen.close()


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4000))
    return last_lines(said.read(), 1).rstrip(".")
