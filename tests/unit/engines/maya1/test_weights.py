"""Weights are what their manifest says: found without hashing, hashed when they were touched, verified when asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rhapsode.engines.maya1 import weights
from rhapsode.engines.maya1.sources import SOURCES
from rhapsode.engines.maya1.weights import Models
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models")


@pytest.fixture
def maya1(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    (folder / "tokenizer").mkdir(parents=True)
    for name in ("config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (folder / name).write_text(f"this is {name}")
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "pytorch_model.bin").write_text("a pickle")
    return folder


def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    real = weights.known_file

    def watched(path: Path, *arguments: object) -> weights.KnownFile:
        seen.append(path.name)
        return real(path, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(weights, "known_file", watched)
    return seen


def change(path: Path, text: str) -> None:
    """Other bytes of the same length, under the time of the old ones: what a failing disk does."""
    status = path.stat()
    path.write_text(text.ljust(status.st_size)[: status.st_size])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_copy_is_used_where_it_lies_and_only_what_is_needed_of_it(models: Models, maya1: Path) -> None:
    added = models.add("maya1", maya1)
    found = models.find("maya1")
    assert found == added and found.folder == maya1 and found.origin == ""
    assert set(found.files) == {
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "tokenizer/tokenizer.json",
    }
    assert found.path("tokenizer.json") == maya1 / "tokenizer" / "tokenizer.json"
    assert models.has("maya1") and not models.has("maya1", "snac")


def test_a_gguf_may_be_a_file_of_any_name(models: Models, tmp_path: Path) -> None:
    file = tmp_path / "mine.Q4_K_M.gguf"
    file.write_text("GGUF")
    digest = models.add("maya1-gguf", file).digest
    assert models.find("maya1-gguf").path(".gguf") == file
    other = file.rename(tmp_path / "renamed.gguf")
    assert models.add("maya1-gguf", other).digest == digest
    other.write_text("other")
    assert models.add("maya1-gguf", other).digest != digest


def test_a_start_hashes_nothing_and_verify_hashes_all(
    models: Models, maya1: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.add("maya1", maya1)
    seen = hashes(monkeypatch)
    models.find("maya1")
    assert seen == []
    counted: list[int] = []
    models.verify("maya1", counted.append)
    assert len(seen) == 4
    assert sum(counted) == models.find("maya1").size_bytes


def test_a_file_that_was_touched_is_hashed_once(models: Models, maya1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.add("maya1", maya1)
    (maya1 / "config.json").touch()
    seen = hashes(monkeypatch)
    models.find("maya1")
    models.find("maya1")
    assert seen == ["config.json"]


def test_a_changed_file_is_damage_and_the_remedies_are_named(models: Models, maya1: Path) -> None:
    models.add("maya1", maya1)
    (maya1 / "config.json").write_text("other")
    with pytest.raises(WeightsDamaged, match=r"config\.json has changed") as damage:
        models.find("maya1")
    assert "rhapsode models fetch maya1" in damage.value.remedy and f"--from {maya1}" in damage.value.remedy
    assert models.add("maya1", maya1) == models.find("maya1")


def test_bits_that_rot_in_silence_are_found_by_verify_alone(models: Models, maya1: Path) -> None:
    models.add("maya1", maya1)
    change(maya1 / "model-00002-of-00002.safetensors", "rotten")
    models.find("maya1")
    with pytest.raises(WeightsDamaged, match="model-00002"):
        models.verify("maya1")


def test_what_is_not_here_is_unavailable(models: Models, maya1: Path) -> None:
    with pytest.raises(EngineUnavailable, match="not on this machine"):
        models.find("maya1")
    models.add("maya1", maya1)
    (maya1 / "config.json").unlink()
    assert not models.has("maya1")
    with pytest.raises(EngineUnavailable, match=r"lacks .*config\.json"):
        models.find("maya1")


def test_a_torn_manifest_is_damage(models: Models, maya1: Path) -> None:
    models.add("maya1", maya1)
    path = models.folder / "maya1.json"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(WeightsDamaged, match="no manifest"):
        models.find("maya1")


def test_a_folder_without_the_files_of_the_model_is_refused(models: Models, maya1: Path, tmp_path: Path) -> None:
    for name, path, why in (
        ("maya1", tmp_path / "none", "Give a folder"),
        ("maya1", maya1 / "config.json", "Give a folder"),
        ("maya1-gguf", tmp_path / "none.gguf", "Give a GGUF file"),
        ("snac", tmp_path, r"no config\.json"),
        ("maya2", maya1, "There are: maya1"),
    ):
        with pytest.raises(BadRequest, match=why):
            models.add(name, path)
    for shard in maya1.glob("*.safetensors"):
        shard.unlink()
    with pytest.raises(BadRequest, match="safetensors"):
        models.add("maya1", maya1)


def test_a_file_with_another_digest_than_it_must_have_is_refused(models: Models, maya1: Path) -> None:
    with pytest.raises(WeightsDamaged, match=r"config\.json has sha256"):
        models.add("maya1", maya1, sha256={"config.json": "0" * 64})
    assert not models.knows("maya1")


def test_every_source_is_pinned_to_a_commit_and_the_pickle_to_its_digest() -> None:
    for source in SOURCES.values():
        assert len(source.revision) == 40 and int(source.revision, 16)
        assert not any(pattern.endswith(".bin") and pattern not in source.sha256 for pattern in source.files)
        assert all(len(sha256) == 64 and int(sha256, 16) for sha256 in source.sha256.values())
