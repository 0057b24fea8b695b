from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.quality.tokens import tokens_of


def spoken(coarse: list[int], seed: int = 0) -> tuple[int, ...]:
    """Frames with these coarse codes; the finer ones are drawn."""
    rng = np.random.default_rng(seed)
    finer = [rng.integers(0, v.CODEBOOK_SIZE, len(coarse) * count).tolist() for count in v.CODES_PER_FRAME[1:]]
    return v.pack_frames([coarse, *finer])


def various(frames: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).permutation(v.CODEBOOK_SIZE)[:frames].tolist()


def test_nothing_circles_where_every_frame_is_new():
    measures = tokens_of(spoken(various(200)), [0.9, 0.5, 0.8, 0.7])
    assert (measures.frames, measures.stray_tokens) == (200, 0)
    assert (measures.coarse_run, measures.repeated_frames) == (1, 0)
    assert (measures.legal_mass, measures.legal_mass_median) == (0.5, 0.7)


def test_no_tokens_and_no_samples_are_measured_too():
    measures = tokens_of((), ())
    assert (measures.frames, measures.coarse_run, measures.repeated_frames) == (0, 0, 0)
    assert measures.legal_mass is measures.legal_mass_median is None


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_a_loop_is_as_long_as_it_sounds_though_its_finer_codes_vary(length):
    codes = various(150)
    loop = codes[50 : 50 + length]
    looped = codes[:50] + 3 * loop + loop[: length // 2] + codes[50 + length :]
    measures = tokens_of(spoken(looped), ())
    assert measures.repeated_frames == 3 * length + length // 2
    assert measures.coarse_run == (3 if length == 1 else 1)


def test_what_is_said_again_after_a_break_is_no_loop():
    codes = various(100)
    assert tokens_of(spoken(codes[:40] + codes[50:51] + codes[:40]), ()).repeated_frames == 0


def test_a_missing_token_makes_strays_of_all_that_follow():
    ids = spoken(various(100))
    slipped = ids[:350] + ids[351:]
    measures = tokens_of(slipped, ())
    assert measures.frames == 99  # the last one is no longer whole
    assert measures.stray_tokens == 99 * v.FRAME_TOKENS - 350


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40))
def test_runs_and_loops_agree_with_their_definitions(coarse):
    measures = tokens_of(spoken(coarse), ())

    def loops(start: int, end: int) -> bool:
        said = coarse[start:end]
        return any(said[n:] == said[:-n] for n in range(1, len(said) // 2 + 1))

    stretches = [(start, end) for end in range(len(coarse) + 1) for start in range(end)]
    assert measures.repeated_frames == max((e - s for s, e in stretches if loops(s, e)), default=0)
    assert measures.coarse_run == max((e - s for s, e in stretches if len(set(coarse[s:e])) == 1), default=0)


def test_a_take_of_an_hour_is_measured_at_once():
    codes = np.random.default_rng(3).integers(0, v.CODEBOOK_SIZE, 40_000).tolist()
    ids = spoken(codes)
    began = time.process_time()
    assert tokens_of(ids, ()).frames == 40_000
    assert time.process_time() - began < 4.0  # 0.6 s on a quiet machine; comparing at every lag takes 15 times as long
