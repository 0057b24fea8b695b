"""The chunks of a book that are not beyond doubt by the take that is in it: those that failed, and those left open.

What is inconclusive is no proven defect, so it is not spoken again: it is named, and a person listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rhapsode.model import Reading, Verdict
from rhapsode.settings import Verification
from rhapsode.stages.verdicts import Judged, judge_takes, worst_first
from rhapsode.stages.verify import listening_of
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

SCREENFUL = 50


def doubtful_chunks(
    reading: Reading, accepted: str, verification: Verification, judged: Sequence[Judged] | None = None
) -> list[Judged]:
    """Accepted takes that failed, then those whose verdict is inconclusive, of either the worst first.

    Args:
        accepted: Digest of the saved `Acceptance`.
        judged: All takes of the reading, by `judge_takes`, of a caller who has use for them too; None: judged here.
    """
    listening = listening_of(reading, verification)
    if listening is None:
        return []
    folder = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)
    kept = {(row.chunk, row.round, row.key) for row in folder.load_accepted(accepted)}
    if judged is None:
        judged = judge_takes(reading, listening, verification.strictness)
    in_book = (one for one in judged if (one.row.chunk, one.row.round, one.row.key) in kept)
    return sorted(worst_first(in_book), key=lambda one: one.judgement.verdict is not Verdict.FAIL)


def open_chunks(doubtful: Iterable[Judged]) -> list[int]:
    """The numbers of those that are inconclusive, in the order of the book."""
    return sorted({one.row.chunk for one in doubtful if one.judgement.verdict is Verdict.INCONCLUSIVE})


def doubtful_rows(doubtful: Sequence[Judged]) -> list[dict[str, object]]:
    """The chunks as rows of a table: of those that failed, and of those left open, a screenful each at most."""
    shown = [
        one
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        for one in [one for one in doubtful if one.judgement.verdict is verdict][:SCREENFUL]
    ]
    return [
        {
            "chunk": one.row.chunk,
            "take": one.row.take,
            "verdict": one.judgement.verdict.value,
            "why": "; ".join(one.judgement.reasons),
            "text": one.row.text[:160],
        }
        for one in shown
    ]


def open_markdown(doubtful: Iterable[Judged]) -> str:
    """A list for the person who listens, as a part of a summary in Markdown; nothing if nothing is open."""
    numbers = open_chunks(doubtful)
    if not numbers:
        return ""
    named = ", ".join(map(str, numbers))
    return f"\n## Inconclusive, worth a listen\n\nNo defect is proven, and none is excluded. By chunk: {named}\n"
