from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.engines.maya1.sampler import Draw, sample, uniforms
from rhapsode.errors import BadRequest, SynthesisFailed

PLAIN = Draw(temperature=1.0, top_p=1.0, repetition_penalty=1.0)
HOSTILE = (Draw(), PLAIN, Draw(temperature=0), Draw(top_k=5, min_p=0.1), Draw(temperature=2.0, top_p=0.3, top_k=50))


def frequencies(row: npt.ArrayLike, draw: Draw, seen: npt.ArrayLike = False) -> npt.NDArray[np.float64]:
    """The distribution that is really drawn from, by going evenly through [0, 1)."""
    n = 20_000
    logits = np.tile(np.asarray(row, np.float32), (n, 1))
    columns = sample(logits, np.broadcast_to(seen, logits.shape), [draw] * n, (np.arange(n) + 0.5) / n)
    return np.bincount(columns, minlength=logits.shape[1]) / n


def softmax(row: npt.ArrayLike) -> npt.NDArray[np.float64]:
    p = np.exp(np.asarray(row, np.float64))
    return p / p.sum()


def test_the_random_number_of_a_step_depends_on_seed_and_step_alone() -> None:
    long = uniforms(7, 5000)
    assert np.array_equal(uniforms(7, 10), long[:10])
    assert not np.isin(uniforms(8, 5000), long).any()
    assert 0 <= long.min() < long.max() < 1
    assert abs(long.mean() - 0.5) < 0.02


def test_it_is_numpys_philox_with_53_bits() -> None:
    raw = np.random.Generator(np.random.Philox(key=2**63 - 1)).random(100)
    assert np.array_equal(uniforms(2**63 - 1, 100), raw)


def test_plain_sampling_follows_the_softmax() -> None:
    row = [0.3, -1.0, 2.0, 0.0]
    assert np.allclose(frequencies(row, PLAIN), softmax(row), atol=1e-3)


def test_temperature_sharpens() -> None:
    row = np.array([0.3, -1.0, 2.0, 0.0])
    assert np.allclose(frequencies(row, replace(PLAIN, temperature=0.4)), softmax(row / 0.4), atol=1e-3)


def test_the_penalty_shrinks_positive_and_deepens_negative_logits() -> None:
    expected = softmax([2.0 / 1.5, -1.0 * 1.5, 1.0])
    got = frequencies([2.0, -1.0, 1.0], replace(PLAIN, repetition_penalty=1.5), [True, True, False])
    assert np.allclose(got, expected, atol=1e-3)


def test_top_p_keeps_the_fewest_that_hold_the_share() -> None:
    p = np.array([0.1, 0.5, 0.15, 0.25])
    got = frequencies(np.log(p), replace(PLAIN, top_p=0.7))
    assert np.allclose(got, [0, 2 / 3, 0, 1 / 3], atol=1e-3)


def test_top_k_and_min_p_drop_the_unlikely() -> None:
    p = np.array([0.1, 0.5, 0.15, 0.25])
    assert np.allclose(frequencies(np.log(p), replace(PLAIN, top_k=2)), [0, 2 / 3, 0, 1 / 3], atol=1e-3)
    assert np.allclose(frequencies(np.log(p), replace(PLAIN, min_p=0.25)), p * [0, 1, 1, 1] / 0.9, atol=1e-3)


def test_temperature_zero_takes_the_likeliest_after_the_penalty() -> None:
    greedy = Draw(temperature=0, repetition_penalty=2.0)
    logits = np.array([[1.0, 1.5, 0.9]] * 2, np.float32)
    columns = sample(logits, np.array([[False] * 3, [False, True, False]]), [greedy] * 2, np.array([0.99, 0.99]))
    assert columns.tolist() == [1, 0]


def test_a_forbidden_id_is_never_drawn() -> None:
    row = [-np.inf, 0.0, 1.0, -np.inf]
    for draw in HOSTILE:
        got = frequencies(row, draw, seen=True)
        assert got[0] == got[3] == 0


@pytest.mark.parametrize("chance", [0.0, 1 - 2**-53])
def test_the_ends_of_the_interval_draw_a_kept_id(chance: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(500, 37)).astype(np.float32)
    logits[:, [0, -1]] = -np.inf
    columns = sample(logits, np.zeros(logits.shape, bool), [PLAIN] * 500, np.full(500, chance))
    assert set(columns) == {1 if chance == 0 else 35}


@given(st.integers(0, 2**32), st.integers(2, 9), st.data())
@settings(max_examples=40)
def test_a_row_does_not_know_its_neighbours(seed: int, rows: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.normal(size=(rows, 4097)) * rng.choice([0.01, 1, 30])).astype(np.float32)
    seen = rng.random(logits.shape) < 0.1
    draws = [data.draw(st.sampled_from(HOSTILE)) for _ in range(rows)]
    chances = rng.random(rows)
    together = sample(logits, seen, draws, chances)
    order = np.array(data.draw(st.permutations(range(rows))))
    permuted = sample(logits[order], seen[order], [draws[i] for i in order], chances[order])
    alone = [int(sample(logits[[i]], seen[[i]], [draws[i]], chances[[i]])[0]) for i in range(rows)]
    assert together.tolist() == alone
    assert permuted.tolist() == together[order].tolist()


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_model_that_computes_no_numbers_is_no_take(broken: float) -> None:
    logits = np.zeros((3, 8), np.float32)
    logits[1, 4] = broken
    with pytest.raises(SynthesisFailed, match="row 1"):
        sample(logits, np.zeros(logits.shape, bool), [PLAIN] * 3, np.zeros(3))


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", -0.1), ("top_p", 0.0), ("top_p", 1.1), ("repetition_penalty", 0.0), ("top_k", -1), ("min_p", 2.0)],
)
def test_nonsense_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadRequest, match=name):
        replace(PLAIN, **{name: value})


def test_it_draws_as_transformers_does() -> None:
    """The same ids survive, with the same probabilities, as through the official processors."""
    torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")
    from transformers import LogitsProcessorList
    from transformers.generation import logits_process as hf

    rng = np.random.default_rng(5)
    row = (rng.normal(size=300) * 3).astype(np.float32)
    past = np.unique(rng.integers(0, 300, 80))
    draw = Draw(temperature=0.7, top_p=0.8, repetition_penalty=1.3, top_k=40, min_p=0.02)
    official = LogitsProcessorList(
        [
            hf.RepetitionPenaltyLogitsProcessor(draw.repetition_penalty),
            hf.TemperatureLogitsWarper(draw.temperature),
            hf.TopKLogitsWarper(draw.top_k),
            hf.TopPLogitsWarper(draw.top_p),
            hf.MinPLogitsWarper(draw.min_p),
        ]
    )
    expected = torch.softmax(official(torch.tensor(past)[None], torch.tensor(row)[None])[0].double(), -1).numpy()
    got = frequencies(row, draw, seen=np.isin(np.arange(300), past))
    assert np.array_equal(got > 0, expected > 1e-4)
    assert np.allclose(got, expected, atol=1e-3)
