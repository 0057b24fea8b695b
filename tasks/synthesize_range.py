"""The task `synthesize-range`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Job, Reading
from rhapsode.stages.jobs import JobReport
from rhapsode.stages.speak import speak_job
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    return cache_key("synthesize", reading.key, reading.library, asdict(parameters["job"]))


@task(name="synthesize-range", task_run_name="synthesize {job.name}", cache_key_fn=key, **SETTINGS)
def synthesize_range(reading: Reading, job: Job) -> JobReport:
    """Speaks the chunks of one job in a fresh session, and stores their takes and, unless they are tokens, evidence."""
    return speak_job(reading, job)
