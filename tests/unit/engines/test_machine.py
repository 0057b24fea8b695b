"""What the owner of a machine has said about it in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.engines.machine import MachineSettings, installed, machine_settings
from rhapsode.errors import BadRequest


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MachineSettings.model_fields:
        monkeypatch.delenv(f"RHAPSODE_{name.upper()}", raising=False)


def test_nothing_need_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_settings() == MachineSettings()
    monkeypatch.setenv("RHAPSODE_SLOTS", "")
    assert machine_settings().slots == 0


def test_what_is_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MODELS": "/models",
        "VOICES": "own.toml",
        "PRECISION": "nf4",
        "DEVICE": "cpu",
        "SLOTS": "16",
        "THREADS": "2",
    }.items():
        monkeypatch.setenv(f"RHAPSODE_{name}", value)
    assert machine_settings() == MachineSettings(
        models=Path("/models"), voices=Path("own.toml"), precision="nf4", device="cpu", slots=16, threads=2
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SLOTS", "many"), ("SLOTS", "-1"), ("PRECISION", "int4"), ("DEVICE", "tpu"), ("THREADS", "1000")],
)
def test_what_means_nothing_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(f"RHAPSODE_{variable}", value)
    with pytest.raises(BadRequest, match=f"RHAPSODE_{variable} is '{value}'"):
        machine_settings()


def test_installed_imports_nothing() -> None:
    assert installed("json", "antigravity") and not installed("json", "no_such_package")
