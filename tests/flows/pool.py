"""A deployment that nobody serves, on the tests' server: they set the states of its runs themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from uuid import UUID, uuid4

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running, State

NUMBER = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}


class Pool:
    """A work pool with one deployment, which takes a number."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client, self.name = client, f"pool-{uuid4().hex[:8]}"
        client.create_work_pool(WorkPoolCreate(name=self.name, type="process"))
        self.flow_id = client.create_flow_from_name(self.name)  # idempotency keys are those of a flow
        self.id = client.create_deployment(
            self.flow_id,
            name=self.name,
            work_pool_name=self.name,
            parameter_openapi_schema=NUMBER,
            enforce_parameter_schema=True,
        )
        self.deployment = f"{self.name}/{self.name}"

    def begin(self, *tags: str) -> UUID:
        """A run that is at work."""
        run = self.client.create_flow_run_from_deployment(self.id, parameters={"number": 0}, tags=tags)
        self.set(run.id, Running())
        return run.id

    def runs(self) -> list[FlowRun]:
        """All of them, the oldest first."""
        ours = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[self.id]))
        found = self.client.read_flow_runs(flow_run_filter=ours)
        return sorted(found, key=lambda run: str(run.created))

    def states(self) -> list[str | None]:
        return [run.state_name for run in self.runs()]

    def set(self, run: UUID, state: State[None]) -> None:
        """Sets a state as a worker would; whoever runs is pending before."""
        if state.is_running():
            self.client.set_flow_run_state(run, Pending(), force=True)
        self.client.set_flow_run_state(run, state, force=True)

    def end(self, state: State[None]) -> None:
        """Ends the newest run."""
        self.set(self.runs()[-1].id, state)

    def serve(self) -> None:
        self.client.send_worker_heartbeat(self.name, "worker", heartbeat_interval_seconds=30)

    def remove(self) -> None:
        """With its deployment and its runs, where a test has not deleted them."""
        self.client.delete_flow(self.flow_id)
        self.client.delete_work_pool(self.name)


def clock(steps: Iterable[Callable[[], object]]) -> tuple[SimpleNamespace, Iterator[Callable[[], object]]]:
    """A `time` whose every sleep is the next step; a wait that lasts longer than they do fails.

    Its hours pass with `now`.
    """
    left = iter(steps)

    def sleep(seconds: float) -> None:
        if not seconds:
            return
        step = next(left, None)
        assert step, "it waits, and nothing more will happen"
        step()

    fake = SimpleNamespace(now=0.0, sleep=sleep)
    fake.monotonic = lambda: fake.now
    return fake, left
