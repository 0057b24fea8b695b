"""Blocks: jobs that are handed to a worker together, so that loading the voice and fetching results cost little."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from rhapsode.model import Job, Reading
from rhapsode.settings import EngineName
from rhapsode.stages.plan import load_plan
from rhapsode.text.pace import estimate_s

BLOCK_S = 600.0
"""Work for one run: a worker that dies loses little, and a start of half a minute is small beside it."""

TIMES_REAL_TIME = {
    EngineName.HIBARI: 60.0,
    EngineName.TONE: 1000.0,
    EngineName.MAYA1_HF: 1.0,
    EngineName.MAYA1_GGUF: 1.0,
}
"""Of one slot, as far as anybody knows beforehand: where it is wrong, blocks are longer or shorter, and no worse."""


def blocks_of(reading: Reading, jobs: Sequence[Job], least: int) -> list[list[Job]]:
    """Parts the jobs, in their order, into blocks of about `BLOCK_S` of work each.

    Args:
        least: So many blocks at least, if there are as many jobs: workers that would have nothing to do take part.
    """
    plan = load_plan(reading)
    slots = plan.range_size // 10 if plan.range_size > 32 else 1  # text/plan.py chose it so; 32 says little
    speed = TIMES_REAL_TIME[EngineName(reading.engine)] * slots
    work = [sum(estimate_s(plan.chunks[order.chunk - 1].spoken) for order in job.orders) / speed for job in jobs]
    count = min(len(jobs), max(least, ceil(sum(work) / BLOCK_S)))
    blocks: list[list[Job]] = []
    done = 0.0
    for number, (job, job_s) in enumerate(zip(jobs, work, strict=True)):
        left = len(jobs) - number  # every block that is still to come needs a job
        if done >= sum(work) * len(blocks) / count or left == count - len(blocks):
            blocks.append([])
        blocks[-1].append(job)
        done += job_s
    return blocks
