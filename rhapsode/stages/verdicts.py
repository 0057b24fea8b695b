"""Verdicts on all takes of a reading: a function of what was measured of them and of the book's reference.

Nothing is listened to here, so a book can be judged again by another strictness at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from rhapsode.engines.registry import stand_in
from rhapsode.model import EngineIdentity, Job, Judgement, Listening, Reading, Reference, Verdict
from rhapsode.quality.judge import judge_take
from rhapsode.quality.ladder import next_order
from rhapsode.quality.reference import reference_of
from rhapsode.recipe import later_job
from rhapsode.settings import EngineName, Strictness, Verification
from rhapsode.stages.plan import load_plan
from rhapsode.store.hearings import HeardRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Judged:
    row: HeardRow
    judgement: Judgement


def judge_takes(reading: Reading, listening: Listening, strictness: Strictness) -> list[Judged]:
    """All takes that were measured, by round, chunk and take."""
    rows = _folder(reading).read_heard(listening)
    reference, chunks = reference_for(reading, listening, rows), load_plan(reading).chunks

    def judged(row: HeardRow) -> Judgement:
        # A respelling that a user gave is to sound like the text of the book, another text like itself.
        texts = dict.fromkeys((row.text, chunks[row.chunk - 1].spoken))
        return min(
            (judge_take(text, row.measures, reference, strictness) for text in texts),
            key=lambda judgement: (judgement.verdict is not Verdict.PASS, judgement.score),
        )

    return [Judged(row, judged(row)) for row in rows]


def worst_first(judged: Iterable[Judged]) -> list[Judged]:
    """Those that are not beyond doubt, the worst first."""
    doubtful = [one for one in judged if one.judgement.verdict is not Verdict.PASS]
    return sorted(doubtful, key=lambda one: (-one.judgement.score, one.row.chunk, one.row.round))


def freeze_reference(reading: Reading, listening: Listening) -> None:
    """Fixes what is usual in the book, when round 0 is done: no later take changes a verdict on another one."""
    _folder(reading).freeze_reference(listening, reference_for(reading, listening))


def reference_for(reading: Reading, listening: Listening, rows: Iterable[HeardRow] | None = None) -> Reference:
    """What is usual in the book: as it was frozen, or by the takes of round 0 that there are so far."""
    folder = _folder(reading)
    if frozen := folder.load_reference(listening):
        return frozen
    known = folder.read_heard(listening) if rows is None else rows
    return reference_of((row.text, row.measures) for row in known if row.round == 0)


def plan_rung(reading: Reading, listening: Listening, verification: Verification, rung: int) -> list[Job]:
    """The jobs of a round of retakes: all chunks of the book that no take of earlier rounds is good of.

    What later rounds brought does not count, so that a rerun plans the same jobs again and finds them done. Which other
    backend speaks a round is told by the takes of that round, if there are any: the next machine may have another one.
    """
    earlier = [judged for judged in judge_takes(reading, listening, verification.strictness) if judged.row.round < rung]
    good = {judged.row.chunk for judged in earlier if judged.judgement.verdict is not Verdict.FAIL}
    taken: dict[int, int] = {}
    speakers: set[EngineIdentity] = set()
    for row in (*_folder(reading).read_takes(), *_folder(reading).read_failures()):
        if row.round < rung:
            taken[row.chunk] = max(row.take, taken.get(row.chunk, 0))
        elif row.round == rung:
            speakers.add(EngineIdentity(row.engine, row.weights_digest, row.precision))
    plan = load_plan(reading)

    @cache
    def other() -> EngineIdentity | None:
        if speakers:
            return next((one for one in speakers if one.name != reading.engine), None)
        return stand_in(EngineName(reading.engine))

    orders = [
        next_order(chunk, reading.sampling, rung, taken.get(chunk.number, 0) + 1, other)
        for chunk in plan.chunks
        if chunk.number not in good
    ]
    size = plan.range_size
    return [later_job(rung, orders[start : start + size]) for start in range(0, len(orders), size)]


def _folder(reading: Reading) -> ReadingFolder:
    return ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)
