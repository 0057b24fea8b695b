"""How a store that is no folder is opened, and in which words it says that it does not answer.

    open_url(root: str, attempts: int = ATTEMPTS) -> tuple[file system, path of the root]
    put_file(fs, local: Path, path: str, sha256: str) -> None    streamed, read back, and put again if it is another
    store_errors() -> tuple[type[Exception], ...]       what file systems and the client of S3 raise
    error_code(error) -> str                            S3's name for it: "NoSuchBucket"; "" if it has none
    explain(error) -> tuple[reason, remedy]             for people

Credentials and the address of the store come from the environment, as botocore reads it, and from nowhere else; no log
has them.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from rhapsode.errors import LibraryUnreachable
from rhapsode.places import refuse_secrets

ATTEMPTS = 4
"""Of one request: after a 500, 502, 503, 504, 429, a timeout or a broken connection, with growing pauses of 7 s at most
in sum (botocore's mode "standard")."""
BODY_ATTEMPTS = 2
"""Of reading an answer's body, which botocore leaves to its caller. s3fs repeats with it what got no answer, too, and
reading a file twice over: a store that is gone is asked up to 4 x 4 times, one that answers with errors 4 times."""
PART_BYTES = 8 << 20
"""Of a file that is streamed in or out, held in memory; s3fs holds 50 MB ten times over."""
PUTS = 3  # of one file, at most, until it lies there as it is here
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 10
"""The second one also for how long a store may take in nothing of what we send."""
SHOWING = ("botocore.auth", "botocore.endpoint")
"""Logs whose DEBUG shows the headers of requests, with a session token in them."""
S3 = ("s3", "s3a")

KEPT = "Run again: what is done is kept."
SPACE = f"Free some space. {KEPT}"
REACH = f"See that it can be reached. {KEPT}"
WRITABLE = "Choose a library that you may write to."
REASONS = {
    errno.ENOSPC: ("the disk is full", SPACE),
    errno.EDQUOT: ("the disk quota is used up", SPACE),
    errno.EACCES: ("permission denied", WRITABLE),
    errno.EPERM: (
        "not permitted here",
        "Choose a library on a local file system with hard links that you may write to.",
    ),
    errno.EOPNOTSUPP: ("this file system has no hard links", "Choose a library on a file system with hard links."),
    errno.EROFS: ("the file system is read-only", WRITABLE),
    errno.ENOTDIR: ("a file stands where a folder should be", "Move that file away or choose another library."),
    errno.EEXIST: ("a file stands where a folder should be", "Move that file away or choose another library."),
    errno.EISDIR: ("a folder stands where a file should be", "Move that folder away or choose another library."),
}
CREDENTIALS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to what may read and write there."
FileSystem = Any  # fsspec has no types


def open_url(root: str, attempts: int = ATTEMPTS) -> tuple[FileSystem, str]:
    """Opens a URL with fsspec. Listings are never cached: other processes write here too.

    Raises:
        BadRequest: The URL holds credentials.
        ValueError, ImportError, RuntimeError: A protocol that is not known, or whose package is not installed.
    """
    if urlsplit(refuse_secrets(root)).scheme not in S3:
        return fsspec.url_to_fs(root, use_listings_cache=False)  # type: ignore[no-any-return]
    settings = {
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "connector_args": {"socket_factory": _socket},
    }
    for name in SHOWING:
        logging.getLogger(name).setLevel(logging.INFO)
    fs, base = fsspec.url_to_fs(
        root, use_listings_cache=False, config_kwargs=settings, default_block_size=PART_BYTES, max_concurrency=1
    )
    fs.retries = min(attempts, BODY_ATTEMPTS)
    sys.modules["s3fs.core"].set_custom_error_handler(_arrived_wrong)
    return fs, base


def _socket(address: Any) -> socket.socket:
    """One that breaks when the other end takes nothing in: aiohttp's time for an answer begins when all is sent."""
    made = socket.socket(*address[:3])
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(READ_TIMEOUT_S * 1000))
    return made


def _arrived_wrong(error: Exception) -> bool:
    """An answer that is not what its checksum says is asked for again; s3fs leaves it at that."""
    return type(error).__name__ == "FlexibleChecksumError"


def put_file(fs: FileSystem, local: Path, path: str, sha256: str) -> None:
    """Streams a file in until what lies there has this sha256: not every store checks what arrives.

    Where the answer to the end of an upload was lost, its repeat hears that there is no such upload; what lies there
    tells.

    Raises:
        LibraryUnreachable: It is another each time.
    """
    in_parts = {"chunksize": PART_BYTES} if set(S3) & set(fs.protocol) else {}  # other stores see to that themselves
    for _ in range(PUTS):
        try:
            fs.put_file(str(local), path, **in_parts)
        except FileNotFoundError as error:
            if error_code(error) != "NoSuchUpload":
                raise
        if _lies_there(fs, path, sha256):
            return
    raise LibraryUnreachable(
        f"{fs.unstrip_protocol(path)} was sent {PUTS} times, and other bytes lie there.",
        f"See what lies between this machine and the store. {KEPT}",
    )


def _lies_there(fs: FileSystem, path: str, sha256: str) -> bool:
    """Whether a file is there and has this sha256; of it a part is held in memory."""
    digest = hashlib.sha256()
    try:
        size = int(fs.info(path)["size"])
        for start in range(0, size, PART_BYTES):
            digest.update(fs.cat_file(path, start=start, end=min(start + PART_BYTES, size)))
    except store_errors() as error:
        if isinstance(error, FileNotFoundError) or _arrived_wrong(error):
            return False  # the store has kept our checksum, of other bytes
        raise
    return digest.hexdigest() == sha256


def store_errors() -> tuple[type[Exception], ...]:
    """OSError, and what S3's client raises besides; it is loaded only where an s3:// library is open."""
    core, exceptions = sys.modules.get("s3fs.core"), sys.modules.get("botocore.exceptions")
    return (OSError, *core.S3_RETRYABLE_ERRORS, exceptions.BotoCoreError) if core and exceptions else (OSError,)


def error_code(error: BaseException) -> str:
    """What S3 called it. s3fs raises an OSError of its own and keeps the client's error as its cause."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def explain(error: Exception) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    code = error_code(error)
    if code == "NoSuchBucket":
        return "there is no such bucket", "Make it, or name another."
    if (isinstance(error, PermissionError) and error.errno is None) or "Credentials" in type(error).__name__:
        return one_line(error), CREDENTIALS
    number = error.errno if isinstance(error, OSError) and not code else None
    return REASONS.get(number or 0, (one_line(error), REACH))


def one_line(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".")
