"""`deploy`: what a Prefect server must know of Rhapsode. Doing it again changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rhapsode.audio.ffmpeg import last_lines
from rhapsode.cli.orchestrate import FLOOR, check_server
from rhapsode.errors import RhapsodeError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
"""What holds the packages flows, tasks and rhapsode: the checkout, or site-packages. Workers run the flows there."""


class Pool(NamedTuple):
    description: str
    limit: tuple[str, ...]
    """Arguments of a worker: how many runs it takes at once."""


POOLS = {
    "cpu": Pool("Books and libraries. Such a run mostly waits for those that it has sent to the pool gpu.", ()),
    "gpu": Pool("What speaks. One worker a GPU, and one run a worker.", ("--limit", "1")),
}
COMPARED = {"name", "description", "trigger", "actions"}
"""Of an automation; the rest has a default, or is the user's."""
SCHEDULED = {"schedule", "active", "max_scheduled_runs", "parameters", "slug"}
"""Of a schedule; the rest is the server's."""
DEPLOY_TIMEOUT_S = 300


def deploy(console: Console) -> None:
    """The command `deploy`, at the server of `PREFECT_API_URL`.

    Raises:
        RhapsodeError: No server is named or it does not answer, or Prefect refuses what it is given.
        BadRequest: The environment, which the forms take their defaults from, cannot be used.
    """
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL

    from rhapsode.settings import fan_out_here

    fan_out = fan_out_here()
    if not (url := PREFECT_API_URL.value()):
        raise RhapsodeError("No Prefect server is named.", "Set PREFECT_API_URL, or let `rhapsode up` start one.")
    check_server(url)
    try:
        with get_client(sync_client=True) as client:
            create_pools(client)
            console.print(f"Pools: {', '.join(POOLS)}")
            console.print(f"Automations: {len(put_automations(client))}")
            with schedules_kept(client, console):
                register_deployments()
    except (PrefectException, HTTPError) as error:
        raise RhapsodeError(
            f"The Prefect server at {url} refused ({type(error).__name__}): {error}.",
            "It may be of another version than this Prefect; `rhapsode doctor` names ours.",
        ) from error
    console.print(
        f"Deployments: those of {prefect_file()}, with the fan-out {fan_out} where a run asks for nothing else"
    )


def create_pools(client: SyncPrefectClient) -> None:
    """Creates the pools of processes that are not there; one that is there stays as it was made."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    for name, pool in POOLS.items():
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", description=pool.description))


def put_automations(client: SyncPrefectClient) -> list[str]:
    """Creates the automations of `floor/automations.yaml`, or changes those of the same name to what stands there.

    One that is as it should be is left alone: a change would make the server forget for whom it is waiting. So is one
    that somebody has switched off.

    Returns:
        Their names.
    """
    from prefect.events.schemas.automations import AutomationCore

    names = []
    for wanted in (AutomationCore.model_validate(each) for each in _automations()):
        there = next(iter(client.read_automations_by_name(wanted.name)), None)
        if there is None:
            client.create_automation(wanted)
        elif there.model_dump(include=COMPARED) != wanted.model_dump(include=COMPARED):
            client.update_automation(there.id, wanted.model_copy(update={"enabled": there.enabled}))
        names.append(wanted.name)
    return names


@contextmanager
def schedules_kept(client: SyncPrefectClient, console: Console) -> Iterator[None]:
    """Deployments that are there have the schedules afterwards that they had: a schedule is changed in the browser.

    `prefect deploy` would put those of prefect.yaml in their place, and a night that somebody has switched on would
    be off again with the next start of `up`. A new deployment gets those of prefect.yaml.
    """
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=["rhapsode"]))
    before = client.read_deployments(deployment_filter=ours)
    try:
        yield
    finally:
        for deployment in before:
            there = client.read_deployment_schedules(deployment.id)
            had, has = ([each.model_dump(include=SCHEDULED) for each in some] for some in (deployment.schedules, there))
            if had == has:
                continue
            for each in there:
                client.delete_deployment_schedule(deployment.id, each.id)
            if had:
                kept = [DeploymentScheduleCreate(**each.model_dump(include=SCHEDULED)) for each in deployment.schedules]
                client.create_deployment_schedules(deployment.id, kept)
            console.print(f"The schedules of {deployment.name} stay as they are; prefect.yaml has others")


def prefect_file() -> Path:
    """Where the deployments stand: in the checkout, or in the package.

    Raises:
        RhapsodeError: It is in neither.
    """
    there = [path for path in (ROOT / "prefect.yaml", FLOOR / "prefect.yaml") if path.exists()]
    if not there:
        raise RhapsodeError(f"There is no prefect.yaml in {ROOT}.", "Install Rhapsode again, or use a checkout.")
    return there[0]


def register_deployments() -> None:
    """Runs `prefect deploy --all` where the flows lie.

    Raises:
        RhapsodeError: With Prefect's last words.
    """
    file = prefect_file()
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, capture_output=True, check=False, timeout=DEPLOY_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise RhapsodeError(
            f"`prefect deploy` did not end within {DEPLOY_TIMEOUT_S} s.", "The server may be overloaded: run again."
        ) from error
    if done.returncode:
        said = last_lines(done.stderr + done.stdout, 3)
        raise RhapsodeError(f"`prefect deploy` failed: {said}.", f"It read {file}.")


def _automations() -> list[dict[str, Any]]:
    import yaml

    there: dict[str, list[dict[str, Any]]] = yaml.safe_load((FLOOR / "automations.yaml").read_text())
    return there["automations"]
