"""The weights of Maya1 as llama.cpp loads them: one GGUF file, with its tokenizer in it."""

from __future__ import annotations

import ctypes
import shutil
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as c

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.errors import BadRequest, EngineUnavailable, WeightsDamaged

ALL_LAYERS = 1_000
NO_VOCABULARY = 0  # LLAMA_VOCAB_TYPE_NONE
GUESSED = 1 << 10  # LLAMA_FTYPE_GUESSED: the file does not say its type, its tensors do


@dataclass(frozen=True, eq=False, weakref_slot=True, slots=True)
class GgufModel:
    """A loaded model. Nothing in it changes after `load`; its memory goes with the last reference."""

    handle: Any  # llama_model_p
    vocabulary: Any  # llama_vocab_p
    context: int  # tokens that the model was trained for
    width: int  # ids in the vocabulary
    precision: str  # of most weights: f32, f16, bf16, q8_0, q4_k_m, ...
    on_gpu: bool
    threads: int

    @property
    def exact(self) -> bool:
        """Float32 weights: then the cache is float32 too."""
        return self.precision == "f32"

    def tokenize(self, text: str) -> list[int]:
        """Text -> ids: emotion tags stay whole, and no BOS is added."""
        data = text.encode()
        room = (c.llama_token * (len(data) + 8))()
        count = c.llama_tokenize(self.vocabulary, data, len(data), room, len(room), False, True)
        if count < 0:
            raise BadRequest(f"llama.cpp cannot tokenise {text[:60]!r}.", "Respell it.")
        return list(room[:count])


def machine_has_gpu() -> bool:
    """Whether a GPU that llama.cpp could use is installed, as far as can be told without any library for it."""
    devices = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")
    return any(Path(device).exists() for device in devices) or shutil.which("nvidia-smi") is not None


def load(file: Path, *, gpu: bool | None = None, threads: int = 1) -> GgufModel:
    """Loads a GGUF file.

    Args:
        file: The weights, in any quantisation that llama.cpp knows.
        gpu: Whether the layers go to the GPU; where None, if the machine has one.
        threads: Of the CPU; fixed, because another number may round differently.

    Raises:
        EngineUnavailable: There is no such file, or a GPU is to be used and llama.cpp was built without: it would run
            many times too slow, and not say so.
        WeightsDamaged: llama.cpp cannot read it, or it has not Maya1's vocabulary.
    """
    gpu = machine_has_gpu() if gpu is None else gpu
    if gpu and not c.llama_supports_gpu_offload():
        raise EngineUnavailable(
            "This machine has a GPU, but llama-cpp-python was built for the CPU alone.",
            "Build it anew (CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir --no-deps "
            "llama-cpp-python), or ask for the CPU on purpose (RHAPSODE_DEVICE=cpu).",
        )
    if not file.is_file():
        raise EngineUnavailable(f"There are no GGUF weights at {file}.", "Fetch them: `rhapsode models`.")
    c.llama_log_set(_quiet, ctypes.c_void_p(0))
    c.llama_backend_init()
    parameters = c.llama_model_default_params()
    parameters.n_gpu_layers = ALL_LAYERS if gpu else 0
    handle = c.llama_model_load_from_file(str(file).encode(), parameters)
    if not handle:
        raise WeightsDamaged(f"llama.cpp cannot load {file}: {_last_error()}.", "Fetch it again.")
    vocabulary = c.llama_model_get_vocab(handle)
    width = c.llama_vocab_n_tokens(vocabulary)
    precision = _precision(c.llama_model_ftype(handle))
    model = GgufModel(handle, vocabulary, c.llama_model_n_ctx_train(handle), width, precision, gpu, threads)
    weakref.finalize(model, c.llama_model_free, handle)
    if width <= v.LAST_CODE or c.llama_vocab_type(vocabulary) == NO_VOCABULARY:
        raise WeightsDamaged(
            f"{file} has {width} ids, or no tokenizer; code {v.LAST_CODE} has no place there.", "Use the Maya1 weights."
        )
    return model


def _precision(file_type: int) -> str:
    """The name that llama.cpp's constants have for a type of file, which do not change as its names for people do."""
    known: dict[int, str] = {value: name for name, value in vars(c).items() if name.startswith("LLAMA_FTYPE_")}
    name = known.get(file_type & ~GUESSED, f"type_{file_type & ~GUESSED}")
    return name.removeprefix("LLAMA_FTYPE_").removeprefix("ALL_").removeprefix("MOSTLY_").lower()


_errors: list[str] = []


@c.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(level: int, text: bytes, _: Any) -> None:
    """Keeps llama.cpp's chatter off the terminal, and its last errors for the message that needs them."""
    if level == 3:  # GGML_LOG_LEVEL_ERROR
        _errors.append(text.decode(errors="replace").strip())
        del _errors[:-5]


def _last_error() -> str:
    return _errors[-1] if _errors else "no reason given"
