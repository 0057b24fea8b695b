"""prefect.yaml: what it deploys is accepted by a real server, and refuses bad parameters there."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings
from rich.console import Console

from rhapsode.cli.deploy import schedules_kept

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def deployed() -> dict[str, object]:
    with get_client(sync_client=True) as client:
        for pool in ("cpu", "gpu"):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        deploy_all()
        return {deployment.name: deployment for deployment in client.read_deployments()}


def deploy_all() -> None:
    environment = get_current_settings().to_environment_variables(exclude_unset=True)
    subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=ROOT,
        env=environment | {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        check=True,
        timeout=200,
        capture_output=True,
    )


def test_the_deployments_are_there_and_start_in_the_checkout(deployed: dict[str, object]) -> None:
    pools = {name: deployment.work_pool_name for name, deployment in deployed.items()}  # type: ignore[attr-defined]
    parents = dict.fromkeys(("convert-book", "convert-library", "resynthesize-range"), "cpu")
    assert pools == parents | dict.fromkeys(("plan-book", "synthesize-ranges", "diagnose-engine"), "gpu")
    for deployment in deployed.values():
        assert deployment.tags == ["rhapsode"]  # type: ignore[attr-defined]
        alive = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_CLIENT_MAX_RETRIES": "8"}
        assert deployment.job_variables["env"] == alive  # type: ignore[attr-defined]
        assert str(ROOT) in str(deployment.pull_steps)  # type: ignore[attr-defined]
        assert deployment.enforce_parameter_schema  # type: ignore[attr-defined]


def test_the_library_is_converted_at_night_once_somebody_says_so(deployed: dict[str, object]) -> None:
    [nightly] = deployed["convert-library"].schedules  # type: ignore[attr-defined]
    assert (nightly.schedule.cron, nightly.schedule.timezone, nightly.active) == ("0 1 * * *", "Etc/UTC", False)
    limit = deployed["convert-library"].global_concurrency_limit  # type: ignore[attr-defined]
    assert limit.limit == 1


def test_a_night_that_was_switched_on_in_the_browser_stays_on(deployed: dict[str, object]) -> None:
    identity = deployed["convert-library"].id  # type: ignore[attr-defined]
    with get_client(sync_client=True) as client:
        [nightly] = client.read_deployment_schedules(identity)
        client.update_deployment_schedule(identity, nightly.id, active=True)
        weekly = CronSchedule(cron="0 5 * * 6", timezone="Europe/Vienna")
        client.create_deployment_schedules(identity, [(weekly, True)], parameters={"request": {"folder": "new"}})
        console = Console(file=StringIO())
        with schedules_kept(client, console):
            deploy_all()
            assert [each.active for each in client.read_deployment_schedules(identity)] == [False], "or nothing is kept"
        there = client.read_deployment_schedules(identity)
        kept = [(each.schedule.cron, each.schedule.timezone, each.active, each.parameters) for each in there]
        assert sorted(kept) == [
            ("0 1 * * *", "Etc/UTC", True, {}),
            ("0 5 * * 6", "Europe/Vienna", True, {"request": {"folder": "new"}}),
        ]
        assert console.file.getvalue() == "The schedules of convert-library stay as they are; prefect.yaml has others\n"  # type: ignore[attr-defined]
        with schedules_kept(client, console):
            pass
        assert client.read_deployment_schedules(identity) == there, "what is as it was is left alone"


def test_the_form_has_dropdowns_and_help(deployed: dict[str, object]) -> None:
    schema = deployed["convert-book"].parameter_openapi_schema  # type: ignore[attr-defined]
    definitions = schema["definitions"]
    assert definitions["EngineName"]["enum"] == ["auto", "maya1-hf", "maya1-gguf", "hibari", "tone"]
    assert definitions["Footnotes"]["enum"] == ["skip", "inline", "end-of-chapter"]
    assert definitions["Format"]["enum"] == ["m4b", "mp3", "flac"]
    assert definitions["Listen"]["enum"] == ["auto", "all", "sample", "none"]
    assert definitions["Policy"]["enum"] == ["report", "strict"]
    assert all(field.get("description") for field in definitions["Verification"]["properties"].values())
    fields = definitions["ConvertRequest"]["properties"]
    assert all(field.get("description") for name, field in fields.items() if name not in ("budget", "audio", "verify"))

    assert definitions["FanOut"]["enum"] == ["inline", "workers"]
    assert [fields[name]["position"] for name in ("epub", "library", "engine", "voice")] == [0, 1, 2, 3]

    shelves = deployed["convert-library"].parameter_openapi_schema["definitions"]["LibraryRequest"]  # type: ignore[attr-defined]
    assert next(iter(shelves["properties"])) == "folder" and not shelves.get("required")
    block = deployed["synthesize-ranges"].parameter_openapi_schema  # type: ignore[attr-defined]
    assert all(field.get("description") for field in block["properties"].values())

    diagnosis = deployed["diagnose-engine"].parameter_openapi_schema  # type: ignore[attr-defined]
    assert "The book and the chunks" in diagnosis["properties"]["request"]["description"]
    asked = diagnosis["definitions"]["DiagnoseRequest"]
    assert set(asked["properties"]) == {"book", "library", "chunks", "before"}
    assert asked["required"] == ["book", "chunks"]
    assert all(field.get("description") for field in asked["properties"].values())


BLOCK = {"library": "library", "book": "lamps", "reading": "0123", "jobs": [], "verification": {}}


@pytest.mark.parametrize(
    ("deployment", "asked"),
    [
        ("convert-book", {"request": {"epub": "s3://key:hunter2hunter2@bucket/a.epub"}}),
        ("convert-book", {"request": {"epub": "a.epub", "library": "s3://key:a/hunter2hunter2@bucket/x"}}),
        ("convert-library", {"request": {"folder": "https://example.org/?token=hunter2hunter2"}}),
        ("resynthesize-range", {"request": {"book": "sftp://me:hunter2hunter2@host/a.epub", "chunks": "1"}}),
        (
            "diagnose-engine",
            {"request": {"book": "b", "library": "simplecache::s3://key:hunter2hunter2@bucket", "chunks": "1"}},
        ),
        ("synthesize-ranges", BLOCK | {"library": "s3://key:hunter2hunter2@bucket"}),
    ],
)
def test_credentials_never_reach_the_database(
    deployed: dict[str, object], deployment: str, asked: dict[str, object]
) -> None:
    with get_client(sync_client=True) as client:
        identity = deployed[deployment].id  # type: ignore[attr-defined]
        ours = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[identity]))
        before = client.read_flow_runs(flow_run_filter=ours)
        with pytest.raises(PrefectHTTPStatusError, match="does not match"):
            client.create_flow_run_from_deployment(identity, parameters=asked)
        assert client.read_flow_runs(flow_run_filter=ours) == before


def test_a_sign_of_credentials_is_none_in_the_name_of_a_file(deployed: dict[str, object]) -> None:
    asked = {"epub": "s3://bucket/pre fix/a@b.epub", "library": "/books/me@home"}
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployed["convert-book"].id, parameters={"request": asked})  # type: ignore[attr-defined]
    assert run.parameters == {"request": asked}


def test_a_bad_parameter_is_refused_before_it_runs(deployed: dict[str, object]) -> None:
    bad = {"request": {"epub": "book.epub", "engine": "gramophone"}}
    with get_client(sync_client=True) as client, pytest.raises(PrefectHTTPStatusError, match="gramophone"):
        client.create_flow_run_from_deployment(deployed["convert-book"].id, parameters=bad)  # type: ignore[attr-defined]
    bad = {"request": {"folder": "books", "at_once": 0}}
    with get_client(sync_client=True) as client, pytest.raises(PrefectHTTPStatusError, match="at_once"):
        client.create_flow_run_from_deployment(deployed["convert-library"].id, parameters=bad)  # type: ignore[attr-defined]
    bad = {"request": {"book": "lamps", "chunks": "1", "before": -1}}
    with get_client(sync_client=True) as client, pytest.raises(PrefectHTTPStatusError, match="before"):
        client.create_flow_run_from_deployment(deployed["diagnose-engine"].id, parameters=bad)  # type: ignore[attr-defined]
