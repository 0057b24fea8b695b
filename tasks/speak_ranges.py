"""Many jobs at once: each is synthesized, decoded where it is tokens, and verified; one step runs behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from prefect import get_run_logger

from rhapsode.engines.registry import load_engine
from rhapsode.errors import RhapsodeError, RunIncomplete, SynthesisFailed
from rhapsode.model import Job, Reading
from rhapsode.settings import EngineName, FanOut, Verification
from rhapsode.stages.breaker import Breaker
from rhapsode.stages.jobs import JobReport, job_is_done, without
from rhapsode.stages.range_line import range_line
from rhapsode.stages.speak import job_is_spoken, speaking_at_once
from rhapsode.stages.verify import Verified, job_is_verified, listening_of, load_recognisers
from tasks.decode_range import decode_range
from tasks.on_workers import speak_on_workers
from tasks.policy import Step, fan_out
from tasks.progress import Progress
from tasks.synthesize_range import synthesize_range
from tasks.verify_range import verify_range

AT_THE_DOOR = 1
"""Jobs that have begun and wait for a session, so that the engine goes on while another job writes its evidence."""

DECODERS = 1
"""Decoding takes a small part of the time of speaking, so one keeps up."""

LISTENERS = 1
"""A recogniser hears several times as fast as the voices that it listens to speak, or listens to a sample."""


def speak_ranges(
    reading: Reading,
    jobs: Sequence[Job],
    workers: int,
    verification: Verification,
    leave_out: bool = False,
    breaker: Breaker | None = None,
    by: FanOut = FanOut.INLINE,
) -> None:
    """Runs all jobs, `workers` speaking at once (0: as suits the engine); one that fails does not stop the others.

    Args:
        leave_out: Chunks that cannot be spoken are left to later rounds, and their jobs are done without them.
        by: Who speaks: this process, or the workers of the deployment `synthesize-ranges`.

    Raises:
        RunIncomplete: Names the jobs that failed; what the others did is kept.
        NotGoodEnough: The breaker tripped.
        BadRequest, EngineUnavailable, WeightsDamaged: Somebody who is to listen cannot; nothing is spoken.
    """
    if by is FanOut.WORKERS:
        _refuse(speak_on_workers(reading, jobs, workers, verification, leave_out, breaker), len(jobs))
        return
    failed = _run(reading, jobs, workers, verification, breaker)
    unspoken = {name: error for name, error in failed.items() if isinstance(error, SynthesisFailed)}
    if leave_out and unspoken:
        rest = [without(job, unspoken[job.name].chunks) for job in jobs if job.name in unspoken]
        failed = {name: error for name, error in failed.items() if name not in unspoken}
        failed |= _run(reading, rest, workers, verification)
    _refuse(failed, len(jobs))


def _refuse(failed: Mapping[str, Any], jobs: int) -> None:
    """Raises what jobs failed, if any did, and why the first."""
    if failed:
        first = failed[min(failed)]
        reason = first.message if isinstance(first, RhapsodeError) else f"{type(first).__name__}: {first}"
        remedy = first.remedy if isinstance(first, RhapsodeError) else ""
        raise RunIncomplete(
            f"{len(failed)} of {jobs} ranges failed: {', '.join(sorted(failed))}. The first: {reason}",
            f"{remedy} What is done is kept and nothing is published; run again for what is missing.".strip(),
        )


def _run(
    reading: Reading,
    jobs: Sequence[Job],
    workers: int,
    verification: Verification,
    breaker: Breaker | None = None,
) -> dict[str, Any]:
    """Name of a job that failed -> its error."""
    if not jobs:
        return {}
    listening = listening_of(reading, verification)
    if listening:
        load_recognisers(reading, jobs, listening)
    calls = [{"reading": reading, "job": job, "listening": listening} for job in jobs]
    logger = get_run_logger()
    progress = Progress(f"Ranges spoken of {reading.shelf}", len(jobs))
    failed: dict[str, Any] = {}
    sessions = workers or load_engine(EngineName(reading.engine)).sessions_at_once
    steps: list[Step[Any]] = [
        Step(synthesize_range, _is_spoken, sessions + AT_THE_DOOR),
        Step(decode_range, _is_done, DECODERS, wanted=lambda report: report.undecoded > 0),
    ]
    if listening:
        steps.append(Step(verify_range, _is_verified, LISTENERS, wanted=lambda report: True))
    # Whatever ends it, nobody has a turn and nothing begins any more.
    with closing(fan_out(calls, *steps)) as ended, speaking_at_once(sessions):
        for index, state in ended:
            progress.add()
            result = state.result(raise_on_failure=False)
            if state.is_completed():
                logger.info("%s", range_line(reading, jobs[index], result if isinstance(result, Verified) else None))
            else:
                failed[jobs[index].name] = result
                logger.warning("range %s is not done: %s", jobs[index].name, result)
            if breaker and isinstance(result, SynthesisFailed):
                chunks = result.chunks
                breaker.add(Verified(jobs[index].name, 0, len(chunks), chunks, result.message))
            if breaker and isinstance(result, Verified):
                breaker.add(result)
    return failed


def _is_spoken(call: dict[str, Any], report: JobReport) -> bool:
    return job_is_spoken(call["reading"], call["job"]) if report.undecoded else _is_done(call, report)


def _is_done(call: dict[str, Any], report: JobReport) -> bool:
    return job_is_done(call["reading"], call["job"])


def _is_verified(call: dict[str, Any], verified: Verified) -> bool:
    return job_is_verified(call["reading"], call["job"], call["listening"])
