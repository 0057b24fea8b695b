"""The ffmpeg binary: which one, and how it is run."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import imageio_ffmpeg

from rhapsode.errors import EncodeFailed
from rhapsode.model import Samples

ENCODERS = ("aac", "flac", "libmp3lame")
PIPE_BYTES = 1 << 20
"""What ffmpeg has to do while the next chunk is rendered: 22 s of speech. Linux allows no more, others ignore it."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    path: str
    version: str
    origin: str  # "system" or "imageio-ffmpeg"


@lru_cache(maxsize=1)
def find_ffmpeg() -> Ffmpeg:
    """The system's ffmpeg if it runs and has the encoders that are needed, else the one that imageio-ffmpeg carries.

    Raises:
        EncodeFailed: Neither works.
    """
    system = shutil.which("ffmpeg")
    if system and (version := _works(system)):
        return Ffmpeg(system, version, "system")
    try:
        carried = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise EncodeFailed("There is no ffmpeg.", "Install ffmpeg, or the wheel of imageio-ffmpeg.") from error
    if version := _works(carried):
        return Ffmpeg(carried, version, "imageio-ffmpeg")
    raise EncodeFailed(f"{carried} does not run.", "Install ffmpeg, or imageio-ffmpeg again.")


def _works(path: str) -> str:
    """The version of a usable ffmpeg, or an empty string."""
    try:
        done = subprocess.run([path, "-encoders"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    listed = {word for line in done.stdout.splitlines() for word in line.split()[1:2]}
    words = done.stderr.split()
    return words[2] if done.returncode == 0 and set(ENCODERS) <= listed and words[:2] == ["ffmpeg", "version"] else ""


def feed(arguments: list[str], pcm: Iterable[Samples]) -> int:
    """Runs ffmpeg with 16-bit PCM on its standard input and returns the number of samples sent.

    Raises:
        EncodeFailed: It could not be started or failed; its last lines are in the message.
    """
    # A file and not a pipe takes what ffmpeg says: nobody has to drain it while the samples are written.
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, pipesize=PIPE_BYTES
            )
        except OSError as error:
            raise EncodeFailed(f"{arguments[0]} cannot be run: {error.strerror}.", "Install ffmpeg.") from error
        try:
            sent, broken = _pour(process, pcm)
        except BaseException:  # Ctrl-C too: else ffmpeg takes the end of its input for the end of the book
            process.kill()
            raise
        finally:
            code = process.wait()
        if code or broken:
            said.seek(0)
            raise EncodeFailed(
                f"ffmpeg ended with {_meaning(code)}: {last_lines(said.read())}.",
                "Look for a full disk or a killed process, then run it again.",
            )
    return sent


def _pour(process: subprocess.Popen[bytes], pcm: Iterable[Samples]) -> tuple[int, bool]:
    """Writes all samples; (number written, whether ffmpeg stopped reading before the end)."""
    pipe = process.stdin
    assert pipe is not None
    sent = 0
    try:
        with pipe:
            for block in pcm:
                pipe.write(block.astype("<i2", copy=False).tobytes())
                sent += len(block)
    except BrokenPipeError:
        return sent, True
    return sent, False


def _meaning(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def last_lines(said: bytes, lines: int = 4) -> str:
    """The end of what ffmpeg said, on one line."""
    text = said[-4000:].decode("utf-8", "replace").strip().splitlines()[-lines:]
    return " | ".join(line.strip() for line in text) or "it said nothing"
