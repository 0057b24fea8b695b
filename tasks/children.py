"""Runs of other deployments that a flow starts and waits for: bounded, and none twice at once.

A piece of work is known by a tag on its runs. Whoever wants it done joins the run that is at work on it, or starts one
whose idempotency key follows from the tag and the run before it; so two who want it at the same moment share one run,
and a parent that died and came back finds the children that it had.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from httpx import HTTPStatusError, codes
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from tasks.runs import POLL_S, Attendance, is_over, look_at, read_deployment, server_errors, tagged_runs, workers_of

REFUSALS = (codes.CONFLICT, codes.UNPROCESSABLE_ENTITY)
"""How the server answers to parameters that a deployment does not take."""


@dataclass(frozen=True, slots=True)
class Child:
    """A piece of work: the name of its run for people, its parameters, and the tags; the first tag is its identity."""

    name: str
    parameters: dict[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a child.

    Attributes:
        name: That of its run, for people.
        well: Whether its run completed.
        message: That of the last state of its run, or what kept it from having one.
    """

    name: str
    well: bool
    message: str

    @property
    def error(self) -> str:
        """Why it did not end well, in one line; else empty."""
        return "" if self.well else error_of(self.message)


def run_children(deployment: str, children: Sequence[Child], at_once: int) -> Generator[tuple[int, Ended], None, None]:
    """Runs all children, so many at once, and yields (index of the child, what became of it) as they end.

    One that the server refuses stops no other. Closed before all have ended, it cancels those that are at work.

    Raises:
        BadRequest: There is no such deployment.
        RunIncomplete: Nobody serves its pool, or the server does not answer.
    """
    waiting, active = list(range(len(children))), dict[UUID, int]()
    leaving = set[UUID]()  # being cancelled by whoever had them before: their end is awaited, and then they run anew
    with server_errors(), get_client(sync_client=True) as client:
        target = read_deployment(client, deployment)
        attendance = Attendance(client, target.work_pool_name)
        try:
            while waiting or active:
                while waiting and len(active) < at_once:
                    index = waiting.pop(0)
                    run = _start(client, target.id, children[index])
                    if isinstance(run, Ended):
                        yield index, run
                        continue
                    active[run.id] = index
                    if run.state and run.state.is_cancelling():
                        leaving.add(run.id)
                runs = look_at(client, active)
                for left in [left for left, run in runs.items() if not run or is_over(run)]:
                    index = active.pop(left)
                    if left in leaving:
                        waiting.insert(0, index)
                    else:
                        yield index, _ended(children[index], runs[left])
                attendance.check([run for run in runs.values() if run and run.id in active])
                time.sleep(POLL_S if active else 0)
        finally:
            _cancel(client, active)


def join_runs(deployment: str, tag: str) -> None:
    """Waits for the runs of a deployment with this tag that are at work, if there are any.

    Raises:
        BadRequest: There is no such deployment.
        RunIncomplete: Nobody serves its pool, or the server does not answer.
    """
    with server_errors(), get_client(sync_client=True) as client:
        target = read_deployment(client, deployment)
        attendance = Attendance(client, target.work_pool_name)
        active = [run for run in tagged_runs(client, tag, target.id) if not is_over(run)]
        while active:
            attendance.check(active)
            time.sleep(POLL_S)
            active = [run for run in look_at(client, [run.id for run in active]).values() if run and not is_over(run)]


def workers_online(deployment: str) -> int:
    """How many workers serve the pool of a deployment now; at least 1, for one may come.

    Raises:
        BadRequest: There is no such deployment.
        RunIncomplete: The server does not answer.
    """
    with server_errors(), get_client(sync_client=True) as client:
        return max(1, workers_of(client, read_deployment(client, deployment).work_pool_name))


def error_of(message: str | None) -> str:
    """The error in the message of a failed state, as one line without what Prefect puts before it."""
    line = " ".join((message or "It failed without a word.").split())
    return re.sub(r"^Flow run encountered an exception: (\w+: )?", "", line)


def _start(client: SyncPrefectClient, deployment: UUID, child: Child) -> FlowRun | Ended:
    """The run of a child: the one that is at work, or a new one; or why the server refuses it."""
    before = tagged_runs(client, child.tags[0], deployment, limit=1)
    if before and not is_over(before[0]):
        return before[0]
    try:
        run = run_deployment(
            deployment,
            parameters=child.parameters,
            flow_run_name=child.name,
            tags=child.tags,
            idempotency_key=f"{child.tags[0]}-{before[0].id if before else 'first'}",
            timeout=0,
        )
    except HTTPStatusError as error:
        if error.response.status_code not in REFUSALS:
            raise
        said = error.response.json()
        return Ended(child.name, False, str(said.get("detail") or said.get("exception_detail")))
    return cast(FlowRun, run)  # its type admits the coroutine that async callers get


def _ended(child: Child, run: FlowRun | None) -> Ended:
    if run is None or run.state is None:
        return Ended(
            child.name, False, "Its run was deleted at the Prefect server. Run this again for what is missing."
        )
    message = run.state.message or ("Its run was cancelled." if run.state.is_cancelled() else "")
    return Ended(run.name, run.state.is_completed(), message)


def _cancel(client: SyncPrefectClient, runs: Collection[UUID]) -> None:
    for run in runs:
        with suppress(ObjectNotFound):
            client.set_flow_run_state(run, Cancelling())
