"""Where the weights of transformers come to lie: on which device, in how many slots, and what if they do not fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from rhapsode.engines.maya1 import model_hf  # noqa: E402
from rhapsode.engines.maya1.model_hf import HfModel, Precision, fitting_slots, load  # noqa: E402
from rhapsode.errors import EngineUnavailable, WeightsDamaged  # noqa: E402
from tests.unit.engines.maya1.test_backbone_hf import save  # noqa: E402

GIB = 1 << 30


def test_weights_that_do_not_fit_on_the_device_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    save(tmp_path)
    monkeypatch.setattr(model_hf.LlamaForCausalLM, "from_pretrained", full)
    with pytest.raises(EngineUnavailable, match="do not fit on cpu in fp32") as refusal:
        load(tmp_path, device="cpu")
    assert "RHAPSODE_PRECISION=nf4" in refusal.value.remedy


def test_weights_without_a_configuration_are_none(tmp_path: Path) -> None:
    (save(tmp_path) / "config.json").unlink()
    with pytest.raises(EngineUnavailable, match="no safetensors weights"):
        load(tmp_path, device="cpu")


def test_a_pickle_of_the_same_weights_is_not_touched(tmp_path: Path) -> None:
    (save(tmp_path) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(EngineUnavailable, match="no safetensors weights"):
        load(tmp_path, device="cpu")
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsDamaged, match="cannot be read"):
        load(tmp_path, device="cpu")


def of_maya1(device: str, precision: Precision) -> HfModel:
    """The shape of Llama-3.2-3B; its weights are 6.6 GB in 16 bits."""
    config = SimpleNamespace(num_hidden_layers=28, num_key_value_heads=8, num_attention_heads=24, head_dim=128)
    body = SimpleNamespace(config=config, get_memory_footprint=lambda: 6_600_000_000)
    return HfModel(body, torch.zeros(1, dtype=torch.bfloat16), precision, torch.device(device), 1)


@pytest.mark.parametrize(
    ("total", "slots"), [(8 * GIB, 1), (12 * GIB, 4), (16 * GIB, 8), (24 * GIB, 16), (80 * GIB, 32)]
)
def test_slots_follow_from_the_whole_memory_of_a_gpu(monkeypatch: pytest.MonkeyPatch, total: int, slots: int) -> None:
    """A token takes 114,688 bytes of cache, so a slot of 6,144 tokens 0.66 GiB."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=total))
    assert fitting_slots(of_maya1("cuda", Precision.BF16), 6144) == slots


def test_slots_elsewhere() -> None:
    assert fitting_slots(of_maya1("cpu", Precision.FP32), 6144) == 8
    assert fitting_slots(of_maya1("cuda", Precision.INT8), 6144) == 1
