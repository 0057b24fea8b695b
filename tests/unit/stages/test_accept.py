"""The choice of takes is a function of the evidence, not of its order."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.stages.accept import latest_takes
from rhapsode.store.evidence import TakeRow
from tests.unit.store.conftest import make_row

ROWS = st.lists(
    st.builds(
        lambda chunk, turn, take, key, failed: make_row(
            chunk, round=turn, take=take, key=f"{key:064x}", error="It failed." if failed else None
        ),
        st.integers(1, 4),
        st.integers(0, 3),
        st.integers(1, 3),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=100)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[TakeRow], shuffle: random.Random) -> None:
    shuffled = list(rows)
    shuffle.shuffle(shuffled)
    assert latest_takes(shuffled) == latest_takes(rows)


@settings(max_examples=100)
@given(ROWS)
def test_the_latest_good_take_of_each_chunk_is_chosen(rows: list[TakeRow]) -> None:
    chosen = latest_takes(rows)
    good = [row for row in rows if row.error is None]
    assert chosen.keys() == {row.chunk for row in good}
    for chunk, row in chosen.items():
        assert row in good
        assert row.chunk == chunk
        assert all((row.round, row.take) >= (other.round, other.take) for other in good if other.chunk == chunk)
