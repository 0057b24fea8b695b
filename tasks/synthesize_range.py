"""The task `synthesize-range`, and its fan-out over many jobs, with `decode-range` close behind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext

from rhapsode.engines.registry import load_engine
from rhapsode.errors import RhapsodeError, RunIncomplete
from rhapsode.model import Job, Reading
from rhapsode.settings import EngineName
from rhapsode.stages.jobs import JobReport, job_is_done
from rhapsode.stages.speak import job_is_spoken, speak_job, speaking_at_once
from tasks.decode_range import decode_range
from tasks.policy import SETTINGS, Step, cache_key, fan_out

AT_THE_DOOR = 1
"""Jobs that have begun and wait for a session, so that the engine goes on while another job writes its evidence."""

DECODERS = 1
"""Decoding takes a small part of the time of speaking, so one keeps up."""


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    return cache_key("synthesize", reading.key, reading.library, asdict(parameters["job"]))


@task(name="synthesize-range", task_run_name="synthesize {job.name}", cache_key_fn=key, **SETTINGS)
def synthesize_range(reading: Reading, job: Job) -> JobReport:
    """Speaks the chunks of one job in a fresh session, and stores their takes and, unless they are tokens, evidence."""
    return speak_job(reading, job)


def synthesize_ranges(reading: Reading, jobs: Sequence[Job], workers: int) -> None:
    """Runs all jobs, `workers` speaking at once (0: as suits the engine); one that fails does not stop the others.

    Raises:
        RunIncomplete: Names the jobs that failed; what the others did is kept.
    """
    if not jobs:
        return
    calls = [{"reading": reading, "job": job} for job in jobs]
    progress = cast(UUID, create_progress_artifact(0.0, description=f"Ranges spoken of {reading.shelf}"))
    failed: dict[str, Any] = {}
    sessions = workers or load_engine(EngineName(reading.engine)).sessions_at_once
    speaking = Step(synthesize_range, _is_there, sessions + AT_THE_DOOR)
    decoding = Step(decode_range, lambda call, _: job_is_done(**call), DECODERS)
    ended = fan_out(calls, speaking, then=decoding, wanted=lambda report: report.undecoded > 0)
    with closing(ended), speaking_at_once(sessions):  # whatever ends it, nobody has a turn and nothing begins any more
        for done, (index, state) in enumerate(ended, start=1):
            update_progress_artifact(progress, 100.0 * done / len(jobs))
            if not state.is_completed():
                failed[jobs[index].name] = state.result(raise_on_failure=False)
    if failed:
        first = failed[min(failed)]
        reason = first.message if isinstance(first, RhapsodeError) else f"{type(first).__name__}: {first}"
        remedy = first.remedy if isinstance(first, RhapsodeError) else ""
        raise RunIncomplete(
            f"{len(failed)} of {len(jobs)} ranges failed: {', '.join(sorted(failed))}. The first: {reason}",
            f"{remedy} What is done is kept and nothing is published; run again for what is missing.".strip(),
        )


def _is_there(call: dict[str, Any], report: JobReport) -> bool:
    return job_is_spoken(**call) if report.undecoded else job_is_done(**call)
