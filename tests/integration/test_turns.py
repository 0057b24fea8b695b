"""A book that two ask for at the same moment, each otherwise: one run after the other, and the later finds all done."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun

from rhapsode.store.library import open_library
from tests.acceptance.killing import published, whole_objects
from tests.integration.floor import Floor
from tests.integration.shelf_of_books import long

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]

CHUNKS = 100


def test_of_two_runs_of_a_book_at_once_one_speaks_it_and_the_other_finds_it_done(floor: Floor, tmp_path: Path) -> None:
    library = open_library(str(tmp_path / "library"))
    book = long(tmp_path / "quay.epub", CHUNKS)
    asked = {"epub": str(book), "library": library.root, "engine": "hibari", "fan_out": "inline"}
    requests = [{**asked, "verify": {"listen": "none"}, "workers": number} for number in (1, 2)]
    runs = [floor.submit("convert-book", request=request) for request in requests]
    runs = [floor.ended(run.id, 300) for run in runs]
    assert all(run.state and run.state.is_completed() and run.run_count == 1 for run in runs), runs

    spoken = {run.id: keys_of(floor, run) for run in runs}
    speaker, other = sorted(runs, key=lambda run: -len(spoken[run.id]))
    assert sorted(spoken[speaker.id]) == sorted(whole_objects(library)), "one spoke each chunk, once"
    assert spoken[other.id] == [], "the other spoke none"
    assert str(speaker.id) in log_of(floor, other), "it did not wait, so it was too late to show anything"
    assert other.end_time and speaker.end_time and other.end_time > speaker.end_time
    assert published(library).accepted, "one edition"


def keys_of(floor: Floor, run: FlowRun) -> list[str]:
    [account] = floor.accounts(run)
    return account.keys


def log_of(floor: Floor, run: FlowRun) -> str:
    lines = floor.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    return "\n".join(line.message for line in lines)
