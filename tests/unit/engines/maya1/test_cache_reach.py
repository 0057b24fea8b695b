"""How far the cache reaches, for the sake of a longer neighbour, changes no bit of a slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from rhapsode.engines.maya1 import vocabulary as v  # noqa: E402
from rhapsode.engines.maya1.backbone_hf import GROWTH, HfBackbone  # noqa: E402
from rhapsode.engines.maya1.model_hf import HfModel, Precision  # noqa: E402


def one_layer(heads_a_key: int, head_dim: int) -> HfModel:
    shape = {"hidden_size": 32 * heads_a_key, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": head_dim}
    heads = {"num_attention_heads": 2 * heads_a_key, "num_key_value_heads": 2, "max_position_embeddings": 4096}
    ids = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    torch.manual_seed(1)
    whole = LlamaForCausalLM(LlamaConfig(vocab_size=156_940, tie_word_embeddings=True, **shape, **heads, **ids)).eval()
    head = whole.lm_head.weight.detach()
    return HfModel(whole.get_decoder(), head, Precision.FP32, torch.device("cpu"), threads=1)


@pytest.mark.parametrize("heads_a_key", [1, 3, 4, 8])
@pytest.mark.parametrize("said", [200, 700])
def test_a_longer_neighbour_changes_no_bit(heads_a_key: int, said: int) -> None:
    model = one_layer(heads_a_key, head_dim=16)
    prompt = np.random.default_rng(0).integers(0, 500, 2000).tolist()
    found = []
    for neighbour in (20, 1500):
        backbone = HfBackbone(model, 2)
        backbone.prefill(0, prompt[:said])
        backbone.prefill(1, prompt[:neighbour])
        found.append([backbone.step(np.array([v.FIRST_CODE, v.FIRST_CODE]), p)[0] for p in range(1, 4)])
        backbone.close()
    assert np.array_equal(*found)


def reaching(heads_a_key: int, growth: int) -> list[bool]:
    """Whether steps whose cache reaches 2, 4 and 12 times as far as `growth` have the same bits as those at `growth`.

    Heads are as wide as Maya1's, of which three share a key.
    """
    model = one_layer(heads_a_key, head_dim=128)
    prompt = np.random.default_rng(0).integers(0, 500, 200).tolist()

    def steps(least: int) -> Any:
        class Reaching(HfBackbone):
            def _reach(self) -> None:
                super()._reach()
                for layer in self._layers:
                    layer.reach(max(layer.length, least))

        backbone = Reaching(model, 2)
        scores = [backbone.prefill(slot, prompt) for slot in (0, 1)]
        for step in range(8):
            token_ids = v.band(step % v.FRAME_TOKENS).start + 17 * step + np.arange(2)
            scores.append(backbone.step(token_ids, (step + 1) % v.FRAME_TOKENS))
        assert {layer.keys.shape[2] for layer in backbone._layers} == {least}
        backbone.close()
        return np.concatenate([one.ravel() for one in scores])

    expected = steps(growth)
    return [np.array_equal(steps(blocks * growth), expected) for blocks in (2, 4, 12)]


@pytest.mark.parametrize("heads_a_key", [1, 3, 4])
def test_however_far_the_cache_reaches_it_changes_no_bit(heads_a_key: int) -> None:
    """As far as the longest take that is planned for."""
    assert reaching(heads_a_key, GROWTH) == [True] * 3


def split_by_reach(query: Any, key: Any, value: Any, attn_mask: Any, scale: float, **_: Any) -> Any:
    """Attention that adds up in eighths of what it can reach, as kernels do that share the keys out to many cores."""
    weights = (query @ key.transpose(2, 3) * scale + attn_mask).softmax(-1)
    piece = key.shape[2] // 8
    parts = zip(weights.split(piece, dim=3), value.split(piece, dim=2), strict=True)
    return sum(some_weights @ some_values for some_weights, some_values in parts)


def test_an_attention_that_adds_up_by_its_reach_is_convicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On every processor; whether a cache that grows by less than `GROWTH` is noticed depends on the processor."""
    attention = torch.nn.functional.scaled_dot_product_attention

    def attend(*given: Any, **asked: Any) -> Any:
        chosen = attention if asked["is_causal"] else split_by_reach  # the prefill of a prompt has no reach
        return chosen(*given, **asked)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attend)
    assert reaching(4, GROWTH) == [False] * 3
