"""What a take's provenance says of its audio, and what is done where it says nothing that can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhapsode.audio.joins import outline
from rhapsode.model import Audio
from rhapsode.stages import rows
from rhapsode.stages.rows import measured, outline_of
from rhapsode.store.library import open_library
from rhapsode.store.objects import put_take

KEY = "ab12" * 16
AUDIO = Audio(np.random.default_rng(1).normal(0, 3000, 30_000).astype(np.int16), 24_000)


def test_an_outline_comes_back_from_the_library_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = open_library(str(tmp_path))
    sha256 = put_take(library, KEY, AUDIO, measured(AUDIO)).sha256
    monkeypatch.setattr(rows, "get_audio", lambda *_: pytest.fail("audio was decoded"))
    assert outline_of(library, KEY, sha256) == outline(AUDIO)


@pytest.mark.parametrize("stored", [{}, {"outline": {"version": 0, "of_take": {"other": 1}}}])
def test_an_outline_of_another_version_is_measured_anew(tmp_path: Path, stored: dict[str, object]) -> None:
    library = open_library(str(tmp_path))
    sha256 = put_take(library, KEY, AUDIO, stored).sha256
    assert outline_of(library, KEY, sha256) == outline(AUDIO)
