"""Defects that are made on purpose are found, and good takes are left alone: the bench, small, against its goals."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the maya1 extra is not installed")
pytest.importorskip("espeakng_loader", reason="the dev extra is not installed")

from bench.defect_kinds import GROSS, KINDS, WORDS
from bench.defects import CLEAN, HALVES, Case, Row, cases_of, judge, lines, table_of, wilson
from bench.ear import Ear
from rhapsode.settings import Strictness

GROSS_GOAL, WORD_GOAL, MOST_FALSE_ALARMS = 0.99, 0.80, 0.02


def rows_of(cases: list[Case]) -> dict[str, Row]:
    rows = table_of(cases, judge(cases, Strictness.NORMAL))
    print("\n".join(lines(rows, HALVES[0], "tiny.en")))
    return {row.kind: row for row in rows}


def test_a_defect_of_each_kind_is_found(books: list[Path], tmp_path: Path) -> None:
    """One of each: so small a number proves no rate, but neither a judge that is deaf nor one that fails all."""
    ear = Ear(tmp_path, "tiny.en")
    rows = rows_of(list(cases_of(books, 1, HALVES[0], list(KINDS), ear, clean=12)))
    assert ear.heard >= len(KINDS) + 12
    assert all(rows[kind].takes == 1 for kind in KINDS)
    assert sum(rows[kind].failed for kind in GROSS) >= len(GROSS) - 1
    assert rows[CLEAN].failed <= 1


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_goals_are_met_on_twenty_of_each_kind(books: list[Path], tmp_path: Path) -> None:
    """As far as 20 can tell: the goal lies within the interval of what was seen."""
    rows = rows_of(list(cases_of(books, 20, HALVES[0], list(KINDS), Ear(tmp_path, "tiny.en"))))
    assert all(rows[kind].takes == 20 for kind in KINDS)
    for kind in GROSS:
        assert rows[kind].interval[1] >= GROSS_GOAL, kind
    for kind in WORDS:
        assert rows[kind].interval[1] >= WORD_GOAL, kind
    gross = [rows[kind] for kind in GROSS]
    assert wilson(sum(row.failed for row in gross), sum(row.takes for row in gross))[1] >= GROSS_GOAL
    clean = [row for kind, row in rows.items() if kind.startswith(CLEAN)]
    assert wilson(sum(row.failed for row in clean), sum(row.takes for row in clean))[0] <= MOST_FALSE_ALARMS
    for kind in KINDS:
        assert rows[kind].failed + 1 >= max(rows[kind].peers_at_ours.values()), f"a peer does better at {kind}"
