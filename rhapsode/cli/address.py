"""Where `rhapsode up` listens: a small file that says so to the other commands of the same user."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from urllib.error import URLError

from rhapsode.errors import RhapsodeError

ANSWER_S = 30.0
"""A server that has just started, on a machine with much to do, has been seen to take more than 3 s."""


def state_folder() -> Path:
    """Where a user's programs keep what may be lost (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "rhapsode"


def leave_address(url: str) -> None:
    """Says that this process serves Prefect's API at `url`; of two that say so the later one counts."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    part.replace(file)


def forget_address() -> None:
    """Takes back what this process has said, if it still stands."""
    if (said := _said()) and said[1] == os.getpid():
        _file().unlink(missing_ok=True)


def found_address() -> str | None:
    """The API of a `rhapsode up` that runs. A file that a killed one left behind counts as none.

    Raises:
        RhapsodeError: It runs, and does not answer. A run without it would not appear where its user looks.
    """
    if not (said := _said()):
        return None
    url, pid = said
    try:
        os.kill(pid, 0)
        return url if is_healthy(url) else None
    except TimeoutError as error:
        raise RhapsodeError(
            f"`rhapsode up` at {url.removesuffix('/api')} (process {pid}) gives no answer within {ANSWER_S:.0f} s.",
            f"End it and start it again; if that process is another program, delete {_file()}.",
        ) from error
    except (OSError, ValueError):
        return None


def is_healthy(url: str) -> bool:
    """Asks the Prefect server whose API is at `url`, which is http or https.

    Raises:
        TimeoutError: No answer within ANSWER_S.
        OSError: Nobody listens there, or something that knows no such question.
        ValueError: `url` is none.
    """
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=ANSWER_S) as answer:  # noqa: S310 (see above)
            return bool(answer.read(10) == b"true")
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise error.reason from error
        raise


def _said() -> tuple[str, int] | None:
    try:
        said = json.loads(_file().read_bytes())
        url, pid = str(said["url"]), int(said["pid"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return (url, pid) if url.startswith("http://") and pid > 0 else None


def _file() -> Path:
    return state_folder() / "up.json"
