from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE, Backbone
from rhapsode.engines.maya1.decoder import FRAMES_PER_PROBE, Decoded, FrameDecoder, Line
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.errors import BadRequest, SynthesisFailed
from rhapsode.model import FinishReason
from tests.unit.engines.maya1.mock import DRAWS, MockBackbone, line


def tokens(decoded: Sequence[Decoded]) -> dict[int, tuple[int, ...]]:
    return {d.line.number: d.token_ids for d in decoded}


def alone(one: Line, slots: int, **mock: float) -> tuple[int, ...]:
    return next(FrameDecoder(MockBackbone(slots, **mock)).decode([one])).token_ids


# -- how a take ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [1, 4, 9])
def test_the_end_is_drawn_at_frame_boundaries_after_the_minimum(minimum: int) -> None:
    lines = [line(i, minimum=minimum, frames=40) for i in range(60)]
    decoded = list(FrameDecoder(MockBackbone(4, end=8.0)).decode(lines))
    frames = [len(d.token_ids) // 7 for d in decoded]
    assert all(len(d.token_ids) % 7 == 0 for d in decoded)
    assert {d.finish for d in decoded} == {FinishReason.END}
    assert min(frames) == minimum
    assert max(frames) > minimum


def test_a_take_that_does_not_end_is_cut_at_its_budget() -> None:
    decoded = list(FrameDecoder(MockBackbone(2, end=-50.0)).decode([line(1, frames=5), line(2, frames=9)]))
    assert {(d.line.number, d.finish, len(d.token_ids)) for d in decoded} == {
        (1, FinishReason.BUDGET, 35),
        (2, FinishReason.BUDGET, 63),
    }


# -- history independence ----------------------------------------------------------------------------------------------


@given(st.permutations(range(13)), st.integers(1, 13), st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_assignment_order_and_history_change_no_token(order: list[int], count: int, abandoned: int) -> None:
    slots = 4
    lines = [line(i, frames=5 + i, draw=DRAWS[i % 4]) for i in order[:count]]
    decoder = FrameDecoder(MockBackbone(slots))
    unfinished = decoder.decode([line(500 + i, frames=9) for i in range(10)])
    list(itertools.islice(unfinished, abandoned))
    unfinished.close()
    together = tokens(list(decoder.decode(lines)))
    for one in lines[:4]:
        assert together[one.number] == alone(one, slots)
    assert together == tokens(list(FrameDecoder(MockBackbone(slots)).decode(lines[::-1])))


def test_a_backbone_that_keeps_its_history_is_convicted() -> None:
    decoder = FrameDecoder(MockBackbone(2, leaky=True))
    list(decoder.decode([line(i) for i in range(10)]))
    assert next(decoder.decode([line(77)])).token_ids != alone(line(77), 2)


def test_the_seed_and_the_prompt_decide() -> None:
    one = line(1)
    other_seed = Line(1, one.prompt, one.seed + 1, one.draw, 1, 12)
    other_prompt = Line(1, (*one.prompt, 5), one.seed, one.draw, 1, 12)
    assert len({alone(one, 2), alone(other_seed, 2), alone(other_prompt, 2)}) == 3


# -- slots -------------------------------------------------------------------------------------------------------------


class Spy(MockBackbone):
    """Notes what it is asked."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots, end=-50.0)
        self.prefilled: list[int] = []
        self.fed: list[list[int]] = []
        self.positions: list[int] = []

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        assert not self.positions or self.positions[-1] == 0  # only between frames
        self.prefilled.append(prompt[2] - 100)
        return super().prefill(slot, prompt)

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        self.fed.append(token_ids.tolist())
        self.positions.append(position)
        return super().step(token_ids, position)


def test_slots_stay_full_and_in_phase_and_the_longest_go_first() -> None:
    backbone = Spy(8)
    decoder = FrameDecoder(backbone)
    lengths = np.random.default_rng(3).integers(5, 30, 80)
    list(decoder.decode([line(i, frames=int(n)) for i, n in enumerate(lengths)]))
    assert [lengths[i] for i in backbone.prefilled] == sorted(lengths, reverse=True)
    assert backbone.positions == [1, 2, 3, 4, 5, 6, 0] * (len(backbone.positions) // 7)
    assert decoder.occupancy >= 0.9
    fed = np.array(backbone.fed)
    assert decoder.occupancy == pytest.approx((fed != IDLE).mean())
    assert (fed != IDLE).sum() == 7 * lengths.sum()


def test_a_line_that_no_slot_can_hold_is_refused_before_anything_is_computed() -> None:
    backbone = Spy(2)
    backbone.capacity = 4 + 7 * 12
    list(FrameDecoder(backbone).decode([line(1)]))
    with pytest.raises(BadRequest, match="Line 2 may need 95 tokens; a slot holds 88"):
        next(FrameDecoder(backbone).decode([line(1), line(2, frames=13)]))
    assert backbone.prefilled == [1]


@pytest.mark.parametrize(("minimum", "frames"), [(0, 5), (6, 5)])
def test_a_line_without_frames_is_refused(minimum: int, frames: int) -> None:
    with pytest.raises(BadRequest, match="Line 3"):
        line(3, minimum=minimum, frames=frames)


# -- memory ------------------------------------------------------------------------------------------------------------


def test_out_of_memory_halves_the_slots_and_restarts_what_was_in_them() -> None:
    backbone = MockBackbone(8)
    backbone.fits, backbone.fails_at = 2, 80
    decoder = FrameDecoder(backbone)
    lines = [line(i, frames=8) for i in range(20)]
    decoded = list(decoder.decode(lines))
    assert decoder.back_offs == [(8, 2)]
    assert sorted(d.line.number for d in decoded) == list(range(20))
    assert {d.slots for d in decoded} == {8, 2}
    for d in decoded:
        assert d.token_ids == alone(d.line, d.slots)


def test_when_not_even_one_slot_fits_the_lines_are_not_lost_in_silence() -> None:
    backbone = MockBackbone(4)
    backbone.fits, backbone.fails_at = 0, 10
    with pytest.raises(SynthesisFailed, match=r"Not even one slot fits into memory \(no room\)"):
        list(FrameDecoder(backbone).decode([line(i) for i in range(9)]))


# -- what is watched ---------------------------------------------------------------------------------------------------


class Parrot(MockBackbone):
    """Says the coarse codes it is told to, over and over."""

    def __init__(self, coarse: Sequence[int], noise: float = 0.0) -> None:
        super().__init__(1, end=-50.0)
        self.coarse = coarse
        self.noise = noise
        self.frame = 0
        self.rng = np.random.default_rng(1)

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        return self._told(super().prefill(slot, prompt))

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        logits = super().step(token_ids, position)
        return self._told(logits[0])[None] if position == 0 else logits

    def _told(self, logits: Logits) -> Logits:
        code = self.coarse[self.frame % len(self.coarse)]
        if self.rng.random() < self.noise:
            code = int(self.rng.integers(4096))
        self.frame += 1
        logits[1 + code] += 100
        return logits


def parroted(coarse: Sequence[int], noise: float = 0.0) -> Decoded:
    return next(FrameDecoder(Parrot(coarse, noise)).decode([line(1, frames=400)]))


def test_a_held_code_is_given_up_as_stretched() -> None:
    said = parroted([77])
    assert (said.finish, len(said.token_ids) // 7) == (FinishReason.STRETCH, 23)


@pytest.mark.parametrize("period", [2, 9, 30, 64])
def test_a_repeated_phrase_is_given_up_as_a_loop(period: int) -> None:
    said = parroted(list(range(period)))
    assert said.finish is FinishReason.LOOP
    assert len(said.token_ids) // 7 <= max(3 * period, period + 24)


def test_a_loop_that_varies_a_little_is_still_a_loop() -> None:
    assert parroted(list(range(20)), noise=0.05).finish is FinishReason.LOOP


def test_a_pause_and_a_word_said_twice_are_no_loop() -> None:
    pause = [5] * 18
    phrase = list(range(100, 130))
    speech = [*phrase, *phrase, *pause, *range(200, 260), *pause, *range(300, 540)]
    assert parroted(speech).finish is FinishReason.BUDGET


def test_the_mass_on_legal_ids_is_recorded_as_the_model_gave_it() -> None:
    healthy = next(FrameDecoder(MockBackbone(1, lure=-100.0, end=-50.0)).decode([line(1, frames=40)]))
    assert len(healthy.legal_mass) == 1 + 40 // FRAMES_PER_PROBE
    assert np.allclose(healthy.legal_mass, 1.0)
    decayed = next(FrameDecoder(MockBackbone(1, lure=0.0, end=-50.0)).decode([line(1, frames=40)]))
    assert np.allclose(decayed.legal_mass, 4096 / 156_940, rtol=0.1)


def test_the_mock_is_a_backbone() -> None:
    backbone: Backbone = MockBackbone(1)
    backbone.close()
