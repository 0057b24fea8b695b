"""A flow run that no command line has looked at first: who cannot listen is told before anything is spoken."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.convert_book import convert_book
from rhapsode.errors import EngineUnavailable
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from tests.faulty import Watched, install


def test_a_second_opinion_that_is_not_here_ends_the_run_at_its_start(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    verification = Verification(listen=Listen.ALL, second_opinion="small.en")
    request = ConvertRequest(
        epub=str(story), library=str(tmp_path / "library"), engine=EngineName.TONE, verify=verification
    )
    with pytest.raises(EngineUnavailable, match=r"rhapsode models fetch small\.en"):
        convert_book(request)
    assert engine.spoken == []
