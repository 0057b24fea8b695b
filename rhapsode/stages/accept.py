from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rhapsode.model import Flaw, Judgement, Reading, Verdict
from rhapsode.recipe import first_job
from rhapsode.settings import Policy, Verification
from rhapsode.stages.plan import load_plan
from rhapsode.stages.verdicts import Judged, judge_takes, plan_rung
from rhapsode.stages.verify import job_is_verified, listening_of
from rhapsode.store.editions import Edition
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

RANKS = {Verdict.PASS: 2, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 0}
UNCHECKED = Judgement(Verdict.PASS, (), 0.0)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The accepted take of each chunk, saved as one Parquet file under its digest.

    Attributes:
        missing: Chunks that nobody has tried to speak yet, or that nobody has checked who should.
        exceptions: Chunks that have no good take, or none since they cannot be spoken: what a person should know of.
    """

    digest: str
    missing: tuple[int, ...]
    exceptions: tuple[Flaw, ...]


def latest_takes(rows: list[TakeRow]) -> dict[int, TakeRow]:
    """Chunk number -> its latest take that is no error; the order of the rows does not matter."""
    return {number: rows[-1] for number, rows in _by_chunk(rows).items()}


def accept_takes(reading: Reading, verification: Verification, judged: Sequence[Judged] | None = None) -> Acceptance:
    """Accepts a take for every chunk of the plan that has one, and saves the list.

    Args:
        judged: All takes of the reading, by `judge_takes`, of a caller who has use for them too; None: judged here.
    """
    shelf = Shelf(open_library(reading.library), reading.shelf)
    folder = ReadingFolder(shelf, reading.key)
    takes = _by_chunk(folder.read_takes())
    listening = listening_of(reading, verification)
    if judged is None:
        judged = judge_takes(reading, listening, verification.strictness) if listening else []
    judgements = {(one.row.chunk, one.row.round, one.row.key): one.judgement for one in judged}
    failed = sorted(folder.read_failures(), key=lambda row: (row.round, row.take, row.started_at))
    failures = {row.chunk: row.error or "" for row in failed}
    accepted, missing, exceptions = [], [], []
    for chunk in shelf.load_plan(reading.plan).chunks:
        if chunk.number not in takes:
            if chunk.number in failures:
                exceptions.append(Flaw(chunk.number, chunk.source, (failures[chunk.number],)))
            else:
                missing.append(chunk.number)
            continue
        known = [(row, judgements.get((row.chunk, row.round, row.key))) for row in takes[chunk.number]]
        checked = [(row, judgement or UNCHECKED) for row, judgement in known if judgement or not listening]
        if not checked:
            missing.append(chunk.number)
            continue
        best, judgement = _best(checked)
        accepted.append(best)
        if judgement.verdict is Verdict.FAIL:
            exceptions.append(Flaw(chunk.number, chunk.source, judgement.reasons))
    return Acceptance(folder.save_accepted(accepted), tuple(missing), tuple(exceptions))


def _by_chunk(rows: list[TakeRow]) -> dict[int, list[TakeRow]]:
    """Chunk number -> its takes that are no errors, the latest last."""
    takes: dict[int, list[TakeRow]] = {}
    for row in sorted(rows, key=lambda row: (row.round, row.take, row.key)):
        if row.error is None:
            takes.setdefault(row.chunk, []).append(row)
    return takes


def _best(takes: list[tuple[TakeRow, Judgement]]) -> tuple[TakeRow, Judgement]:
    def worth(age: int) -> tuple[int, float, int]:
        judgement = takes[age][1]
        good = judgement.verdict is Verdict.PASS
        return RANKS[judgement.verdict], 0.0 if good else -judgement.score, age

    return takes[max(range(len(takes)), key=worth)]


def is_up_to_date(reading: Reading, edition: Edition, verification: Verification) -> bool:
    """Whether a run would publish this edition again: the same takes, as well checked as is asked for now."""
    acceptance = accept_takes(reading, verification)
    if (acceptance.digest, acceptance.exceptions, acceptance.missing) != (edition.accepted, edition.exceptions, ()):
        return False
    listening = listening_of(reading, verification)
    if not listening:
        return True
    if edition.exceptions and verification.policy is Policy.STRICT:
        return False
    rungs = range(1, verification.takes)
    jobs = [job for rung in rungs for job in plan_rung(reading, listening, verification, rung)]
    jobs += map(first_job, load_plan(reading).ranges)
    return all(job_is_verified(reading, job, listening) for job in jobs)
