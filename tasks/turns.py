"""Turns: a book is converted by one run of a deployment at a time, whoever asked for it and in whatever voice.

`children.py` starts no book twice, but a night knows nothing of the runs that people start by hand. So every run of a
deployment shows a tag for the book while it has its turn. Prefect can neither test and set a tag nor lock anything that
a dead holder would give back, hence what is done with flags in shared memory: show the tag, and then look whether
somebody else shows it. Of two who show it at once at least one sees the other, whoever was faster. The one whose id
comes first keeps its tag and waits until it is the only one; the other takes its tag away.

A tag counts while its run is at work, so a crashed one holds up nobody. It takes its turn anew when it goes on, and
whoever waits is at work: nobody waits for a run that waits for a worker, of which the waiting might hold the last.

A redo takes its turn too, since it speaks what is missing of the book as well.
"""

from __future__ import annotations

import time
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.runtime import deployment, flow_run

from rhapsode.recipe import digest
from rhapsode.store.library import open_library
from tasks.runs import POLL_S, server_errors, tagged_runs

AT_WORK = (StateType.RUNNING, StateType.CANCELLING)


def take_turn(library: str, shelf: str) -> None:
    """Waits until no other run is at work on a book. The turn ends with this run.

    A run without a deployment has no turn: nobody would notice that it was killed, and all others waited for ever.

    Raises:
        RunIncomplete: The server does not answer.
    """
    if not deployment.id:
        return
    own, tag = UUID(flow_run.id), turn_of(library, shelf)
    waits_for: set[UUID] = set()
    with server_errors(), get_client(sync_client=True) as client:
        shown = tag in client.read_flow_run(own).tags  # it is there if this run goes on after a crash
        while True:
            others = {run.id: run for run in tagged_runs(client, tag, states=AT_WORK) if run.id != own}
            if not others and shown:
                return
            if not others or (shown and min(others) < own):
                shown = not shown
                _show(client, own, tag, shown)
                continue
            for other in others.keys() - waits_for:
                get_run_logger().info(
                    "The run %s (%s) is at work on this book; this one goes on when that has ended, or is cancelled.",
                    others[other].name, other,
                )  # fmt: skip
            waits_for |= others.keys()
            time.sleep(POLL_S)


def turn_of(library: str, shelf: str) -> str:
    """The tag for a book of a library, however its folder is spelt."""
    opened = open_library(library)
    place = str(opened.local.resolve()) if opened.local else opened.url()
    return f"turn-{digest([place, shelf])[:16]}"


def _show(client: SyncPrefectClient, run: UUID, tag: str, shown: bool) -> None:
    """Shows the tag on a run, or takes it away; only the run itself changes its tags."""
    others = set(client.read_flow_run(run).tags) - {tag}
    client.update_flow_run(run, tags=sorted({*others, tag} if shown else others))
