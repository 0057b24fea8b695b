"""Random weights of Maya1's shape: they speak noise, and compute as the real ones would."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from rhapsode.engines.maya1 import backbone_hf  # noqa: E402
from rhapsode.engines.maya1 import vocabulary as v  # noqa: E402
from rhapsode.engines.maya1.backbone import unlike_slots  # noqa: E402
from rhapsode.engines.maya1.backbone_hf import GROWTH, HfBackbone  # noqa: E402
from rhapsode.engines.maya1.model_hf import HfModel, Precision, best_precision, load  # noqa: E402
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged  # noqa: E402
from tests.unit.engines.maya1 import promises  # noqa: E402

WIDTH = 64


def save(folder: Path, *, vocabulary: int = 156_940, tied: bool = True, width: int = WIDTH) -> Path:
    torch.manual_seed(1)
    shape = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048}
    ids = {"bos_token_id": v.BOS, "eos_token_id": v.EOT, "pad_token_id": None}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=tied, **shape, **heads, **ids))
    with torch.no_grad():
        model.lm_head.weight.mul_(20)  # so that some ids are likelier than others
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("tied"))


@pytest.fixture(scope="module")
def model(folder: Path) -> HfModel:
    return load(folder, device="cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def plain_forward(folder: Path) -> Callable[[Sequence[int]], Any]:
    whole = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)

    def forward(ids: Sequence[int]) -> Any:
        with torch.inference_mode():
            return whole(input_ids=torch.tensor([ids])).logits[0, -1].double().numpy()

    return forward


@pytest.mark.parametrize("tied", [True, False])
def test_each_slot_computes_a_plain_forward_pass(tmp_path: Path, tied: bool) -> None:
    where = save(tmp_path, tied=tied)
    loaded = load(where, device="cpu")
    assert (loaded.head.data_ptr() == loaded.body.embed_tokens.weight.data_ptr()) == tied
    promises.check_scores(HfBackbone(loaded, 4), plain_forward(where), tolerance=2e-4)


@pytest.mark.parametrize("slots", [1, 8])
def test_takes_know_nothing_of_neighbours_slots_or_history(model: HfModel, slots: int) -> None:
    promises.check_independence(lambda b: HfBackbone(model, b), slots)


def test_a_cache_that_is_kept_between_takes_is_convicted(model: HfModel) -> None:
    class Leaky(HfBackbone):
        def prefill(self, slot: int, prompt: Sequence[int]) -> Any:
            before = self._lengths[slot]
            scores = super().prefill(slot, prompt)
            self._lengths[slot] = max(before, len(prompt))  # goes on where the last take stopped
            return scores

    with pytest.raises(AssertionError):
        promises.check_independence(lambda b: Leaky(model, b), 2)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16, Precision.FP16, Precision.NF4])
def test_every_slot_computes_the_same_bits(folder: Path, precision: Precision, threads: int) -> None:
    loaded = load(folder, device="cpu", precision=precision, threads=threads)
    assert [unlike_slots(HfBackbone(loaded, slots)) for slots in (2, 4, 8, 16)] == [[], [], [], []]


def test_slots_that_would_not_all_compute_alike_are_refused(
    model: HfModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadRequest, match="6 slots would not all compute alike"):
        HfBackbone(model, 6)
    monkeypatch.setattr(backbone_hf, "check_slots", lambda slots: None)

    class Sloping(HfBackbone):
        """Rounds its last slots in another way, as kernels for left-over rows do."""

        def step(self, token_ids: v.TokenIds, position: int) -> Any:
            scores = super().step(token_ids, position)
            scores[4:] += np.abs(scores[4:]) * 1e-6
            return scores

    assert unlike_slots(Sloping(model, 6)) == [4, 5]


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.NF4, Precision.INT8])
def test_every_precision_computes_nearly_the_same_and_independently(folder: Path, precision: Precision) -> None:
    loaded = load(folder, device="cpu", precision=precision)
    slots = 1 if precision is Precision.INT8 else 4
    exact, close = (
        HfBackbone(m, 1).prefill(0, promises.lines(1)[0].prompt) for m in (load(folder, device="cpu"), loaded)
    )
    assert 0 < np.abs(exact - close).max() / exact.std() < 0.5
    promises.check_independence(lambda b: HfBackbone(loaded, b), slots)


def test_int8_refuses_neighbours(folder: Path) -> None:
    loaded = load(folder, device="cpu", precision=Precision.INT8)
    with pytest.raises(BadRequest, match="int8"):
        HfBackbone(loaded, 2)


def test_out_of_memory_halves_the_slots_and_the_rest_is_as_if_it_had_been_so(
    model: HfModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = promises.lines(10)
    backbone = HfBackbone(model, 4)
    forward, steps = model.body.forward, 0

    def tight(*args: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        if kwargs["input_ids"].shape[0] > 2 and steps > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(*args, **kwargs)

    monkeypatch.setattr(model.body, "forward", tight)
    decoder, decoded = promises.all_decoded(backbone, asked)
    monkeypatch.undo()
    assert decoder.back_offs == [(4, 2)]
    assert {d.slots for d in decoded} == {4, 2}
    for d in decoded:
        alone = promises.spoken(HfBackbone(model, d.slots), [d.line])
        assert alone[d.line.number] == (d.token_ids, d.legal_mass)


def test_the_cache_grows_in_steps_and_closing_frees_it(model: HfModel) -> None:
    backbone = HfBackbone(model, 2)
    promises.spoken(backbone, promises.lines(2, frames=3))
    assert backbone._layers[0].keys.shape[2] == GROWTH
    promises.spoken(backbone, promises.lines(1, frames=90))
    assert backbone._layers[0].keys.shape[2] == 2 * GROWTH
    held = [weakref.ref(layer.keys) for layer in backbone._layers]
    backbone.close()
    gc.collect()
    assert [ref() for ref in held] == [None, None]


def test_it_neither_takes_nor_moves_torchs_random_numbers(model: HfModel) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = promises.lines(1)
    first = promises.spoken(HfBackbone(model, 1), one)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert promises.spoken(HfBackbone(model, 1), one) == first


def test_without_weights_or_with_foreign_ones_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no safetensors weights"):
        load(tmp_path, device="cpu")
    with pytest.raises(WeightsDamaged, match="128256"):
        load(save(tmp_path / "llama", vocabulary=128_256), device="cpu")


def test_the_precision_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_precision("cpu") is Precision.FP32
    for capability, best in (((7, 5), Precision.FP16), ((8, 0), Precision.BF16), ((9, 0), Precision.BF16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert best_precision("cuda") is best
