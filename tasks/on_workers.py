"""One book on many workers: one plans it, and blocks of its jobs are runs of the deployment `synthesize-ranges`.

What a block did is read from the library, which all workers share: a state only says that it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from pydantic import TypeAdapter

from rhapsode.errors import NotGoodEnough, RhapsodeError, RunIncomplete
from rhapsode.model import Job, Listening, Reading
from rhapsode.recipe import digest
from rhapsode.settings import ConvertRequest, Verification
from rhapsode.stages.blocks import blocks_of
from rhapsode.stages.breaker import Breaker
from rhapsode.stages.jobs import job_is_done
from rhapsode.stages.plan import Parsed, lexicon_of
from rhapsode.stages.verify import job_is_verified, listening_of, verify_job
from rhapsode.store.library import open_library
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import Shelf
from tasks.children import Child, Ended, error_of, join_runs, run_children, workers_online
from tasks.progress import Progress

PLANNING = "plan-book/plan-book"
DEPLOYMENT = "synthesize-ranges/synthesize-ranges"
JOBS = TypeAdapter(list[Job])


def plan_on_worker(request: ConvertRequest, parsed: Parsed) -> Reading:
    """Has a worker plan a book. A plan depends on the engine and its machine, and the parent may have no such engine.

    Raises:
        BadRequest: The deployment is not registered.
        RunIncomplete: The worker could not plan the book, or there is none.
    """
    lexicon = dict(lexicon_of(request).entries)  # its file is here, and perhaps nowhere else
    asked = {"request": request.model_dump(mode="json"), "parsed": asdict(parsed), "lexicon": lexicon}
    child = Child(f"plan {parsed.shelf}", asked, (f"plan-{digest(asked)[:16]}",))
    [(_, ended)] = run_children(PLANNING, [child], at_once=1)
    if not ended.well:
        raise RunIncomplete(f"The book was not planned: {ended.error}")
    return folder_of(Shelf(open_library(request.library), parsed.shelf), ended.message).load()[0]


def speak_on_workers(
    reading: Reading,
    jobs: Sequence[Job],
    workers: int,
    verification: Verification,
    leave_out: bool,
    breaker: Breaker | None,
) -> dict[str, RhapsodeError]:
    """Has workers do the jobs; name of a job that failed -> its error. The arguments are those of `speak_ranges`.

    Raises:
        NotGoodEnough: The breaker tripped, here or in a block.
        BadRequest: The deployment is not registered.
        RunIncomplete: Nobody serves its pool, or the Prefect server does not answer.
    """
    listening = listening_of(reading, verification)
    group = f"reading-{digest([reading.library, reading.key])[:16]}"
    join_runs(DEPLOYMENT, group)  # of a parent that died: its blocks may have been cut otherwise
    pending = [job for job in jobs if not _is_settled(reading, job, listening)]
    if not pending:
        return {}
    progress = Progress(f"Ranges spoken of {reading.shelf}", len(pending))
    online = workers_online(DEPLOYMENT)
    blocks = blocks_of(reading, pending, least=online)
    asked: dict[str, object] = {"workers": workers, "leave_out": leave_out, "watch": breaker is not None}
    asked["verification"] = verification.model_dump(mode="json")
    children = [_child(reading, block, asked, group) for block in blocks]
    failed: dict[str, RhapsodeError] = {}
    # One block more than there are workers for, so that nobody waits for the next.
    with closing(run_children(DEPLOYMENT, children, at_once=online + 1)) as all_ended:
        for index, ended in all_ended:
            progress.add(len(blocks[index]))
            for job in blocks[index]:
                if not _is_settled(reading, job, listening):
                    failed[job.name] = _error(ended)
                elif breaker and listening:
                    breaker.add(verify_job(reading, job, listening))
    return failed


def _child(reading: Reading, block: Sequence[Job], asked: dict[str, object], group: str) -> Child:
    jobs = JOBS.dump_python(list(block), mode="json")
    names = block[0].name if len(block) == 1 else f"{block[0].name} to {block[-1].name}"
    where = {"library": reading.library, "book": reading.shelf, "reading": reading.key}
    identity = digest([reading.library, reading.key, jobs])[:16]
    return Child(f"speak {names} of {reading.shelf}", {**where, **asked, "jobs": jobs}, (f"block-{identity}", group))


def _is_settled(reading: Reading, job: Job, listening: Listening | None) -> bool:
    return job_is_done(reading, job) and (listening is None or job_is_verified(reading, job, listening))


def _error(ended: Ended) -> RhapsodeError:
    """Why a block did not do what it was asked for.

    Raises:
        NotGoodEnough: Its breaker tripped: that is no matter of this block alone.
    """
    if f"{NotGoodEnough.__name__}:" in ended.message:
        raise NotGoodEnough(ended.error)
    return RunIncomplete(f"{error_of(ended.message)} (run {ended.name})")
