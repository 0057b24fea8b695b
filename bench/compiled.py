"""Would torch.compile pay in the step of all slots, and would it keep the bits?

    python -m bench.compiled [--slots N]

Both sides run the same backbone on the same random weights and take turns, a frame each; the compiled side has made
its code before. Prints one JSON object: `ratio` is how many times as fast the compiled step is, `same_bits` whether it
computed the same scores. It needs a C++ compiler on a CPU. On a GPU it asks for CUDA graphs too.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

import numpy as np
import torch

from bench.decode_hf import Shape, random_model
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone_hf import HfBackbone
from rhapsode.engines.maya1.device import best_device
from rhapsode.engines.maya1.model_hf import HfModel, Precision, best_precision

FRAMES = 16
DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
PROMPT = (v.SOH, v.BOS, *range(20), v.EOT, v.EOH, v.SOA, v.CODE_START)


class CompiledBody:
    """A body whose steps are compiled; prompts, each of another length, are not."""

    def __init__(self, body: Any, mode: str) -> None:
        self._body = body
        self._step = torch.compile(body, dynamic=False, mode=mode)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def __call__(self, **inputs: Any) -> Any:
        return (self._step if inputs["input_ids"].shape[1] == 1 else self._body)(**inputs)


def compare(slots: int, shape: Shape) -> dict[str, Any]:
    """Times both sides in this process, on one thread."""
    torch.set_num_threads(1)
    device = best_device()
    precision = best_precision(device)
    model = random_model(shape, 1024).to(device, DTYPES[precision])
    body, head = model.get_decoder(), model.lm_head.weight.detach()
    mode = "default" if device == "cpu" else "reduce-overhead"
    bodies = {"eager": body, "compiled": CompiledBody(body, mode)}
    sides = {
        name: HfBackbone(HfModel(one, head, precision, torch.device(device), 1), slots) for name, one in bodies.items()
    }
    for backbone in sides.values():
        for slot in range(slots):
            backbone.prefill(slot, PROMPT[: len(PROMPT) - slot % 8])
    started = time.perf_counter()  # the compiler runs in processes of its own
    for backbone in sides.values():
        _frame(backbone, 0)
    compile_s = time.perf_counter() - started
    spent = dict.fromkeys(sides, 0.0)
    same = True
    for number in range(1, FRAMES):
        scores = {}
        for name, backbone in sides.items():
            seconds, scores[name] = _frame(backbone, number)
            spent[name] += seconds
        same = same and np.array_equal(scores["eager"], scores["compiled"])
    return {
        "name": f"compiled_b{slots}",
        "ratio": round(spent["eager"] / spent["compiled"], 3),
        "same_bits": bool(same),
        "compile_s": round(compile_s),
        "mode": mode,
        "precision": precision.value,
        "device": device,
    }


def _frame(backbone: HfBackbone, number: int) -> tuple[float, np.ndarray]:
    """Seconds of the processor (on a GPU: on the clock) for the seven steps of a frame, and their scores."""
    clock = time.process_time if backbone.model.device.type == "cpu" else time.perf_counter
    codes = np.random.default_rng(number).integers(0, v.CODEBOOK_SIZE, (v.FRAME_TOKENS, backbone.slots))
    start = clock()
    scores = [
        backbone.step(v.band(position).start + codes[position], (position + 1) % v.FRAME_TOKENS)
        for position in range(v.FRAME_TOKENS)
    ]
    return clock() - start, np.concatenate([one.ravel() for one in scores])


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--slots", type=int, default=8)
    print(json.dumps(compare(parser.parse_args().slots, Shape())))
