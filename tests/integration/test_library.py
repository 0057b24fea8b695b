"""A library of six books, three of them with problems, converted by night on a server with PostgreSQL and workers."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import PrefectHTTPStatusError

from rhapsode.store.library import open_library
from tests.fixtures.s3 import make_bucket
from tests.integration.floor import Floor, await_
from tests.integration.shelf_of_books import six_books

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]


def runs_of(floor: Floor, deployment: str) -> list[FlowRun]:
    return floor.client.read_flow_runs(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment])))


def of_library(floor: Floor) -> list[FlowRun]:
    """The runs that convert-library has started."""
    return [run for run in runs_of(floor, "convert-book") if any(tag.startswith("book-") for tag in run.tags)]


def artifacts_of(floor: Floor, run: FlowRun) -> dict[str, str]:
    """Kind -> content of what a run left for people."""
    found = floor.client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    )
    return {str(artifact.type): str(artifact.data) for artifact in found}


def books_of(floor: Floor, run: FlowRun) -> dict[str, tuple[str, str]]:
    """File -> state of the book and what came of it, from the run's table."""
    rows = json.loads(artifacts_of(floor, run)["table"])
    return {Path(row["file"]).name: (row["state"], row["what came of it"]) for row in rows}


def request_of(run: FlowRun) -> dict[str, object]:
    request: dict[str, object] = run.parameters["request"]
    return request


def by_night(floor: Floor, request: dict[str, object]) -> FlowRun:
    """The run of a schedule that is due in some seconds, when it has ended."""
    library = floor.client.read_deployment_by_name("convert-library/convert-library")
    due = datetime.now(UTC) + timedelta(seconds=30)
    schedule = IntervalSchedule(interval=timedelta(days=1), anchor_date=due)
    [made] = floor.client.create_deployment_schedules(library.id, [(schedule, True)], parameters={"request": request})

    def scheduled() -> FlowRun | None:
        runs = [run for run in runs_of(floor, "convert-library") if run.auto_scheduled and run.expected_start_time]
        return min(runs, key=lambda run: abs(run.expected_start_time - due), default=None)

    run = await_(scheduled, 90, "the run of the schedule")
    ended = floor.ended(run.id, 400)
    floor.client.delete_deployment_schedule(library.id, made.id)
    return ended


def test_six_books_convert_by_night_and_the_next_night_converts_nothing(
    floor: Floor, tmp_path: Path, s3_endpoint: str
) -> None:
    """On S3, spoken by the workers of the pool gpu."""
    six_books(tmp_path / "books")
    folder, library = (open_library(f"{make_bucket(s3_endpoint)}/{name}") for name in ("books", "library"))
    for book in (tmp_path / "books").iterdir():
        folder.put_file(book, book.name)
    request: dict[str, object] = {
        "folder": folder.root,
        "library": library.root,
        "engine": "hibari",
        "verify": {"listen": "none"},
    }
    first = by_night(floor, request)
    assert first.auto_scheduled and first.state and first.state.is_completed()
    books = books_of(floor, first)
    states = {name: state for name, (state, _) in books.items()}
    assert states == dict.fromkeys(("1-good.epub", "2-good.epub", "3-good.epub", "6-stubborn.epub"), "converted") | {
        "4-drm.epub": "failed",
        "5-torn.epub": "failed",
    }
    assert books["1-good.epub"][1] == "edition 1"
    assert "DRM" in books["4-drm.epub"][1] and "torn" in books["5-torn.epub"][1]
    assert books["6-stubborn.epub"][1] == "edition 1, 1 chunk without a good take"
    summary = artifacts_of(floor, first)["markdown"]
    assert "| converted | 4 |" in summary and "| failed | 2 |" in summary
    conversions = of_library(floor)
    assert len(conversions) == 4 and all(run.state and run.state.is_completed() for run in conversions)
    assert {request_of(run)["library"] for run in conversions} == {library.root}
    blocks = [run for run in runs_of(floor, "synthesize-ranges") if run.parameters["library"] == library.root]
    assert len(blocks) == 4, "a book each"
    assert not any(account.keys for run in conversions for account in floor.accounts(run)), "no parent spoke"
    files = Counter(path.rpartition("/")[2] for path in library.list("books"))
    assert files["The Lamps.m4b"] == files["manifest.json"] == 4

    second = floor.ended(floor.submit("convert-library", request=request).id, 120)
    assert {name: state for name, (state, _) in books_of(floor, second).items()} == states | dict.fromkeys(
        [name for name in states if states[name] == "converted"], "nothing to do"
    )
    assert len(of_library(floor)) == 4, "a second night converts nothing"


def test_a_bad_parameter_is_refused_when_the_run_is_created(floor: Floor) -> None:
    with pytest.raises(PrefectHTTPStatusError) as refused:
        floor.submit("convert-book", request={"epub": "book.epub", "engine": "gramophone"})
    assert refused.value.response.status_code in (409, 422)
    said = refused.value.response.json()["detail"]
    assert "gramophone" in str(said) and "maya1-hf" in str(said), "what is wrong, and what is valid"
    assert not floor.client.read_flow_runs(
        flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=["convert book.epub"]))
    )
