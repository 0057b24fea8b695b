"""The head as weights may bring it: another size of vocabulary, tied to the embedding or apart, or not there at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import LlamaForCausalLM  # noqa: E402

from rhapsode.engines.maya1 import model_hf  # noqa: E402
from rhapsode.engines.maya1.backbone import Backbone  # noqa: E402
from rhapsode.engines.maya1.backbone_hf import HfBackbone  # noqa: E402
from rhapsode.errors import WeightsDamaged  # noqa: E402
from tests.fixtures.voice import expansion  # noqa: E402
from tests.unit.engines.maya1 import promises  # noqa: E402
from tests.unit.engines.maya1.test_backbone_hf import plain_forward, save  # noqa: E402

TIED, UNTIED = True, False
HEADS = [(156_940, UNTIED), (156_960, TIED), (156_960, UNTIED)]
"""(ids, tied): the vocabulary of the fixture voice, and one with ids for all twenty emotion tags behind the codes."""

Change = Callable[[dict[str, Any], dict[str, Any]], object]
"""Of the tensors and of the config."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=HEADS, ids=lambda head: f"{head[0]}-{'tied' if head[1] else 'untied'}")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    vocabulary, tied = request.param
    where = save(tmp_path_factory.mktemp("weights"), vocabulary=vocabulary, tied=tied)
    assert ("lm_head.weight" in load_file(where / "model.safetensors")) != tied
    return where


def check(backbone: Backbone, folder: Path, tolerance: float) -> None:
    """Legal ids are scored as by the whole model, and the mass is taken over all ids, those behind the codes too."""
    promises.check_scores(backbone, plain_forward(folder), tolerance)
    backbone.close()


def test_transformers_takes_the_head_as_it_is(folder: Path) -> None:
    loaded = model_hf.load(folder, device="cpu")
    assert loaded.head.shape[0] == json.loads((folder / "config.json").read_text())["vocab_size"]
    check(HfBackbone(loaded, 2), folder, 2e-4)


def test_llama_cpp_takes_the_head_as_it_is(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp", reason="the gguf extra is not installed")
    pytest.importorskip("gguf", reason="no writer for GGUF files")
    from rhapsode.engines.maya1 import model_gguf
    from rhapsode.engines.maya1.backbone_gguf import GgufBackbone
    from tests.fixtures.voice import gguf_file

    whole = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
    gguf_file.write(whole, expansion.WEIGHTS / "tokenizer.json", tmp_path / "head.gguf")
    loaded = model_gguf.load(tmp_path / "head.gguf", gpu=False)
    assert loaded.width == whole.config.vocab_size
    check(GgufBackbone(loaded, 2, 256), folder, 2e-3)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("apart"), tied=UNTIED)


def changed(folder: Path, target: Path, change: Change) -> Path:
    shutil.copytree(folder, target)
    tensors, config = load_file(target / "model.safetensors"), json.loads((target / "config.json").read_text())
    change(tensors, config)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(config))
    return target


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda tensors, _: tensors.pop("lm_head.weight"), r"1 missing, such as lm_head\.weight"),
        (lambda tensors, _: tensors.pop("model.layers.1.mlp.up_proj.weight"), r"1 missing, such as model\.layers\.1"),
        (lambda _, config: config.update(vocab_size=156_960), r"2 of another shape, such as lm_head\.weight"),
        (lambda _, config: config.update(num_hidden_layers=1), r"9 left over, such as model\.layers\.1"),
    ],
    ids=["no head", "a hole in a layer", "another vocabulary", "half of the layers"],
)
def test_weights_that_transformers_would_fill_up_with_random_numbers_are_refused(
    apart: Path, tmp_path: Path, change: Change, why: str
) -> None:
    with pytest.raises(WeightsDamaged, match=why):
        model_hf.load(changed(apart, tmp_path / "changed", change), device="cpu")


def test_a_head_of_its_own_is_used_where_the_config_says_tied(apart: Path, tmp_path: Path) -> None:
    mislabelled = changed(apart, tmp_path / "changed", lambda _, config: config.update(tie_word_embeddings=True))
    head = load_file(apart / "model.safetensors")["lm_head.weight"]
    assert np.array_equal(model_hf.load(mislabelled, device="cpu").head, head)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_torn_files_are_damage(apart: Path, tmp_path: Path, name: str) -> None:
    torn = shutil.copytree(apart, tmp_path / "torn") / name
    torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(WeightsDamaged, match="cannot be read"):
        model_hf.load(torn.parent, device="cpu")
