"""What a person is shown of a book: every open chunk by its number, and a table that one kind does not fill alone."""

from __future__ import annotations

from dataclasses import replace

from rhapsode.model import Judgement, Verdict
from rhapsode.stages.doubtful import SCREENFUL, doubtful_rows, open_chunks, open_markdown
from rhapsode.stages.verdicts import Judged
from tests.unit.store.test_hearings import ROW


def judged(chunk: int, verdict: Verdict) -> Judged:
    return Judged(replace(ROW, chunk=chunk), Judgement(verdict, ("too short to be sure", "1 word missing"), 1.0))


def test_failures_do_not_push_what_is_open_out_of_the_table() -> None:
    many = [judged(chunk, Verdict.FAIL) for chunk in range(1, 81)]
    found = [*many, judged(90, Verdict.INCONCLUSIVE)]
    rows = doubtful_rows(found)
    assert len(rows) == SCREENFUL + 1
    assert rows[0]["verdict"] == "fail"
    assert rows[-1] == {
        "chunk": 90,
        "take": 1,
        "verdict": "inconclusive",
        "why": "too short to be sure; 1 word missing",
        "text": ROW.text,
    }


def test_all_that_is_open_is_named_in_the_order_of_the_book() -> None:
    found = [judged(chunk, Verdict.INCONCLUSIVE) for chunk in range(200, 100, -1)]
    assert open_chunks([judged(3, Verdict.FAIL), *found]) == list(range(101, 201))
    assert ", ".join(map(str, range(101, 201))) in open_markdown(found)
    assert open_markdown([judged(3, Verdict.FAIL)]) == ""
