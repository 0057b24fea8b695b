"""Each rung asks otherwise than those before, and for every word of the chunk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rhapsode.model import Boundary, Chunk, EngineIdentity, Order, Sampling, Span
from rhapsode.quality.ladder import SHORTEST_PART_S, next_order
from rhapsode.quality.respell import respelled, says_the_same
from rhapsode.text.pace import estimate_s

DICE = Sampling(temperature=0.4, top_p=0.9, repetition_penalty=1.1)
NO_DICE = Sampling(speed=1.0)
OTHER = EngineIdentity("maya1-gguf", "ab" * 32, "q8_0")
FIRST, SECOND = "The lamps went out at nine, as they had in 1899.", "Nobody on the quay said a word about it."


def chunk_of(*sentences: str) -> Chunk:
    text, spans = " ".join(sentences), []
    for sentence in sentences:
        start = spans[-1].spoken_end + 1 if spans else 0
        spans.append(Span(start, start + len(sentence), start, start + len(sentence)))
    return Chunk(7, 1, text, text, 0, len(text), tuple(spans), Boundary.PARAGRAPH)


def climb(chunk: Chunk, usual: Sampling, other: EngineIdentity | None = OTHER) -> list[Order]:
    return [next_order(chunk, usual, rung, rung + 1, lambda: other) for rung in range(1, 8)]


def test_a_voice_with_dice_climbs_all_rungs() -> None:
    anew, gentler, split, respelt, elsewhere, *more = climb(chunk_of(FIRST, SECOND), DICE)
    assert anew == Order(7, 2)
    assert gentler == Order(7, 3, sampling=replace(DICE, temperature=0.3))
    assert split == Order(7, 4, parts=(FIRST, SECOND))
    assert respelt == Order(7, 5, text=respelled(f"{FIRST} {SECOND}")) and "ninety nine" in (respelt.text or "")
    assert elsewhere == Order(7, 6, engine=OTHER)
    assert [order.sampling.temperature for order in more if order.sampling] == [0.0949, 0.0712]


def test_a_voice_without_dice_is_never_asked_the_same_again() -> None:
    slower, split, respelt, *more = climb(chunk_of(FIRST, SECOND), NO_DICE)
    assert slower == Order(7, 2, sampling=Sampling(speed=0.95))
    assert split.parts == (FIRST, SECOND) and respelt.text
    assert [order.sampling.speed for order in more if order.sampling] == [0.8145, 0.7738, 0.7351, 0.6983]


@pytest.mark.parametrize("usual", [DICE, NO_DICE])
@pytest.mark.parametrize(
    "sentences", [["Yes."], ["Nobody said a word."], [FIRST, SECOND], ["It was 12."], [FIRST, "Oh!"]]
)
def test_no_two_rungs_are_alike_and_none_leaves_a_word_out(usual: Sampling, sentences: list[str]) -> None:
    chunk = chunk_of(*sentences)
    orders = climb(chunk, usual, other=None)
    assert len({replace(order, take=1) for order in orders}) == len(orders) == 7
    for order in orders:
        said = " ".join(order.parts) or order.text or chunk.spoken
        assert says_the_same(chunk.spoken, said)
        assert all(estimate_s(part) >= SHORTEST_PART_S for part in order.parts)


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    [split] = [order for order in climb(chunk_of(FIRST), DICE) if order.parts]
    assert split.parts == ("The lamps went out at nine.", "as they had in 1899.")


def test_the_other_backend_is_asked_for_on_its_rung_only() -> None:
    def never() -> EngineIdentity | None:
        raise AssertionError("loads weights for nothing")

    for rung in (1, 2, 3, 4, 6, 7):
        next_order(chunk_of(FIRST, SECOND), DICE, rung, 2, never)
