"""The benchmark of the recogniser, on two takes: so that it does not rot."""

from __future__ import annotations

from pathlib import Path

from bench.hearing import compare, lines, spoken
from rhapsode.quality.recogniser import load_recogniser


def test_every_variant_hears_every_take(story: Path) -> None:
    takes = list(spoken([story], 2))
    ear = load_recogniser()
    assert len(takes) == 2
    tried = compare(ear, takes)
    assert all(len(one.heard) == 2 and one.cpu_s > 0 for one in tried)
    said = list(lines(tried, takes))
    assert "2 takes" in said[0]
    assert [line.startswith(one.name) for line, one in zip(said[3:], tried, strict=True)] == [True] * len(tried)
    assert takes[0].audio is not None
    assert len({ear.hear(takes[0].audio), ear.hear(takes[0].audio)}) == 1, "nothing is left patched"
    costs = {one.name: one.cpu_s for one in tried}
    assert costs["window of 30 s"] > costs["as it is"], "the variants differ"
