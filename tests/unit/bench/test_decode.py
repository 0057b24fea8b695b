"""The benchmark of the decoder, with a body so small that it takes seconds: every side says the same lengths."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the maya1 extra is not installed")

from bench import decode
from bench.decode_hf import Hf, Shape
from rhapsode.engines.maya1 import vocabulary as v

TINY = Shape(width=32, feed_forward=64, layers=1, heads=2, key_value_heads=1)
TEXTS = ["A line.", "A longer line, which takes a little more time to say than the others do.", "Another line here."]

KINDS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(
            kind == "gguf" and not (find_spec("llama_cpp") and find_spec("gguf")), reason="the gguf extra is absent"
        ),
    )
    for kind in ("hf", "gguf")
]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "SHAPE", TINY)
    monkeypatch.setattr(decode, "CONTEXT", 512)
    monkeypatch.setattr(decode, "CORES", 1)
    monkeypatch.setattr(decode, "CHUNKS_A_SLOT", 1.5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_figure_is_a_line_of_json(kind: str, story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name in decode.GOALS if name.startswith(f"{kind}_b8")]
    decode.main([str(story), "--only", *names, "--shorten", "60", "--json"])
    figures = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [figure["name"] for figure in figures] == names
    for figure in figures:
        assert figure["ratio"] == pytest.approx(figure["tokens_per_s"] / figure["other_tokens_per_s"])
        assert figure["ratio"] > 0 and figure["cpu_ratio"] > 0
        assert figure["goal"] == decode.GOALS[figure["name"]]
        assert (figure["slots"], figure["threads"], figure["chunks"]) == (8, 1, 12)
        assert 0.3 < figure["occupancy"] <= 1
        assert figure["machine"] and figure["shortened"] == 60
        assert 0 < figure["other_tokens"] <= figure["tokens"]
        assert figure["other_chunks"] == (4 if kind == "hf" else 12)


@pytest.mark.parametrize("kind", KINDS)
def test_all_sides_say_as_many_tokens_a_line(kind: str, tmp_path: Path) -> None:
    lines = decode.lines_of(TEXTS, shorten=20)
    ours, usual, bare, occupancy = decode.take_turns(decode.open_backend(kind, tmp_path), 2, lines)
    assert ours.said == {line.number: line.max_frames * v.FRAME_TOKENS for line in lines}
    assert usual.said == ours.said
    assert all(side.cost.wall_s > 0 for side in (ours, usual))
    assert (bare.cost.wall_s > 0) is (kind == "gguf")
    assert 0.5 < occupancy <= 1


def test_a_side_that_says_less_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = Hf.usual
    monkeypatch.setattr(Hf, "usual", lambda self, line: usual(self, line) - 1)
    with pytest.raises(AssertionError, match="usual loop"):
        decode.take_turns(decode.open_backend("hf", tmp_path), 2, decode.lines_of(TEXTS[:1], shorten=20))


def test_lengths_are_those_of_the_texts() -> None:
    whole, short = (decode.lines_of(["x" * 140, "x" * 280, "x"], shorten) for shorten in (1, 4))
    assert [line.max_frames for line in whole] == [117, 234, 4]  # 10 s, 20 s and the least
    assert [line.max_frames for line in short] == [29, 59, 4]
    assert len(whole[0].prompt) > len(short[0].prompt)
    assert whole[0].prompt[:20] == whole[1].prompt[:20], "one voice says all"
    assert replace(whole[0], number=2) != replace(whole[1], number=2)


def test_the_sample_is_of_every_length() -> None:
    lines = decode.lines_of(["x" * 14 * seconds for seconds in range(1, 41)], shorten=1)
    sample: list[Any] = decode._of_every_length(lines, 4)
    assert sorted(line.number for line in sample) == [6, 16, 26, 36]


def test_the_table_says_what_was_missed() -> None:
    figure = decode.Figure("hf_b8", 9.0, 9.5, 10.0, 90.0, "other", 10.0, 80, 800, 4, 40, 0.97, 8, 2, 5, "", 0.1)
    assert "missed" in decode.table_row(figure)
    assert "reached" in decode.table_row(replace(figure, ratio=10.0))
