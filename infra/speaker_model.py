"""Makes rhapsode/quality/resemblyzer/speaker.onnx from the wheel of Resemblyzer. Needs torch and onnx; run by hand.

    pip download --no-deps resemblyzer==0.1.4
    python infra/speaker_model.py Resemblyzer-0.1.4-py3-none-any.whl

The same wheel gives the same bytes (onnx 1.23.2). Nothing of the wheel is installed: it would ask for librosa and a
compiler, and of its 17 MB most is the state of an optimiser.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

PRETRAINED_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
TARGET = Path(__file__).parents[1] / "rhapsode" / "quality" / "resemblyzer" / "speaker.onnx"
LAYERS, HIDDEN, BANDS = 3, 256, 40


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        pretrained = wheel.read("resemblyzer/pretrained.pt")
    if hashlib.sha256(pretrained).hexdigest() != PRETRAINED_SHA256:
        raise SystemExit("these are not the weights of Resemblyzer 0.1.4")
    state = torch.load(io.BytesIO(pretrained), map_location="cpu", weights_only=True)["model_state"]
    model = encoder({name: tensor.numpy() for name, tensor in state.items()})
    onnx.checker.check_model(model)
    TARGET.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{TARGET}: sha256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


def encoder(state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """mel (windows, frames, 40) -> embedding (windows, 256), unit vectors, from the last state of the last LSTM."""
    nodes = [helper.make_node("Transpose", ["mel"], ["x0"], perm=[1, 0, 2])]
    stored = [numpy_helper.from_array(np.array([axis]), name) for axis, name in enumerate(("zero", "one"))]

    def weight(name: str, value: np.ndarray) -> str:
        """Stored in half precision and computed with in single."""
        stored.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        return name

    for n in range(LAYERS):
        w, r = (gates(state[f"lstm.weight_{kind}_l{n}"])[None] for kind in ("ih", "hh"))
        b = np.concatenate([gates(state[f"lstm.bias_{kind}_l{n}"]) for kind in ("ih", "hh")])[None]
        inputs = [f"x{n}", weight(f"w{n}", w), weight(f"r{n}", r), weight(f"b{n}", b)]
        nodes.append(helper.make_node("LSTM", inputs, [f"y{n}", f"h{n}"], hidden_size=HIDDEN))
        if n < LAYERS - 1:
            nodes.append(helper.make_node("Squeeze", [f"y{n}", "one"], [f"x{n + 1}"]))
    nodes.append(helper.make_node("Squeeze", [f"h{LAYERS - 1}", "zero"], ["h"]))
    linear = ["h", weight("w", state["linear.weight"]), weight("b", state["linear.bias"])]
    nodes.append(helper.make_node("Gemm", linear, ["e"], transB=1))
    nodes.append(helper.make_node("Relu", ["e"], ["r"]))
    nodes.append(helper.make_node("LpNormalization", ["r"], ["embedding"], axis=1, p=2))
    graph = helper.make_graph(
        nodes,
        "resemblyzer",
        [helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["windows", "frames", BANDS])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["windows", HIDDEN])],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def gates(stacked: np.ndarray) -> np.ndarray:
    """torch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    i, f, g, o = np.split(stacked, 4)
    return np.concatenate((i, o, f, g))


if __name__ == "__main__":
    main()
