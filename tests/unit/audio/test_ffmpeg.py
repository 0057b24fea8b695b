"""What becomes of a book when ffmpeg or its surroundings fail, and which ffmpeg is taken."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.audio import encode
from rhapsode.audio import ffmpeg as ffmpeg_module
from rhapsode.audio.encode import Mark, encode_m4b
from rhapsode.audio.ffmpeg import Ffmpeg, find_ffmpeg
from rhapsode.errors import EncodeFailed
from rhapsode.model import Samples
from tests.unit.audio.conftest import RATE, sine
from tests.unit.audio.m4b import COVER, SETTINGS, TAGS, marks_of, names_in, pcm_of, write_m4b


def use(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: Ffmpeg(str(path), "0", "test"))


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_killed_ffmpeg_is_an_error_that_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **kwargs))
        return started[-1]

    def pcm() -> Iterator[Samples]:
        for second in range(40):
            if second == 20:
                os.kill(started[0].pid, signal.SIGKILL)
            yield sine(200, 1.0)

    monkeypatch.setattr(ffmpeg_module.subprocess, "Popen", popen)
    (tmp_path / "book.m4b").write_bytes(b"an earlier edition")
    marks = [Mark("One", 0, 40 * RATE)]
    with pytest.raises(EncodeFailed, match="signal 9"):
        encode_m4b(tmp_path / "book.m4b", pcm(), marks, TAGS, COVER, RATE, SETTINGS)
    assert names_in(tmp_path) == ["book.m4b"]
    assert (tmp_path / "book.m4b").read_bytes() == b"an earlier edition"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A limit on the size of files (64 blocks of 512 bytes) stands for the disk; without its signal, writing fails.
    use(monkeypatch, script(tmp_path / "ffmpeg", f'trap "" XFSZ\nulimit -f 64\nexec {find_ffmpeg().path} "$@"\n'))
    (out := tmp_path / "out").mkdir()
    marks = [Mark("One", 0, 60 * RATE)]
    noise = (np.random.default_rng(0).integers(-9000, 9000, RATE, dtype=np.int16) for _ in range(60))
    with pytest.raises(EncodeFailed, match="File too large"):
        encode_m4b(out / "book.m4b", noise, marks, TAGS, None, RATE, SETTINGS)
    assert names_in(out) == []


def test_an_ffmpeg_that_says_why_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, script(tmp_path / "ffmpeg", "echo the moon is in the way >&2\nexit 3\n"))
    with pytest.raises(EncodeFailed, match="exit code 3: the moon is in the way"):
        write_m4b(tmp_path / "book.m4b", marks_of(["One"] * 50))


def test_an_ffmpeg_that_stops_reading_but_claims_success_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, script(tmp_path / "ffmpeg", "exit 0\n"))
    with pytest.raises(EncodeFailed, match="it said nothing"):
        write_m4b(tmp_path / "book.m4b", marks_of(["One"] * 300))


@pytest.mark.parametrize("content", [None, b"\x7fELF garbage"])
def test_a_missing_or_broken_ffmpeg_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content:
        (tmp_path / "ffmpeg").write_bytes(content)
        (tmp_path / "ffmpeg").chmod(0o755)
    use(monkeypatch, tmp_path / "ffmpeg")
    with pytest.raises(EncodeFailed, match="cannot be run"):
        write_m4b(tmp_path / "book.m4b", marks_of(["One"]))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed, match="There is no folder"):
        write_m4b(tmp_path / "absent" / "book.m4b", marks_of(["One"]))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which even root cannot write")
def test_a_folder_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(EncodeFailed, match="ffmpeg ended with exit code"):
        write_m4b(Path("/proc/book.m4b"), marks_of(["One"]))


def test_audio_that_does_not_fill_its_chapters_is_an_error(tmp_path: Path) -> None:
    marks = marks_of(["One", "Two"])
    with pytest.raises(EncodeFailed, match="hold 4955 samples, but 2477 were rendered"):
        encode_m4b(tmp_path / "book.m4b", pcm_of(marks[:1]), marks, TAGS, None, RATE, SETTINGS)
    assert names_in(tmp_path) == []


def test_an_error_of_the_audio_stops_ffmpeg_and_is_passed_on(tmp_path: Path) -> None:
    def pcm() -> Iterator[Samples]:
        yield sine(200, 1.0)
        raise KeyError("chunk 17")

    with pytest.raises(KeyError, match="chunk 17"):
        encode_m4b(tmp_path / "book.m4b", pcm(), marks_of(["One"]), TAGS, None, RATE, SETTINGS)
    assert names_in(tmp_path) == []


def test_a_working_system_ffmpeg_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = find_ffmpeg()
    (tmp_path / "ffmpeg").symlink_to(carried.path)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_ffmpeg.__wrapped__()
    assert (found.path, found.version, found.origin) == (str(tmp_path / "ffmpeg"), carried.version, "system")


@pytest.mark.parametrize("text", ["exit 1\n", "echo ffmpeg version 1 >&2\n", "kill -9 $$\n"])
def test_a_system_ffmpeg_that_does_not_work_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    script(tmp_path / "ffmpeg", text)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert find_ffmpeg.__wrapped__().origin == "imageio-ffmpeg"
