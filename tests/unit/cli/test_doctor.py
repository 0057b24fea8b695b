"""The doctor finds what is broken, says the remedy, and its exit code tells."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode.audio import ffmpeg
from rhapsode.cli import checks
from rhapsode.cli.checks import Finding, Mark
from rhapsode.engines import hibari, registry
from rhapsode.errors import EncodeFailed
from rhapsode.quality import recogniser, whispers
from rhapsode.settings import EngineName
from tests.unit.cli.conftest import Said


def test_this_machine_is_well(rhapsode: Callable[..., Said], tmp_path: Path) -> None:
    said = rhapsode("doctor", "--library", tmp_path / "library")
    assert said.code == 0, said.out
    for name in (
        "Python",
        "machine",
        "library",
        "ffmpeg",
        "embedded voice",
        "recogniser",
        "Prefect",
        "Prefect server",
        "extra s3",
        "GPU",
        "without --engine",
    ):
        assert name in said.out
    assert "times real time" in said.out
    assert not (tmp_path / "library").exists()


def test_what_is_broken_is_the_exit_code(
    rhapsode: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "check_prefect", lambda: [Finding("Prefect", Mark.BROKEN, "no pair", "Install it.")])
    said = rhapsode("doctor", "--library", tmp_path)
    assert said.code == 1
    assert "no pair" in said.out and "Install it." in said.out and "1 of these must be mended" in said.out


def test_a_library_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for root in (str(file), str(file / "below"), "nosuch://bucket"):
        finding = checks.check_library(root)
        assert finding.mark is Mark.BROKEN and finding.remedy, finding


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOM", 1 << 60)
    assert checks.check_library(str(tmp_path)).mark is Mark.WANTING


def test_no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> ffmpeg.Ffmpeg:
        raise EncodeFailed("There is no ffmpeg.", "Install ffmpeg.")

    monkeypatch.setattr(checks, "find_ffmpeg", none)
    assert checks.check_ffmpeg() == Finding("ffmpeg", Mark.BROKEN, "There is no ffmpeg.", "Install ffmpeg.")


def test_a_voice_whose_files_were_altered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hibari.ASSETS, "oov.onnx", "0" * 64)
    monkeypatch.delitem(registry._loaded, EngineName.HIBARI, raising=False)
    finding = checks.check_voice()
    assert finding.mark is Mark.BROKEN
    assert "oov.onnx" in finding.fact and "pip install" in finding.remedy


def test_a_recogniser_whose_files_were_altered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(whispers.TINY_EN, "vocabulary.txt", "0" * 64)
    monkeypatch.delitem(recogniser._loaded, "tiny.en", raising=False)
    finding = checks.check_recogniser()
    assert finding.mark is Mark.BROKEN
    assert "vocabulary.txt" in finding.fact and "pip install" in finding.remedy


def test_a_pair_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], 1, b"", b"Traceback ...\nTypeError: Body() got 'min_items'\n")

    monkeypatch.setattr(subprocess, "run", fails)
    (finding,) = checks.check_prefect()
    assert finding.mark is Mark.BROKEN
    assert "min_items" in finding.fact and "fastapi<0.151" in finding.remedy


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ((0, "idle\n", ""), "built for the CPU alone"),
        ((1, "", "OSError: no libllama\n"), "no libllama"),
        ((0, "fine\n", ""), ""),
    ],
)
def test_a_llama_that_leaves_the_gpu_idle_is_told(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str, str], fact: str
) -> None:
    monkeypatch.setattr(checks, "_version", lambda package: "0.3")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], *answer))
    found = checks.check_llama()
    assert [one.mark for one in found] == ([Mark.WANTING] if fact else [])
    assert all(fact in one.fact for one in found)


def test_the_question_to_llama_can_be_asked() -> None:
    pytest.importorskip("llama_cpp", reason="the gguf extra is not installed")
    assert all("loaded" not in finding.fact for finding in checks.check_llama())


def test_settings_that_mean_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_SLOTS", "many")
    finding = checks.check_choice()
    assert finding.mark is Mark.BROKEN and "RHAPSODE_SLOTS is 'many'" in finding.fact
