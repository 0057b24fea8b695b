from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.errors import SynthesisFailed

takes = st.integers(0, 12).flatmap(
    lambda frames: st.tuples(
        *(
            st.lists(st.integers(0, v.CODEBOOK_SIZE - 1), min_size=frames * count, max_size=frames * count)
            for count in v.CODES_PER_FRAME
        )
    )
)


def test_the_numbers_of_the_official_code() -> None:
    assert abs(v.TOKENS_PER_SECOND - 82.03125) < 1e-9
    assert abs(v.FRAME_DURATION_S - 0.085333) < 1e-6
    assert (v.band(0)[0], v.band(6)[-1]) == (128_266, 156_937)


def test_exact_div_refuses_a_remainder() -> None:
    with pytest.raises(AssertionError):
        v.exact_div(7, 2)


def test_one_frame_is_laid_out_as_the_official_code_does() -> None:
    ids = v.pack_frames([[10], [20, 21], [30, 31, 32, 33]])
    codes = [(i - 128_266) % 4096 for i in ids]
    assert codes == [10, 20, 30, 31, 21, 32, 33]
    assert [(i - 128_266) // 4096 for i in ids] == list(range(7))


@given(takes)
@settings(max_examples=60)
def test_packing_changes_nothing(books: tuple[list[int], ...]) -> None:
    ids = v.pack_frames(books)
    assert all(i in v.band(t % 7) for t, i in enumerate(ids))
    assert [list(codes) for codes in v.unpack_frames(ids)] == [list(codes) for codes in books]


@given(takes)
@settings(max_examples=60)
def test_unpacking_changes_nothing(books: tuple[list[int], ...]) -> None:
    ids = v.pack_frames(books)
    assert v.pack_frames([codes.tolist() for codes in v.unpack_frames(ids)]) == ids


@given(takes.filter(lambda books: len(books[0]) > 0), st.integers(-1, 160_000), st.data())
@settings(max_examples=100)
def test_whatever_stray_is_planted_raises_and_its_position_is_named(
    books: tuple[list[int], ...], planted: int, data: st.DataObject
) -> None:
    """Text, control tokens, the end, other bands, ids behind the codes and none at all."""
    ids = list(v.pack_frames(books))
    at = data.draw(st.integers(0, len(ids) - 1))
    assume(planted not in v.band(at % 7))
    ids[at] = planted
    with pytest.raises(SynthesisFailed, match=f"^Token {at + 1} of the take is {planted}, outside "):
        v.unpack_frames(ids)


@pytest.mark.parametrize("at", range(14))
def test_an_id_at_the_edge_of_its_band_is_legal_and_the_next_one_is_not(at: int) -> None:
    ids = [v.band(i % 7)[0] for i in range(14)]
    for edge, beyond in ((v.band(at % 7)[0], -1), (v.band(at % 7)[-1], 1)):
        v.unpack_frames([*ids[:at], edge, *ids[at + 1 :]])
        with pytest.raises(SynthesisFailed, match=f"^Token {at + 1} of the take is {edge + beyond},"):
            v.unpack_frames([*ids[:at], edge + beyond, *ids[at + 1 :]])


@given(takes.filter(lambda books: len(books[0]) > 1), st.data())
@settings(max_examples=60)
def test_a_stray_or_missing_token_raises_and_is_named(books: tuple[list[int], ...], data: st.DataObject) -> None:
    ids = list(v.pack_frames(books))
    at = data.draw(st.integers(0, len(ids) - 2))
    dropped = ids[:at] + ids[at + 1 :]
    with pytest.raises(SynthesisFailed, match=f"Token {at + 1} of the take is {dropped[at]}"):
        v.unpack_frames(dropped)
    stray = [*ids[:at], ids[at + 1], *ids[at:]]
    with pytest.raises(SynthesisFailed, match=f"Token {at + 1} of the take"):
        v.unpack_frames(stray)


def test_a_cut_frame_raises() -> None:
    ids = v.pack_frames([[1], [2, 3], [4, 5, 6, 7]])
    with pytest.raises(SynthesisFailed, match="6 tokens, which is no multiple of 7"):
        v.unpack_frames(ids[:6])


@pytest.mark.parametrize("books", [[[1], [2], [3, 4, 5, 6]], [[4096], [0, 0], [0] * 4], [[-1], [0, 0], [0] * 4]])
def test_codes_that_are_no_take_are_refused(books: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"codebooks|code"):
        v.pack_frames(books)


def test_the_bands_and_the_end_are_all_that_is_legal() -> None:
    every = [i for position in range(v.FRAME_TOKENS) for i in v.legal_ids(position)]
    assert sorted(every) == [v.CODE_END, *range(v.FIRST_CODE, v.LAST_CODE + 1)]
    assert [v.CODE_END in v.legal_ids(position) for position in range(7)] == [True] + [False] * 6
