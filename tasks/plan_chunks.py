"""The task `plan-chunks`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Reading
from rhapsode.settings import ConvertRequest
from rhapsode.stages import plan
from rhapsode.stages.plan import Parsed
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    request: ConvertRequest = parameters["request"]
    return cache_key("plan", asdict(parameters["parsed"]), plan.planning_digest(request))


@task(name="plan-chunks", cache_key_fn=key, **SETTINGS)
def plan_chunks(request: ConvertRequest, parsed: Parsed) -> Reading:
    """Chooses the voice and plans the chunks."""
    return plan.plan_chunks(request, parsed)
