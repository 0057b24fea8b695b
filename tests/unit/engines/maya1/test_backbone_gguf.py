"""Random weights of Maya1's shape in a GGUF file, and the same ones through transformers to compare with."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
from transformers import LlamaForCausalLM

from rhapsode.engines.maya1 import model_gguf
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import unlike_slots
from rhapsode.engines.maya1.backbone_gguf import PIECE, GgufBackbone
from rhapsode.engines.maya1.model_gguf import GgufModel, load, machine_has_gpu
from rhapsode.engines.maya1.prompt import build_prompt, check_tokenizer
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged
from tests.fixtures.voice import expansion, gguf_file
from tests.unit.engines.maya1 import promises
from tests.unit.engines.maya1.test_backbone_hf import plain_forward, save

CAPACITY = 512
TOKENIZER = expansion.WEIGHTS / "tokenizer.json"
VOICE = "A calm woman in her forties with a low, warm voice and an even pace."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("hf"))


@pytest.fixture(scope="module")
def file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("gguf") / "random.gguf"
    gguf_file.write(LlamaForCausalLM.from_pretrained(folder, local_files_only=True), TOKENIZER, target)
    return target


@pytest.fixture(scope="module")
def model(file: Path) -> GgufModel:
    return load(file, gpu=False)


def opened(model: GgufModel) -> Callable[[int], GgufBackbone]:
    return lambda slots: GgufBackbone(model, slots, CAPACITY)


def test_each_slot_computes_what_transformers_computes(model: GgufModel, folder: Path) -> None:
    promises.check_scores(GgufBackbone(model, 4, CAPACITY), plain_forward(folder), tolerance=2e-3)


@pytest.mark.parametrize("slots", [1, 8])
def test_takes_know_nothing_of_neighbours_slots_or_history(model: GgufModel, slots: int) -> None:
    promises.check_independence(opened(model), slots)


def quantised(file: Path, target: Path, kind: str) -> Path:
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.nthread = 1
    assert llama_cpp.llama_model_quantize(str(file).encode(), str(target).encode(), ctypes.byref(parameters)) == 0
    return target


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "F16"])
def test_every_slot_computes_the_same_bits(file: Path, tmp_path: Path, kind: str, threads: int) -> None:
    loaded = load(quantised(file, tmp_path / "other.gguf", kind), gpu=False, threads=threads)
    assert (loaded.precision, loaded.exact) == (kind.lower(), False)
    assert [unlike_slots(GgufBackbone(loaded, slots, 256)) for slots in (2, 4, 8)] == [[], [], []]


def test_takes_know_nothing_of_neighbours_in_the_file_that_is_fetched(file: Path, tmp_path: Path) -> None:
    """`rhapsode models fetch` brings Q8_0."""
    loaded = load(quantised(file, tmp_path / "q8.gguf", "Q8_0"), gpu=False)
    promises.check_independence(opened(loaded), 8)


@pytest.mark.slow
def test_every_slot_computes_the_same_bits_in_k_quants(tmp_path: Path) -> None:
    """Their kernels take rows in fours, and need blocks of 256 weights: a wider model than the others."""
    wide = LlamaForCausalLM.from_pretrained(save(tmp_path / "wide", width=256), local_files_only=True)
    gguf_file.write(wide, TOKENIZER, tmp_path / "wide.gguf")
    loaded = load(quantised(tmp_path / "wide.gguf", tmp_path / "q4.gguf", "Q4_K_M"), gpu=False, threads=2)
    assert loaded.precision == "q4_k_m"
    assert [unlike_slots(GgufBackbone(loaded, slots, 256)) for slots in (2, 4, 8, 16)] == [[], [], [], []]


def test_a_file_that_does_not_name_its_type_has_that_of_its_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_file.GGUFWriter, "add_file_type", lambda *_: None)
    whole = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
    gguf_file.write(whole, TOKENIZER, tmp_path / "nameless.gguf")
    loaded = load(tmp_path / "nameless.gguf", gpu=False)
    assert (loaded.precision, loaded.exact) == ("f32", True)


def test_slots_that_would_not_all_compute_alike_are_refused(model: GgufModel) -> None:
    with pytest.raises(BadRequest, match="6 slots would not all compute alike"):
        GgufBackbone(model, 6, CAPACITY)


def test_one_token_of_the_take_before_is_convicted(model: GgufModel) -> None:
    class Leaky(GgufBackbone):
        bled: Sequence[int] = ()

        def prefill(self, slot: int, prompt: Sequence[int]) -> Any:
            bled, self.bled = self.bled, prompt[2:3]
            return super().prefill(slot, [*bled, *prompt])

    with pytest.raises(AssertionError):
        promises.check_independence(lambda slots: Leaky(model, slots, CAPACITY), 2)


def test_a_prompt_longer_than_one_batch_is_fed_in_pieces(model: GgufModel, folder: Path) -> None:
    prompt = np.random.default_rng(0).integers(0, 500, 2 * PIECE + 30).tolist()
    scores = GgufBackbone(model, 1, 2 * CAPACITY + 512).prefill(0, prompt)
    np.testing.assert_allclose(scores, plain_forward(folder)(prompt)[v.legal_ids(0)], atol=2e-3)


def test_out_of_memory_halves_the_slots(model: GgufModel, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = GgufBackbone(model, 4, CAPACITY)
    decode, calls = llama_cpp.llama_decode, 0

    def tight(context: Any, batch: Any) -> int:
        nonlocal calls
        calls += 1
        return -2 if backbone.slots == 4 and calls > 50 else decode(context, batch)

    monkeypatch.setattr(llama_cpp, "llama_decode", tight)
    decoder, decoded = promises.all_decoded(backbone, promises.lines(9))
    monkeypatch.undo()
    assert decoder.back_offs == [(4, 2)]
    assert {d.slots for d in decoded} == {4, 2}
    for d in decoded:
        assert promises.spoken(opened(model)(d.slots), [d.line])[d.line.number] == (d.token_ids, d.legal_mass)


def test_slots_that_do_not_fit_are_a_lack_of_memory(model: GgufModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llama_cpp.llama_init_from_model", lambda *_: None)
    with pytest.raises(MemoryError, match="no room for 4 slots"):
        GgufBackbone(model, 4, CAPACITY)


def test_closing_frees_the_cache_of_the_slots(model: GgufModel) -> None:
    cache = 8 * 2048 * 2 * 2 * 32 * 4  # slots, tokens, layers, keys and values, numbers, bytes
    before = private_bytes()
    for _ in range(5):
        backbone = GgufBackbone(model, 8, 2048)
        assert private_bytes() - before > cache
        backbone.close()
        assert private_bytes() - before < 1 << 20


def private_bytes() -> int:
    """What this process holds for itself, without mapped files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # else what is free again, and kept for later, counts too
    held = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert held
    return int(held[1]) * 1024


def test_tags_stay_whole_and_nothing_is_added(model: GgufModel) -> None:
    check_tokenizer(model.tokenize)
    text = "It rained <laugh> again, “naïvely”."
    prompt = build_prompt(text, VOICE, model.tokenize)
    assert prompt.count(v.BOS) == 1
    from tokenizers import Tokenizer

    theirs = Tokenizer.from_file(str(TOKENIZER)).encode(text, add_special_tokens=False).ids
    assert model.tokenize(text) == theirs
    with pytest.raises(BadRequest, match="control tokens"):
        build_prompt("He wrote <custom_token_77> there.", VOICE, model.tokenize)


def test_a_build_without_gpu_on_a_machine_with_one_does_not_pass_unnoticed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_gguf, "machine_has_gpu", lambda: True)
    monkeypatch.setattr("llama_cpp.llama_supports_gpu_offload", lambda: False)
    with pytest.raises(EngineUnavailable, match="built for the CPU alone"):
        load(file)
    assert not load(file, gpu=False).on_gpu


def test_a_gpu_is_found_by_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_gguf.shutil, "which", lambda _: None)
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    assert machine_has_gpu()
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert not machine_has_gpu()


def test_no_file_and_no_gguf_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no GGUF weights"):
        load(tmp_path / "none.gguf", gpu=False)
    (tmp_path / "torn.gguf").write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(WeightsDamaged, match="cannot load"):
        load(tmp_path / "torn.gguf", gpu=False)


@pytest.mark.parametrize(("asked", "answer"), [("llama_vocab_n_tokens", 128_256), ("llama_vocab_type", 0)])
def test_another_models_vocabulary_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, asked: str, answer: int
) -> None:
    monkeypatch.setattr(f"llama_cpp.{asked}", lambda _: answer)
    with pytest.raises(WeightsDamaged, match="no tokenizer"):
        load(file, gpu=False)
