"""Fetching, from a hub that lives in this process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub as hub
import pytest

from rhapsode.engines.maya1 import sources
from rhapsode.engines.maya1.fetch import fetch
from rhapsode.engines.maya1.sources import Source
from rhapsode.engines.maya1.weights import Models
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged

FILES = {
    "config.json": b"{}",
    "model-1.safetensors": b"tensors",
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"a pickle",
    "run_me.py": b"print('no')",
}
REVISION = "a" * 40


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hub was asked for; `declared` is what it says of large files."""
    seen: dict[str, Any] = {"declared": {"model-1.safetensors": hashlib.sha256(b"tensors").hexdigest()}}

    def model_info(self: object, repository: str, *, revision: str, files_metadata: bool) -> SimpleNamespace:
        assert files_metadata
        large = seen["declared"]
        siblings = [
            SimpleNamespace(rfilename=name, lfs=SimpleNamespace(sha256=large[name]) if name in large else None)
            for name in FILES
        ]
        return SimpleNamespace(siblings=siblings)

    def snapshot_download(repository: str, *, revision: str, allow_patterns: list[str], local_dir: Path) -> None:
        seen.update(repository=repository, revision=revision)
        local_dir.mkdir(parents=True, exist_ok=True)
        for name, data in FILES.items():
            if any(fnmatch(name, pattern) for pattern in allow_patterns):
                (local_dir / name).parent.mkdir(exist_ok=True)
                (local_dir / name).write_bytes(data)

    monkeypatch.setattr(hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    source = Source("for tests", "someone/model", REVISION, ("config.json", "model*.safetensors", "tokenizer.json"), 9)
    monkeypatch.setitem(sources.SOURCES, "maya1", source)
    return seen


def test_one_commit_is_fetched_and_nothing_but_the_files_that_are_used(served: dict[str, Any], tmp_path: Path) -> None:
    models = Models(tmp_path)
    manifest = fetch(models, "maya1")
    assert (served["repository"], served["revision"]) == ("someone/model", REVISION)
    assert manifest.origin == f"someone/model@{REVISION}"
    assert {path.name for path in (tmp_path / "maya1").iterdir()} == set(manifest.files)
    assert "pytorch_model.bin" not in manifest.files and "run_me.py" not in manifest.files
    assert models.find("maya1") == manifest


def test_a_file_that_is_not_what_the_hub_declares_is_refused(served: dict[str, Any], tmp_path: Path) -> None:
    served["declared"]["model-1.safetensors"] = "0" * 64
    models = Models(tmp_path)
    with pytest.raises(WeightsDamaged, match=r"model-1\.safetensors has sha256"):
        fetch(models, "maya1")
    assert not models.knows("maya1")


@pytest.mark.parametrize("place", ["", "tokenizer/"])
@pytest.mark.parametrize("pinned", [True, False])
def test_a_tokenizer_is_fetched_from_its_subfolder_too_and_has_its_digest(
    served: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, pinned: bool
) -> None:
    monkeypatch.delitem(FILES, "tokenizer.json")
    monkeypatch.setitem(FILES, f"{place}tokenizer.json", b"{}")
    source = sources.SOURCES["maya1"]
    models, right = Models(tmp_path), hashlib.sha256(b"{}").hexdigest()
    monkeypatch.setitem(sources.SOURCES, "maya1", replace(source, sha256={"tokenizer.json": right}))
    assert f"{place}tokenizer.json" in fetch(models, "maya1").files

    wrong = {"tokenizer.json": "0" * 64}
    monkeypatch.setitem(sources.SOURCES, "maya1", replace(source, sha256=wrong if pinned else {}))
    if not pinned:
        served["declared"][f"{place}tokenizer.json"] = wrong["tokenizer.json"]
    with pytest.raises(WeightsDamaged, match=rf"{place}tokenizer\.json has sha256"):
        fetch(models, "maya1")


@pytest.mark.parametrize("failing", ["api", "download"])
def test_a_hub_that_does_not_answer_is_one_line_with_a_way_out(
    served: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    client_error: Callable[[str], Exception] = hub.errors.HfHubHTTPError.__bases__[0]

    def silent(*_: object, **__: object) -> None:
        raise client_error("no route\nto host") if failing == "api" else hub.errors.OfflineModeIsEnabled("offline")

    monkeypatch.setattr(*((hub.HfApi, "model_info") if failing == "api" else (hub, "snapshot_download")), silent)
    with pytest.raises(EngineUnavailable, match=r"^someone/model cannot be fetched: (no route|offline)\.") as failure:
        fetch(Models(tmp_path), "maya1")
    assert "--from FOLDER" in failure.value.remedy


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no model 'maya2'"):
        fetch(Models(tmp_path), "maya2")
