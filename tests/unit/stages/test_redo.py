"""Chunk numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import BadRequest
from rhapsode.stages.redo import parse_numbers

LAST = 300
PARTS = st.lists(st.tuples(st.integers(1, LAST), st.integers(0, 40)), min_size=1, max_size=12)
SPACES = st.sampled_from(["", " ", "  "])


@settings(max_examples=100)
@given(PARTS, SPACES)
def test_numbers_and_ranges_are_read_in_any_order_each_once(parts: list[tuple[int, int]], space: str) -> None:
    ranges = [(low, min(low + more, LAST)) for low, more in parts]
    written = [f"{space}{low}{space}" if low == high else f"{space}{low}{space}-{space}{high}" for low, high in ranges]
    expected = {number for low, high in ranges for number in range(low, high + 1)}
    assert parse_numbers(",".join(written), LAST) == sorted(expected)


@settings(max_examples=300)
@given(st.text(st.sampled_from("0123456789-, x²٣\n"), max_size=12), st.integers(1, LAST))
def test_anything_else_is_a_bad_request(text: str, last: int) -> None:
    try:
        numbers = parse_numbers(text, last)
    except BadRequest as error:
        assert error.remedy
        assert "\n" not in error.message
    else:
        assert numbers == sorted(set(numbers))
        assert numbers
        assert 1 <= numbers[0] <= numbers[-1] <= last


@pytest.mark.parametrize("text", ["", "0", "5-3", "301", "1-301", "1-999999999", "-3", "1--3", "1,", "1;2", "failed?"])
def test_what_the_book_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_numbers(text, LAST)
