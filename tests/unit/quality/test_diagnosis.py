"""The verdict, from what was heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rhapsode.model import Audio, FinishReason, Sampling, Take, Tokens, Utterance, Voice
from rhapsode.quality.diagnosis import ALONE, Heard, Kind, Verdict, defects_of, first_difference, judge
from rhapsode.quality.signal import measure

TEXT = "The tide clock had stopped again."  # about 2.6 s
RATE_HZ = 24_000


def take(
    chunk: int, name: str, kind: Kind, ids: tuple[int, ...] = (1,), precision: str = "bf16", slots: int = 8
) -> Heard:
    return Heard(chunk, name, kind, precision, slots, ids, f"hash of {chunk}", "end")


GOOD = [take(chunk, name, Kind.SAME, (7, 8, 9)) for chunk in (3, 9) for name in (ALONE, "later")]


def test_all_the_same_and_no_defect_is_clean() -> None:
    other = [take(3, "in nf4", Kind.PRECISION), take(9, "on gguf", Kind.BACKEND)]
    assert judge([*GOOD, *other]).verdict is Verdict.CLEAN


@pytest.mark.parametrize(
    ("change", "token"),
    [({"token_ids": (7, 8, 1)}, 2), ({"token_ids": (7, 8)}, 2), ({"audio_sha256": "x"}, None), ({"finish": "x"}, None)],
)
def test_any_difference_on_one_stack_is_history_and_the_first_is_named(change: dict[str, object], token: int) -> None:
    later = [replace(one, **change) if one.condition == "later" else one for one in GOOD]  # type: ignore[arg-type]
    found = judge(reversed(later))
    assert (found.verdict, found.chunk, found.condition) == (Verdict.HISTORY_DEPENDENT, 3, "later")
    assert found.token == token
    if token is not None:
        assert f"from token {token + 1} on" in found.reason, "people count from 1"


def test_another_number_of_slots_is_another_stack() -> None:
    """What a session says after its memory ran out may differ, and is no history."""
    fewer = [replace(one, slots=4, token_ids=(7, 8, 1)) if one.condition == "later" else one for one in GOOD]
    assert judge(fewer).verdict is Verdict.CLEAN


def test_damaged_weights_are_named_without_speaking() -> None:
    found = judge([], "model.safetensors has changed.")
    assert found.verdict is Verdict.DEFECTIVE_ALONE and "model.safetensors has changed." in found.reason


def bad(ones: list[Heard], *chunks: int) -> list[Heard]:
    return [replace(one, defects=("silent",)) if one.chunk in chunks else one for one in ones]


@pytest.mark.parametrize(
    ("chunks", "kept", "precision", "cause"),
    [
        ((9,), (3, 9), (), "text"),
        ((3, 9), (3, 9), (), "model: no chunk"),
        ((3,), (3,), (), "model or the text"),
        ((3, 9), (3, 9), (9,), "precision"),
    ],
)
def test_defects_alone_name_their_suspect(
    chunks: tuple[int, ...], kept: tuple[int, ...], precision: tuple[int, ...], cause: str
) -> None:
    heard = bad([one for one in GOOD if one.chunk in kept], *chunks)
    heard += [take(chunk, "in fp32", Kind.PRECISION, precision="fp32") for chunk in precision]
    found = judge(heard)
    assert found.verdict is Verdict.DEFECTIVE_ALONE
    assert f"Suspect the {cause}" in found.reason
    assert found.chunk == chunks[0]


@pytest.mark.parametrize("worse", ["here", "there"])
def test_backends_disagree_where_one_is_good_and_one_is_not(worse: str) -> None:
    other = take(9, "on gguf", Kind.BACKEND, (7, 8, 1))
    heard = [*bad(GOOD, 9), other] if worse == "here" else [*GOOD, *bad([other], 9)]
    found = judge(heard)
    assert (found.verdict, found.chunk, found.token) == (Verdict.BACKENDS_DISAGREE, 9, 2)
    assert "silent" in found.reason


def test_a_precision_at_fault_is_no_quarrel_of_the_backends() -> None:
    others = [take(9, "in fp32", Kind.PRECISION, precision="fp32"), take(9, "on gguf", Kind.BACKEND)]
    found = judge([*bad(GOOD, 9), *others])
    assert found.verdict is Verdict.DEFECTIVE_ALONE and "precision: fp32 speaks it well" in found.reason


@pytest.mark.parametrize(
    ("here", "there", "parts", "verdict"),
    [
        ("fp32", "f32", (10, 83), Verdict.BACKENDS_DISAGREE),
        ("f32", "fp32", (10, 300), Verdict.CLEAN),  # half of them: a draw on the edge
        ("fp32", "f32", (84, 300), Verdict.CLEAN),
        ("fp32", "f32", (None, None), Verdict.CLEAN),
        ("bf16", "f32", (10, 83), Verdict.CLEAN),
        ("fp32", "q8_0", (0, 0), Verdict.CLEAN),
    ],
)
def test_tokens_part_the_backends_only_where_rounding_cannot(
    here: str, there: str, parts: tuple[int | None, int | None], verdict: Verdict
) -> None:
    ids = tuple(range(500))
    heard = [take(chunk, ALONE, Kind.SAME, ids, here) for chunk in (3, 9)]
    for chunk, part in zip((3, 9), parts, strict=True):
        other = ids if part is None else (*ids[:part], -1, *ids[part + 1 :])
        heard.append(take(chunk, "on the other", Kind.BACKEND, other, there))
    found = judge(heard)
    assert found.verdict is verdict, found
    if verdict is Verdict.BACKENDS_DISAGREE:
        assert (found.chunk, found.token, found.condition) == (3, 10, "on the other")
        assert "from token 11 on" in found.reason


def test_first_difference() -> None:
    assert first_difference((1, 2), (1, 2)) is None
    assert first_difference((1, 2), (1, 3)) == 1
    assert first_difference((), (1,)) == 0


def audio(*parts: tuple[float, float]) -> Audio:
    """Noise of so many seconds and such an amplitude, part after part."""
    noise = np.random.default_rng(1)
    made = [noise.uniform(-level, level, round(seconds * RATE_HZ)) for seconds, level in parts]
    return Audio(np.concatenate(made).astype(np.int16), RATE_HZ)


def defects(
    heard: Audio, finish: FinishReason = FinishReason.END, mass: tuple[float, ...] = (), speed: float = 1.0
) -> str:
    said = Utterance(TEXT, Voice("v"), Sampling(speed=speed), 1, 1, "k")
    take = Take(said, finish, 1.0, heard, Tokens((1,), 1.0, 1, mass))
    return "; ".join(defects_of(take, measure(heard)))


def test_a_good_take_has_no_defect() -> None:
    assert defects(audio((2.5, 6000)), mass=(0.99, 0.2, 0.97)) == ""
    assert defects(audio((2.5, 6000)), mass=(0.99, 0.99, 0.2)) == ""
    assert defects(audio((5.2, 6000)), speed=0.5) == ""


def test_every_defect_is_named() -> None:
    good = audio((2.5, 6000))
    assert defects(good, FinishReason.LOOP) == "ended by loop"
    assert "0.2%" in defects(good, mass=(0.002, 0.001, 0.9))
    assert "0.1%" in defects(good, mass=(0.99, 0.001))
    assert "at its end only 0.1%" in defects(good, mass=(0.99, 0.99, 0.99, 0.002, 0.001))
    assert defects(audio((2.5, 0))) == "silent"
    assert "at an edge" in defects(audio((2.5, 6000), (2.5, 0)))
    assert "9.0 s of speech" in defects(audio((9.0, 6000)))
    assert "0.0 s of speech" in defects(audio((0.01, 6000)))
