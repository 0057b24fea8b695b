from __future__ import annotations

from dataclasses import dataclass

from rhapsode.model import Flaw, Judgement, Reading, Verdict
from rhapsode.settings import Verification
from rhapsode.stages.verdicts import judge_takes
from rhapsode.stages.verify import listening_of
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
        missing: Chunks that nobody has tried to speak yet.
        exceptions: Chunks that have no good take, or none since they cannot be spoken: what a person should know of.
        doubtful: Chunks whose accepted take the judge could not make up its mind about.
    """

    digest: str
    missing: tuple[int, ...]
    exceptions: tuple[Flaw, ...]
    doubtful: tuple[int, ...]


def latest_takes(rows: list[TakeRow]) -> dict[int, TakeRow]:
    """Chunk number -> its latest take that is no error; the order of the rows does not matter."""
    return {number: rows[-1] for number, rows in _by_chunk(rows).items()}


def accept_takes(reading: Reading, verification: Verification) -> Acceptance:
    """Accepts a take for every chunk of the plan that has one, and saves the list."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    folder = ReadingFolder(shelf, reading.key)
    takes = _by_chunk(folder.read_takes())
    listening = listening_of(reading, verification)
    judged = judge_takes(reading, listening, verification.strictness) if listening else []
    judgements = {(one.row.chunk, one.row.round, one.row.key): one.judgement for one in judged}
    failures = {row.chunk: row.error or "" for row in folder.read_failures()}
    accepted, missing, exceptions, doubtful = [], [], [], []
    for chunk in shelf.load_plan(reading.plan).chunks:
        if chunk.number not in takes:
            if chunk.number in failures:
                exceptions.append(Flaw(chunk.number, chunk.source, (failures[chunk.number],)))
            else:
                missing.append(chunk.number)
            continue
        best, judgement = _best(takes[chunk.number], judgements)
        accepted.append(best)
        if judgement.verdict is Verdict.FAIL:
            exceptions.append(Flaw(chunk.number, chunk.source, judgement.reasons))
        elif judgement.verdict is Verdict.INCONCLUSIVE:
            doubtful.append(chunk.number)
    return Acceptance(folder.save_accepted(accepted), tuple(missing), tuple(exceptions), tuple(doubtful))


def _by_chunk(rows: list[TakeRow]) -> dict[int, list[TakeRow]]:
    """Chunk number -> its takes that are no errors, the latest last."""
    takes: dict[int, list[TakeRow]] = {}
    for row in sorted(rows, key=lambda row: (row.round, row.take, row.key)):
        if row.error is None:
            takes.setdefault(row.chunk, []).append(row)
    return takes


def _best(takes: list[TakeRow], judgements: dict[tuple[int, int, str], Judgement]) -> tuple[TakeRow, Judgement]:
    def worth(candidate: tuple[int, Judgement]) -> tuple[int, float, int]:
        age, judgement = candidate
        good = judgement.verdict is Verdict.PASS
        return RANKS[judgement.verdict], 0.0 if good else -judgement.score, age

    known = [judgements.get((row.chunk, row.round, row.key), UNCHECKED) for row in takes]
    age, judgement = max(enumerate(known), key=worth)
    return takes[age], judgement
