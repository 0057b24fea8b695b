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
GOOD = [
    Heard(chunk, name, Kind.SAME, (7, 8, 9), f"hash of {chunk}", "end") for chunk in (3, 9) for name in (ALONE, "later")
]


def test_all_the_same_and_no_defect_is_clean() -> None:
    other = [Heard(3, "in nf4", Kind.PRECISION, (1,), "x", "end"), Heard(9, "on gguf", Kind.BACKEND, (2,), "y", "end")]
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
    heard += [Heard(chunk, "in fp32", Kind.PRECISION, (1,), "x", "end") for chunk in precision]
    found = judge(heard)
    assert found.verdict is Verdict.DEFECTIVE_ALONE
    assert f"Suspect the {cause}" in found.reason
    assert found.chunk == chunks[0]


@pytest.mark.parametrize("worse", ["here", "there"])
def test_backends_disagree_where_one_is_good_and_one_is_not(worse: str) -> None:
    other = Heard(9, "on gguf", Kind.BACKEND, (7, 8, 1), "x", "end")
    heard = [*bad(GOOD, 9), other] if worse == "here" else [*GOOD, *bad([other], 9)]
    found = judge(heard)
    assert (found.verdict, found.chunk, found.token) == (Verdict.BACKENDS_DISAGREE, 9, 2)
    assert "silent" in found.reason


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
    assert defects(audio((5.2, 6000)), speed=0.5) == ""


def test_every_defect_is_named() -> None:
    good = audio((2.5, 6000))
    assert defects(good, FinishReason.LOOP) == "ended by loop"
    assert "0.2%" in defects(good, mass=(0.002, 0.001, 0.9))
    assert defects(audio((2.5, 0))) == "silent"
    assert "at an edge" in defects(audio((2.5, 6000), (2.5, 0)))
    assert "9.0 s of speech" in defects(audio((9.0, 6000)))
    assert "0.0 s of speech" in defects(audio((0.01, 6000)))
