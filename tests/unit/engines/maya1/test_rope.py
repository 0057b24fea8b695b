"""Positions are rotated as the published model wants it: Llama 3.2 slows the low frequencies of a head down, 32 times.

Every other test has short prompts and plain frequencies, with which it would not be noticed if nobody did that.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from transformers import LlamaForCausalLM  # noqa: E402

from rhapsode.engines.maya1 import model_gguf, model_hf  # noqa: E402
from rhapsode.engines.maya1 import vocabulary as v  # noqa: E402
from rhapsode.engines.maya1.backbone import Backbone  # noqa: E402
from rhapsode.engines.maya1.backbone_gguf import GgufBackbone  # noqa: E402
from rhapsode.engines.maya1.backbone_hf import HfBackbone  # noqa: E402
from tests.fixtures.voice import expansion, gguf_file  # noqa: E402
from tests.unit.engines.maya1.test_backbone_hf import plain_forward, save  # noqa: E402

LLAMA_3_2 = {
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "max_position_embeddings": 131_072,
}
"""Of the published config.json, in the words of transformers 4 that it was written with."""

PROMPT = np.random.default_rng(0).integers(0, 500, 1500).tolist()
"""Long enough that the frequencies which are slowed down have turned."""
SAID = (v.FIRST_CODE + 7, v.band(1).start + 11)
HF_TOLERANCE, GGUF_TOLERANCE = 2e-4, 2e-3


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads that look at few tokens each: the others of this shape look at all alike, wherever they stand."""
    folder = save(tmp_path_factory.mktemp("plain"))
    model = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.q_proj.weight.mul_(10)
            layer.self_attn.k_proj.weight.mul_(10)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def scaled(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights under the published configuration."""
    folder = Path(shutil.copytree(plain, tmp_path_factory.mktemp("scaled") / "model"))
    config = json.loads((folder / "config.json").read_text())
    del config["rope_parameters"]
    (folder / "config.json").write_text(json.dumps(config | LLAMA_3_2))
    return folder


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def computed(backbone: Backbone) -> list[np.ndarray]:
    """The scores after a long prompt, and after each of two tokens that follow it."""
    found = [backbone.prefill(0, PROMPT)]
    for position, token in enumerate(SAID, start=1):
        found.append(backbone.step(np.array([token]), position)[0].copy())
    backbone.close()
    return found


def expected(folder: Path) -> list[np.ndarray]:
    """The same from transformers' own forward pass."""
    forward = plain_forward(folder)
    return [forward([*PROMPT, *SAID[:said]])[v.legal_ids(said)] for said in range(len(SAID) + 1)]


def furthest(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(found, wanted, strict=True))


def as_gguf(folder: Path, target: Path) -> Path:
    whole = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
    gguf_file.write(whole, expansion.WEIGHTS / "tokenizer.json", target)
    return target


def on_llama(file: Path) -> GgufBackbone:
    return GgufBackbone(model_gguf.load(file, gpu=False), 1, 2048)


def test_transformers_rotates_them_so(scaled: Path, plain: Path) -> None:
    loaded = model_hf.load(scaled, device="cpu")
    assert loaded.body.config.rope_parameters["rope_type"] == "llama3" and loaded.context == 131_072
    wanted = expected(scaled)
    assert furthest(computed(HfBackbone(loaded, 1)), wanted) < HF_TOLERANCE
    assert furthest(expected(plain), wanted) > 10 * GGUF_TOLERANCE, "nobody could tell"


def test_so_does_llama(scaled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = expected(scaled)
    assert furthest(computed(on_llama(as_gguf(scaled, tmp_path / "scaled.gguf"))), wanted) < GGUF_TOLERANCE
    monkeypatch.setattr(gguf_file, "_rope_factors", lambda model: np.ones(model.config.head_dim // 2, np.float32))
    forgotten = computed(on_llama(as_gguf(scaled, tmp_path / "forgotten.gguf")))
    assert furthest(forgotten, wanted) > 10 * GGUF_TOLERANCE


def test_the_factors_are_those_that_the_published_file_has(scaled: Path) -> None:
    """One for what turns at least four times in 8,192 tokens, 32 for what never turns once, and between."""
    factors = gguf_file._rope_factors(LlamaForCausalLM.from_pretrained(scaled, local_files_only=True))
    turns = 8192 / (2 * np.pi) * 500_000.0 ** (-np.arange(8) / 8)
    assert factors[turns > 4] == pytest.approx(1.0, abs=1e-6)
    assert factors[turns < 1] == pytest.approx(32.0, rel=1e-6)
    (between,) = factors[(turns > 1) & (turns < 4)]
    assert 1 < between < 32
