"""One book on two workers: the same bytes as on one, and what people find of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.store.library import open_library
from tests.acceptance.killing import published
from tests.integration.floor import Floor
from tests.integration.test_library import artifacts_of, runs_of
from tests.plain import convert

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]


def test_a_book_on_two_workers_has_the_bytes_of_one_on_none(floor: Floor, story: Path, tmp_path: Path) -> None:
    plain = ConvertRequest(epub=str(story), library=str(tmp_path / "plain"), engine=EngineName.HIBARI)
    convert(plain)
    asked = {"epub": str(story), "library": str(tmp_path / "fanned"), "engine": "hibari", "fan_out": "workers"}
    run = floor.submit("convert-book", request={**asked, "workers": 1, "verify": {"listen": "none"}})
    ended = floor.ended(run.id, 400)
    assert ended.state and ended.state.is_completed(), ended.state
    assert published(open_library(str(tmp_path / "fanned"))) == published(open_library(plain.library))
    assert len(runs_of(floor, "plan-book")) == 1, "it is planned where the engine is"
    blocks = runs_of(floor, "synthesize-ranges")
    assert len(blocks) == 2 and all(run.state and run.state.is_completed() for run in blocks)
    said = artifacts_of(floor, ended)
    assert float(said["progress"]) == 100.0
