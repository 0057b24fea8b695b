"""Runs of other deployments that a flow starts and waits for: bounded, and none twice at once.

A piece of work is known by a tag on its runs. Whoever wants it done joins the run that is at work on it, or starts one
whose idempotency key follows from the tag and the run before it; so two who want it at the same moment share one run,
and a parent that died and came back finds the children that it had.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from rhapsode.errors import BadRequest

POLL_S = 2.0
CRASH_GRACE = timedelta(seconds=60)
"""A crashed run is offered to the workers again by an automation; what is crashed for so long stays so."""


@dataclass(frozen=True, slots=True)
class Child:
    """A piece of work: the name of its run for people, its parameters, and the tags; the first tag is its identity."""

    name: str
    parameters: dict[str, Any]
    tags: tuple[str, ...]


def run_children(
    deployment: str, children: Sequence[Child], at_once: int
) -> Generator[tuple[int, FlowRun], None, None]:
    """Runs all children, so many at once, and yields (index of the child, its run) as they end, well or not.

    Closed before all have ended, it cancels those that are at work.

    Raises:
        BadRequest: There is no such deployment.
    """
    waiting, active = list(range(len(children))), dict[UUID, int]()
    with get_client(sync_client=True) as client:
        identity = _deployment(client, deployment)
        try:
            while waiting or active:
                while waiting and len(active) < at_once:
                    index = waiting.pop(0)
                    active[_start(client, identity, children[index]).id] = index
                for run in _ended(client, active):
                    yield active.pop(run.id), run
                time.sleep(POLL_S if active else 0)
        finally:
            for left in active:
                client.set_flow_run_state(left, Cancelling())


def join_runs(deployment: str, tag: str) -> None:
    """Waits for the runs of a deployment with this tag that are at work, if there are any."""
    with get_client(sync_client=True) as client:
        runs = _tagged(client, _deployment(client, deployment), tag, limit=200)
        active = {run.id: 0 for run in runs if not _is_over(run)}
        while active:
            for run in _ended(client, active):
                del active[run.id]
            time.sleep(POLL_S if active else 0)


def workers_online(deployment: str) -> int:
    """How many workers serve the pool of a deployment now; at least 1, for one may come.

    Raises:
        BadRequest: There is no such deployment.
    """
    with get_client(sync_client=True) as client:
        pool = client.read_deployment(_deployment(client, deployment)).work_pool_name
        workers = client.read_workers_for_work_pool(pool) if pool else []
    return max(1, sum(worker.status == WorkerStatus.ONLINE for worker in workers))


def error_of(message: str | None) -> str:
    """The error in the message of a failed state, as one line without what Prefect puts before it."""
    line = " ".join((message or "It failed without a word.").split())
    return re.sub(r"^Flow run encountered an exception: (\w+: )?", "", line)


def _deployment(client: SyncPrefectClient, name: str) -> UUID:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound as error:
        raise BadRequest(
            f"The Prefect server has no deployment {name}.", "Register the deployments (`prefect deploy --all`)."
        ) from error


def _start(client: SyncPrefectClient, deployment: UUID, child: Child) -> FlowRun:
    before = _tagged(client, deployment, child.tags[0], limit=1)
    if before and not _is_over(before[0]):
        return before[0]
    run = run_deployment(
        deployment,
        parameters=child.parameters,
        flow_run_name=child.name,
        tags=child.tags,
        idempotency_key=f"{child.tags[0]}-{before[0].id if before else 'first'}",
        timeout=0,
    )
    return cast(FlowRun, run)  # its type admits the coroutine that async callers get


def _tagged(client: SyncPrefectClient, deployment: UUID, tag: str, limit: int) -> list[FlowRun]:
    """The newest first."""
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[tag])),
        sort=FlowRunSort.START_TIME_DESC,
        limit=limit,
    )


def _ended(client: SyncPrefectClient, runs: dict[UUID, int]) -> list[FlowRun]:
    known = FlowRunFilter(id=FlowRunFilterId(any_=list(runs)))
    return [run for run in client.read_flow_runs(flow_run_filter=known) if _is_over(run)]


def _is_over(run: FlowRun) -> bool:
    if run.state is None or not run.state.is_final():
        return False
    return not run.state.is_crashed() or datetime.now(UTC) - run.state.timestamp > CRASH_GRACE
