"""The benchmark of the pipeline, small: so that it does not rot."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from bench.pipeline import lines, side_by_side
from bench.stopwatch import PARTS
from rhapsode.settings import EngineName


def test_the_pipeline_is_measured_against_engine_and_encoder(story: Path, tmp_path: Path) -> None:
    report = side_by_side(story, EngineName.TONE, tmp_path / "library")
    assert report.title == "The Tide Clock"
    assert report.chunks > 30
    assert 300 < report.duration_s < 1000
    for cost in (report.engine, report.encode, report.pipeline):
        assert cost.wall_s > 0
        assert cost.cpu_s > 0
    assert set(report.parts) == set(PARTS)
    never = {label for label, cost in report.parts.items() if not cost.wall_s}
    assert never == {"verify"}, "only listening is left out"
    assert 0 < report.orchestration_s < report.pipeline.wall_s
    assert sum(cost.cpu_s for cost in report.parts.values()) <= report.pipeline.cpu_s
    assert report.ratio.wall_s > 1
    json.dumps(asdict(report))
    said = "\n".join(lines(report))
    assert "pipeline / (engine + encode)" in said
    assert all(part in said for part in PARTS)
