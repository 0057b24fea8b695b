"""From weights on this machine to an engine, on either backend. What is heavy is imported here, when it is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rhapsode.engines.machine import CORES, MachineSettings, host, machine_settings, versions
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.voices import load_voices
from rhapsode.engines.maya1.weights import Models
from rhapsode.errors import EngineUnavailable
from rhapsode.model import Stack
from rhapsode.recipe import digest

SLOT_TOKENS = 6144
"""What a slot is planned for: 400 characters, the longest chunk by default, may take 4,935 tokens, a prompt 200."""
GGUF_SLOTS = 8


def load_maya1_hf() -> Maya1Engine:
    """Loads Maya1 on transformers.

    Raises:
        BadRequest: The machine's settings mean nothing.
        EngineUnavailable: A package or a model is not on this machine.
        WeightsDamaged: A file is not what it was, or not Maya1's.
    """
    settings = machine_settings()
    models = Models(settings.models)
    weights, codec_weights = models.find("maya1"), models.find("snac")
    quantised = ("bitsandbytes",) if settings.precision in ("nf4", "int8") else ()
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415

        from rhapsode.engines.maya1 import backbone_hf, codec, device, model_hf  # noqa: PLC0415

        libraries = versions("torch", "transformers", "tokenizers", "snac", "numpy", *quantised)
    except ImportError as error:
        raise _not_installed("maya1-hf", "maya1", error) from error
    place = _place(settings, device.best_device())
    threads = _threads(settings, place)
    precision = model_hf.Precision(settings.precision) if settings.precision else None
    model = model_hf.load(weights.folder, device=place, precision=precision, threads=threads)
    tokenizer = Tokenizer.from_file(str(weights.path("tokenizer.json")))
    return Maya1Engine(
        stack=Stack(
            engine="maya1-hf",
            weights_digest=digest([weights.digest, codec_weights.digest]),
            precision=model.precision.value,
            slots=settings.slots or model_hf.fitting_slots(model, SLOT_TOKENS),
            threads=threads,
            libraries=libraries,
            host=_host(device.device_name(place)),
        ),
        voices=load_voices(settings.voices),
        codec=codec.Codec.load(codec_weights.folder, device=place, threads=threads),
        tokenize=_tokenize(tokenizer),
        open_backbone=partial(backbone_hf.HfBackbone, model),
        proven=place == "cpu",
    )


def load_maya1_gguf() -> Maya1Engine:
    """Loads Maya1 on llama.cpp; the codec still needs torch.

    Raises:
        BadRequest, EngineUnavailable, WeightsDamaged: As `load_maya1_hf`.
    """
    settings = machine_settings()
    models = Models(settings.models)
    weights, codec_weights = models.find("maya1-gguf"), models.find("snac")
    try:
        from rhapsode.engines.maya1 import backbone_gguf, codec, device, model_gguf  # noqa: PLC0415

        libraries = versions("llama-cpp-python", "torch", "snac", "numpy")
    except ImportError as error:
        raise _not_installed("maya1-gguf", "gguf", error) from error
    gpu = {"cpu": False, "gpu": True, "": model_gguf.machine_has_gpu()}[settings.device]
    threads = _threads(settings, "cuda" if gpu else "cpu")
    model = model_gguf.load(weights.path(".gguf"), gpu=gpu, threads=threads)
    place = device.best_device() if gpu else "cpu"  # torch may be built for the CPU where llama.cpp is not
    capacity = min(SLOT_TOKENS, model.context)
    return Maya1Engine(
        stack=Stack(
            engine="maya1-gguf",
            weights_digest=digest([weights.digest, codec_weights.digest]),
            precision=model.precision,
            slots=settings.slots or GGUF_SLOTS,
            threads=threads,
            libraries=libraries,
            host=_host("GPU" if gpu else ""),
        ),
        voices=load_voices(settings.voices),
        codec=codec.Codec.load(codec_weights.folder, device=place, threads=threads),
        tokenize=model.tokenize,
        open_backbone=lambda slots: backbone_gguf.GgufBackbone(model, slots, capacity),
        proven=not gpu,
    )


def _place(settings: MachineSettings, best: str) -> str:
    if settings.device == "gpu" and best == "cpu":
        raise EngineUnavailable(
            "RHAPSODE_DEVICE asks for the GPU, but torch sees none.",
            "Install a torch that is built for it (`rhapsode doctor` tells), or unset RHAPSODE_DEVICE.",
        )
    return {"cpu": "cpu", "gpu": "cuda", "": best}[settings.device]


def _threads(settings: MachineSettings, place: str) -> int:
    return settings.threads or (CORES if place == "cpu" else 1)


def _host(device: str) -> str:
    return ", ".join(filter(None, (host(), device)))


def _tokenize(tokenizer: Any) -> Callable[[str], list[int]]:
    def tokenize(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return tokenize


def _not_installed(engine: str, extra: str, error: ImportError) -> EngineUnavailable:
    return EngineUnavailable(f"The engine {engine} cannot be loaded: {error}.", f"pip install 'rhapsode[{extra}]'")
