"""The weights of Maya1 as transformers loads them: from a local folder, in the precision that the device can keep."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import BitsAndBytesConfig, LlamaForCausalLM
from transformers.utils import logging as transformers_logging

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.errors import EngineUnavailable, WeightsDamaged

MOST_SLOTS = 32
WORKING_BYTES = 2 << 30  # of the GPU, for everything but weights and caches


class Precision(StrEnum):
    """How the weights lie in memory. What is computed in is `FP32` on a CPU and a 16-bit type on a GPU."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    NF4 = "nf4"
    INT8 = "int8"


@dataclass(frozen=True)
class HfModel:
    """A loaded model. Nothing in it changes after `load`."""

    body: Any  # LlamaModel
    head: Any  # (vocabulary, width)
    precision: Precision
    device: Any  # torch.device
    threads: int

    @property
    def context(self) -> int:
        return int(self.body.config.max_position_embeddings)


def best_precision(device: str) -> Precision:
    """bf16 where the device computes in it (compute capability 8.0 and up), fp16 on older GPUs, fp32 on a CPU."""
    if torch.device(device).type != "cuda":
        return Precision.FP32
    return Precision.BF16 if torch.cuda.get_device_capability(device) >= (8, 0) else Precision.FP16


def load(folder: Path, *, device: str, precision: Precision | None = None, threads: int = 1) -> HfModel:
    """Loads safetensors weights from a local folder in Hugging Face layout; no code in it is run.

    Args:
        folder: `config.json` and `*.safetensors`; the head may be tied to the embeddings or not.
        device: As torch names it: `cpu`, `cuda`, `cuda:1`.
        precision: `best_precision` of the device where None.
        threads: Of the CPU; fixed, because another number rounds differently.

    Raises:
        EngineUnavailable: There are no weights in the folder, or no room for them on the device.
        WeightsDamaged: They are not those of a Llama with Maya1's vocabulary, or not all of them.
    """
    precision = precision or best_precision(device)
    torch.set_num_threads(threads)
    # Without a configuration transformers would make one up, of billions of random weights.
    if not ((folder / "config.json").is_file() and any(folder.glob("*.safetensors"))):
        raise EngineUnavailable(f"There are no safetensors weights in {folder}.", "Fetch them: `rhapsode models`.")
    model = _whole(folder, device, precision)
    head = model.get_output_embeddings().weight
    if head.shape[0] <= v.LAST_CODE or not head.dtype.is_floating_point:
        raise WeightsDamaged(
            f"The head in {folder} is {tuple(head.shape)} of {head.dtype}; code {v.LAST_CODE} has no row of numbers.",
            "Use the Maya1 weights.",
        )
    return HfModel(model.get_decoder(), head.detach(), precision, torch.device(device), threads)


def fitting_slots(model: HfModel, tokens: int) -> int:
    """How many slots of so many tokens the model is best given: a power of two up to `MOST_SLOTS`.

    A function of the device and not of what is free on it, since the number is part of the stack. On a CPU a step of 8
    costs little more than a step of 1, and one of 32 four times as much.
    """
    if model.precision is Precision.INT8:
        return 1
    if model.device.type != "cuda":
        return 8
    config = model.body.config
    heads = config.num_key_value_heads * (config.head_dim or config.hidden_size // config.num_attention_heads)
    per_slot = 2 * config.num_hidden_layers * heads * model.head.element_size() * tokens
    weights = model.body.get_memory_footprint()
    room = torch.cuda.get_device_properties(model.device).total_memory - weights - WORKING_BYTES
    return int(min(MOST_SLOTS, 2 ** max(0, (max(1, room // per_slot)).bit_length() - 1)))


def _whole(folder: Path, device: str, precision: Precision) -> Any:
    """The model, with every number of it from the files.

    transformers draws what is missing at random and goes on: a head that is stored tied and declared untied would be
    noise, and another noise at each start. So what it reports is an error here.
    """
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    computed_in = _computed_in(device, precision)
    try:
        model, report = LlamaForCausalLM.from_pretrained(
            folder,
            dtype=computed_in,
            quantization_config=_quantization(precision, computed_in),
            device_map={"": device},
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except torch.OutOfMemoryError as error:
        raise EngineUnavailable(
            f"The weights in {folder} do not fit on {device} in {precision}.",
            "Set RHAPSODE_PRECISION=nf4, close other programs, or set RHAPSODE_DEVICE=cpu.",
        ) from error
    except (SafetensorError, OSError) as error:
        raise WeightsDamaged(f"The weights in {folder} cannot be read: {error}.", "Fetch them again.") from error
    kinds = {"missing": "missing_keys", "of another shape": "mismatched_keys", "left over": "unexpected_keys"}
    for what, kind in kinds.items():
        names = sorted(key if isinstance(key, str) else key[0] for key in report[kind])
        if names:
            raise WeightsDamaged(
                f"The weights in {folder} do not fit its config.json: {len(names)} {what}, such as {names[0]}.",
                "Take weights and config.json from one model, or fetch both again.",
            )
    return model.eval()


def _computed_in(device: str, precision: Precision) -> Any:
    named = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
    # bitsandbytes casts whatever comes into its int8 product to fp16.
    named[Precision.INT8] = torch.float16
    return named.get(precision) or named[best_precision(device)]


def _quantization(precision: Precision, computed_in: Any) -> Any:
    if precision is Precision.NF4:
        return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=computed_in)
    return BitsAndBytesConfig(load_in_8bit=True) if precision is Precision.INT8 else None
