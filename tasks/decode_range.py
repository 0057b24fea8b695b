"""The task `decode-range`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Job, Reading
from rhapsode.stages.decode import decode_job
from rhapsode.stages.jobs import JobReport
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    return cache_key("decode", reading.key, reading.library, asdict(parameters["job"]))


@task(name="decode-range", task_run_name="decode {job.name}", cache_key_fn=key, **SETTINGS)
def decode_range(reading: Reading, job: Job) -> JobReport:
    """Decodes the takes of one job, if their engine said tokens, and stores their evidence."""
    return decode_job(reading, job)
