"""What the ear can tell apart, by the lexicons of the embedded voice."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from rhapsode.errors import EngineUnavailable, WeightsDamaged
from rhapsode.quality import sounds as module
from rhapsode.quality.sounds import is_common, is_known, outline, sounds, unlikeness


@pytest.mark.parametrize(
    ("one", "other"),
    [("their", "there"), ("colour", "color"), ("ernest", "earnest"), ("2", "too"), ("sisters", "sister's")],
)
def test_homophones_share_a_sound(one: str, other: str) -> None:
    assert sounds(one) & sounds(other)


@pytest.mark.parametrize(
    ("one", "other"), [("not", "now"), ("he", "she"), ("15", "50"), ("walk", "walked"), ("in", "an")]
)
def test_other_words_sound_otherwise(one: str, other: str) -> None:
    assert sounds(one) and sounds(other)
    assert not sounds(one) & sounds(other)


@pytest.mark.parametrize("word", ["the", "walked", "opened", "i'm", "mister", "chickens", "1984"])
def test_common_words(word: str) -> None:
    assert is_common(word)


@pytest.mark.parametrize(("word", "known"), [("ukridge", False), ("countenance", True), ("uckridge's", False)])
def test_uncommon_words(word: str, known: bool) -> None:
    assert not is_common(word)
    assert is_known(word) is known


def test_names_are_near_what_is_heard_for_them() -> None:
    name = outline("psmith")
    assert unlikeness(name, outline("smith"), 1.0) == 0
    assert unlikeness(name, outline("baxter"), 1.0) > 0.5
    assert unlikeness(name, outline("baxter"), 0.5) == 1.0


def test_another_lexicon_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts would depend on it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "tagger.json.gz").write_bytes(b"another")
    spec = ModuleSpec("hibari", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(module, "find_spec", lambda name: spec)
    with pytest.raises(WeightsDamaged, match=r"tagger\.json\.gz"):
        module._asset("tagger")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match="hibari-tts"):
        module._asset("tagger")
