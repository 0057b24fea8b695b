"""`up`: the production floor on one machine: a Prefect server, what it must know, and two workers."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rhapsode.cli.address import forget_address, found_address, leave_address, state_folder
from rhapsode.cli.console import screen
from rhapsode.cli.processes import Processes, Running
from rhapsode.errors import BadRequest, RhapsodeError

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy.engine import URL

START_S = 240.0
"""A first start makes the database: 15 s on a quiet machine, a minute on a busy one."""
LOOK_S = 0.5
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
POSTGRES = "postgresql+asyncpg://USER:PASSWORD@HOST/NAME"
SERVER_AUTH, CLIENT_AUTH = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"


def run_floor(host: str, port: int) -> None:
    """The command `up`: returns when the user has asked for the end, and everything that it started has ended.

    Raises:
        RhapsodeError: The address is taken or open to everybody, or a part did not start or ended by itself.
    """
    console = screen()
    _check_address(host, port)
    url = f"http://{_reachable(host)}:{port}/api"
    console.print(f"Prefect server: {url.removesuffix('/api')}")
    logs = state_folder() / f"up-{port}"
    processes = Processes(logs)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    try:
        _prepare_environment(url)
        _tell_places(console)
        _start(console, processes, host, port, url)
        leave_address(url)
        _explain(console, url.removesuffix("/api"), str(logs))
        _watch(processes)
    except KeyboardInterrupt:
        console.print("\nStopping; Ctrl-C again ends it at once.")
    finally:
        _stop(processes)
        forget_address()
    console.print("Stopped. Runs that were under way go on with the next `rhapsode up`.")


def _tell_places(console: Console) -> None:
    database = _database()
    told = database.render_as_string(hide_password=True) if database else "SQLite in Prefect's home"
    console.print(f"Database: {told}")
    console.print(f"Fan-out: {os.environ['RHAPSODE_FAN_OUT']}, where a run asks for nothing else")
    console.print(f"Library: {os.environ['RHAPSODE_LIBRARY']}, of the EPUBs in {os.environ['RHAPSODE_BOOKS']}")


def _start(console: Console, processes: Processes, host: str, port: int, url: str) -> None:
    console.print("Starting it: 10 to 30 s")
    server = processes.start("server", ["server", "start", "--host", host, "--port", str(port)])
    _wait_for(server, url)

    from rhapsode.cli.deploy import POOLS, deploy

    deploy(console)
    for name, pool in POOLS.items():
        processes.start(f"worker-{name}", ["worker", "start", "--pool", name, "--type", "process", *pool.limit])
    console.print(f"Workers: one for each of the pools {' and '.join(POOLS)}")


def _wait_for(server: Running, url: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310 (our own server)
                return
        except OSError:
            time.sleep(LOOK_S)
    raise RhapsodeError(
        f"The Prefect server did not come up: {_without_password(server.last_words())}.", f"All it said: {server.log}."
    )


def _watch(processes: Processes) -> None:
    """Returns never: a part that ends by itself takes the others with it, so that whoever started us sees it."""
    while not (ended := processes.ended()):
        time.sleep(LOOK_S)
    raise RhapsodeError(
        f"{ended.name} ended by itself: {_without_password(ended.last_words())}.", f"All it said: {ended.log}."
    )


def _stop(processes: Processes) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: processes.kill())
    processes.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(console: Console, url: str, logs: str) -> None:
    console.print(
        f"\nThe floor is up: {url}\n"
        "  Deployments > convert-book > Run converts a book; `rhapsode convert` in another terminal uses this server.\n"
        f"  What server and workers say is in {logs}.\n"
        "  Ctrl-C ends all of it.",
        soft_wrap=True,
    )


def _check_address(host: str, port: int) -> None:
    """Refuses what cannot be listened at, and a server without a password that others could reach."""
    if not _is_own(host) and not os.environ.get(SERVER_AUTH):
        raise BadRequest(
            f"--host {host} lets other machines run code on this one.",
            f"Set an auth string, {SERVER_AUTH}=user:password, or listen at 127.0.0.1.",
        )
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if (there := found_address()) and there.endswith(f":{port}/api"):
            raise BadRequest(
                f"`rhapsode up` runs already at {there.removesuffix('/api')}.", "One is enough."
            ) from error
        raise BadRequest(
            f"Port {port} of {host} cannot be used: {error.strerror or error}.", "Choose another one with --port."
        ) from error


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reachable(host: str) -> str:
    """The host as a client on this machine names it."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (not bound here)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _prepare_environment(url: str) -> None:
    """For all that is started from here. Prefect is not imported yet, and reads it then.

    Raises:
        BadRequest: The user's own settings cannot be used.
    """
    from rhapsode.cli.orchestrate import ENVIRONMENT
    from rhapsode.settings import FanOut, fan_out_here

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Only the worker of the pool gpu, with its limit, sees to it that one run at a time has the engine.
    os.environ.setdefault("RHAPSODE_FAN_OUT", FanOut.WORKERS)
    fan_out_here()  # what cannot be is told before anything is started
    for name, default in (("RHAPSODE_LIBRARY", "library"), ("RHAPSODE_BOOKS", "books")):
        place = os.environ.get(name, default)  # runs work elsewhere, so a folder must not depend on that
        os.environ[name] = place if "://" in place else str(Path(place).absolute())
    os.environ["PREFECT_API_URL"] = url
    if SERVER_AUTH in os.environ:
        os.environ[CLIENT_AUTH] = os.environ[SERVER_AUTH]


def _database() -> URL | None:
    """What the server keeps its runs in, if the user has named it.

    Raises:
        BadRequest: No URL, or one that Prefect cannot use. Neither message shows it, for a password may stand in it.
    """
    from prefect.settings import get_current_settings
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    given = get_current_settings().server.database.connection_url
    if given is None:
        return None
    try:
        url = make_url(given.get_secret_value())
    except ArgumentError:
        raise BadRequest(f"{DATABASE} is no database URL.", f"Valid: {POSTGRES}.") from None
    if url.drivername not in ("postgresql+asyncpg", "sqlite+aiosqlite"):
        raise BadRequest(f"{DATABASE} names the driver {url.drivername}.", f"Valid: {POSTGRES}.")
    return url


def _without_password(said: str) -> str:
    database = _database()
    return said.replace(str(database.password), "***") if database and database.password else said
