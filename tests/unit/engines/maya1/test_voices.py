from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.engines.maya1.voices import load_voices
from rhapsode.errors import BadRequest
from rhapsode.model import Voice

OWN = "A very old sailor with a hoarse voice who takes his time."


def test_the_presets_are_described_and_differ() -> None:
    voices = load_voices()
    assert len(voices) >= 4
    assert len({voice.name for voice in voices}) == len({voice.description for voice in voices}) == len(voices)


def test_own_voices_come_behind_the_presets_or_in_the_place_of_one(tmp_path: Path) -> None:
    presets = load_voices()
    file = tmp_path / "own.toml"
    file.write_text(f'[sailor]\ndescription = "{OWN}"\n[{presets[0].name}]\ndescription = "{OWN}"\n')
    assert load_voices(file) == (Voice(presets[0].name, OWN), *presets[1:], Voice("sailor", OWN))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sailor\n", "no TOML"),
        ('sailor = "hoarse"\n', "'sailor' is more or less than a description"),
        (f'[sailor]\ndescription = "{OWN}"\npitch = 2\n', "more or less"),
        ("[sailor]\ndescription = 7\n", "more or less"),
        ('[sailor]\ndescription = "Hoarse."\n', "'sailor'.*spoken aloud"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(BadRequest, match=why) as refusal:
        load_voices(file)
    assert str(file) in str(refusal.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="cannot be read"):
        load_voices(tmp_path / "none.toml")
