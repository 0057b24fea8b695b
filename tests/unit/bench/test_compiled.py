"""Whether torch.compile pays can be asked; what it answers is the machine's."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("torch", reason="the maya1 extra is not installed")

from bench.compiled import compare
from bench.decode_hf import Shape


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_a_compiled_step_is_compared_with_the_plain_one() -> None:
    found = compare(2, Shape(width=32, feed_forward=64, layers=1, heads=2, key_value_heads=1))
    assert found["name"] == "compiled_b2" and found["device"] in ("cpu", "cuda")
    assert 0.01 < found["ratio"] < 100 and found["compile_s"] >= 1
