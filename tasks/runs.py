"""Runs as the Prefect server knows them: who is at work on what, who is over, and whether anybody serves their pool."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from httpx import HTTPError
from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from rhapsode.errors import BadRequest, RunIncomplete

POLL_S = 2.0
CRASH_GRACE = timedelta(minutes=20)
"""A crashed run is offered to the workers again by an automation, after a restart of the server only in a quarter of an
hour; what is crashed for so long stays so."""
LAST_ATTEMPT = 3
"""A run that crashes for so many times is offered no more."""
NOBODY_S = 600.0
"""So long a pool may have no worker before nobody waits for it any more: a machine starts in less."""


@contextmanager
def server_errors() -> Iterator[None]:
    """Turns a server that does not answer, which its client has asked several times, into an error of ours."""
    try:
        yield
    except HTTPError as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RunIncomplete(
            f"The Prefect server does not do what it is asked for: {said}",
            "See that it is up and lets us in, and run this again: what is done is kept.",
        ) from error


def read_deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    """A deployment by `flow/deployment`.

    Raises:
        BadRequest: There is none.
    """
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        raise BadRequest(
            f"The Prefect server has no deployment {name}.", "Register the deployments (`prefect deploy --all`)."
        ) from error


def tagged_runs(
    client: SyncPrefectClient,
    tag: str,
    deployment: UUID | None = None,
    states: Sequence[StateType] | None = None,
    limit: int = 200,
) -> list[FlowRun]:
    """The runs with this tag, the newest first; of one deployment and in these states, if that is said."""
    of_states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))) if states else None
    known = FlowRunFilter(tags=FlowRunFilterTags(all_=[tag]), state=of_states)
    of_deployment = DeploymentFilter(id=DeploymentFilterId(any_=[deployment])) if deployment else None
    return client.read_flow_runs(
        flow_run_filter=known, deployment_filter=of_deployment, sort=FlowRunSort.START_TIME_DESC, limit=limit
    )


def look_at(client: SyncPrefectClient, ids: Collection[UUID]) -> dict[UUID, FlowRun | None]:
    """The runs as they are now; none where somebody has deleted it."""
    found = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(ids)))) if ids else []
    runs: dict[UUID, FlowRun | None] = {run.id: run for run in found}
    for missing in set(ids) - runs.keys():  # deleted, or beyond the most that the server tells at once
        try:
            runs[missing] = client.read_flow_run(missing)
        except ObjectNotFound:
            runs[missing] = None
    return runs


def is_over(run: FlowRun) -> bool:
    """Whether a run has ended for good. One that is being cancelled has not: the server sees to it in five minutes."""
    if run.state is None or not run.state.is_final():
        return False
    if not run.state.is_crashed() or run.run_count >= LAST_ATTEMPT:
        return True
    return datetime.now(UTC) - run.state.timestamp > CRASH_GRACE


def workers_of(client: SyncPrefectClient, pool: str | None) -> int:
    """How many workers serve a pool now."""
    workers = client.read_workers_for_work_pool(pool) if pool else []
    return sum(worker.status == WorkerStatus.ONLINE for worker in workers)


class Attendance:
    """Whether anybody takes the runs of a pool. That nobody does is said in the log, and an error after `NOBODY_S`."""

    def __init__(self, client: SyncPrefectClient, pool: str | None) -> None:
        self._client, self._pool = client, pool
        self._since: float | None = None

    def check(self, runs: Collection[FlowRun]) -> None:
        """Looks for workers where no run has begun; runs that wait behind others are no cause for concern.

        Args:
            runs: All that are waited for.

        Raises:
            RunIncomplete: Nobody has served the pool for `NOBODY_S`.
        """
        begun = any(run.state is None or not run.state.is_scheduled() for run in runs)
        if not self._pool or not runs or begun or workers_of(self._client, self._pool):
            self._since = None
            return
        minutes, remedy = NOBODY_S / 60, f"Start a worker: `prefect worker start --pool {self._pool} --limit 1`."
        if self._since is None:
            self._since = time.monotonic()
            nobody = f"No worker serves the pool {self._pool}, for which {len(runs)} of our runs wait."
            get_run_logger().warning("%s %s Without one, this ends in %.0f minutes.", nobody, remedy, minutes)
        elif time.monotonic() - self._since > NOBODY_S:
            raise RunIncomplete(
                f"No worker came to the pool {self._pool} for {minutes:.0f} minutes; {len(runs)} of our runs wait.",
                f"{remedy} Then run this again: what is done is kept.",
            )
