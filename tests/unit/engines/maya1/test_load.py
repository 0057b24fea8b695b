"""From weights on this machine to an engine: where it runs, in which precision, on how many slots; what it records."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")
pytest.importorskip("gguf", reason="no writer for GGUF files")

from rhapsode.engines import machine  # noqa: E402
from rhapsode.engines.maya1.engine import Maya1Engine  # noqa: E402
from rhapsode.engines.maya1.load import load_maya1_gguf, load_maya1_hf  # noqa: E402
from rhapsode.engines.maya1.weights import Models  # noqa: E402
from rhapsode.errors import BadRequest, EngineUnavailable  # noqa: E402
from tests.contract.promises import speak, utterances  # noqa: E402
from tests.fixtures import models  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.voice_models(tmp_path_factory.mktemp("models")).folder


@pytest.fixture(autouse=True)
def on_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PRECISION", "DEVICE", "SLOTS", "VOICES"):
        monkeypatch.delenv(f"RHAPSODE_{name}", raising=False)
    monkeypatch.setenv("RHAPSODE_MODELS", str(folder))
    monkeypatch.setenv("RHAPSODE_THREADS", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def speaks(engine: Maya1Engine) -> bool:
    return len(speak(engine, utterances(engine, ["No."]))) == 1


def test_on_a_cpu_it_is_fp32_on_eight_slots_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise AssertionError("it asked the network")

    monkeypatch.setattr(socket.socket, "connect", offline)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    engine = load_maya1_hf()
    assert (engine.stack.precision, engine.stack.slots, engine.stack.threads) == ("fp32", 8, 1)
    assert {"torch", "transformers", "tokenizers", "snac"} <= set(engine.stack.libraries)
    assert engine.voices[0].description and speaks(engine)


@pytest.mark.parametrize(("precision", "slots"), [("nf4", 8), ("int8", 1)])
def test_what_quantises_is_part_of_the_stack_and_int8_has_one_slot(
    monkeypatch: pytest.MonkeyPatch, precision: str, slots: int
) -> None:
    monkeypatch.setenv("RHAPSODE_PRECISION", precision)
    engine = load_maya1_hf()
    assert (engine.stack.precision, engine.stack.slots) == (precision, slots)
    assert "bitsandbytes" in engine.stack.libraries and speaks(engine)


def test_int8_beside_others_says_that_they_would_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_PRECISION", "int8")
    monkeypatch.setenv("RHAPSODE_SLOTS", "2")
    with pytest.raises(BadRequest, match="takes would change with their neighbours"):
        speaks(load_maya1_hf())


def test_a_quantiser_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_PRECISION", "nf4")
    real = machine.metadata.version

    def version(name: str) -> str:
        if name == "bitsandbytes":
            raise machine.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(machine.metadata, "version", version)
    with pytest.raises(EngineUnavailable, match="bitsandbytes") as refusal:
        load_maya1_hf()
    assert "rhapsode[maya1]" in refusal.value.remedy


def test_a_gpu_that_torch_does_not_see_is_not_replaced_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DEVICE", "gpu")
    with pytest.raises(EngineUnavailable, match="torch sees none"):
        load_maya1_hf()


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the gguf extra is not installed")
def test_llama_speaks_from_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DEVICE", "cpu")
    engine = load_maya1_gguf()
    assert (engine.stack.precision, engine.stack.slots) == ("f32", 8)
    assert engine.stack.weights_digest != load_maya1_hf().stack.weights_digest
    assert speaks(engine)


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the gguf extra is not installed")
def test_the_precision_of_a_gguf_file_is_that_of_its_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.unit.engines.maya1.test_backbone_gguf import quantised

    found = Models(folder)
    mine = Models(tmp_path / "models")
    mine.add("snac", found.find("snac").folder)
    mine.add("maya1-gguf", quantised(found.find("maya1-gguf").path(".gguf"), tmp_path / "half.gguf", "F16"))
    monkeypatch.setenv("RHAPSODE_DEVICE", "cpu")
    monkeypatch.setenv("RHAPSODE_MODELS", str(mine.folder))
    assert load_maya1_gguf().stack.precision == "f16"


@pytest.mark.skipif(find_spec("llama_cpp") is None, reason="the gguf extra is not installed")
def test_a_llama_built_for_the_cpu_alone_stops_on_a_machine_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.engines.maya1 import model_gguf

    monkeypatch.setattr(model_gguf, "machine_has_gpu", lambda: True)
    monkeypatch.setattr("llama_cpp.llama_supports_gpu_offload", lambda: False)
    with pytest.raises(EngineUnavailable, match="built for the CPU alone"):
        load_maya1_gguf()
