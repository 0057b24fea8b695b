"""The task `verify-range`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Job, Listening, Reading
from rhapsode.stages.verify import Verified, verify_job
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    return cache_key("verify", reading.key, reading.library, asdict(parameters["job"]), asdict(parameters["listening"]))


@task(name="verify-range", task_run_name="verify {job.name}", cache_key_fn=key, **SETTINGS)
def verify_range(reading: Reading, job: Job, listening: Listening) -> Verified:
    """Measures the takes of one job, listens to those that it should, and stores that evidence."""
    return verify_job(reading, job, listening)
