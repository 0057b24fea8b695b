"""One book on two workers: the same bytes as where one run speaks it all, and what people find of the run."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from rhapsode.store.library import open_library
from rhapsode.store.readings import readings_of
from rhapsode.store.shelf import Shelf
from tests.acceptance.killing import published
from tests.integration.floor import Floor
from tests.integration.shelf_of_books import TWISTERS, twisted
from tests.integration.test_library import artifacts_of, runs_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]


def test_a_book_on_two_workers_has_the_bytes_of_one_on_none_retakes_and_all(floor: Floor, tmp_path: Path) -> None:
    book = twisted(tmp_path / "lamps.epub")
    asked = {"epub": str(book), "engine": "hibari", "workers": 1, "verify": {"listen": "all", "takes": 2}}
    inline, fanned = (open_library(str(tmp_path / name)) for name in ("inline", "fanned"))
    run = floor.submit("convert-book", request={**asked, "library": fanned.root, "fan_out": "workers"})
    beside = floor.submit("convert-book", request={**asked, "library": inline.root, "fan_out": "inline"})
    ended, reference = floor.ended(run.id, 400), floor.ended(beside.id, 400)
    assert ended.state and ended.state.is_completed(), ended.state
    assert reference.state and reference.state.is_completed(), reference.state
    assert published(fanned) == published(inline)
    assert float(artifacts_of(floor, ended)["progress"]) == 100.0

    planned = [str(run.parameters["request"]["library"]) for run in runs_of(floor, "plan-book")]
    assert planned.count(fanned.root) == 1 and inline.root not in planned
    blocks = [run for run in runs_of(floor, "synthesize-ranges") if run.parameters["library"] == fanned.root]
    first, retakes = ([block for block in blocks if rounds_of(block) == {number}] for number in (0, 1))
    assert len(first) == 2 and len(retakes) == 1 and len(blocks) == 3
    workers, spoken = zip(*(heard_from(floor, block) for block in [*first, *retakes]), strict=True)
    assert workers[0] != workers[1], "two workers spoke at once"
    assert all(spoken) and sorted(chain(*spoken)) == sorted(heard_from(floor, beside)[1]), "each take once"
    assert not floor.accounts(ended)[0].keys, "the parent spoke itself"

    [reading] = readings_of(Shelf(fanned, fanned.folders("books")[0]))
    bad = [row for row in reading.read_takes() if row.round == 1]
    assert len(bad) >= len(TWISTERS) and sorted(spoken[2]) == sorted(row.key for row in bad)


def rounds_of(block: FlowRun) -> set[int]:
    return {job["round"] for job in block.parameters["jobs"]}


def heard_from(floor: Floor, run: FlowRun) -> tuple[str, list[str]]:
    """The worker that had a run at work, and the keys that it asked of its engine."""
    [account] = floor.accounts(run)
    return account.worker, account.keys
