from __future__ import annotations

import pytest

from bench.gate import lines, run


def test_every_part_of_the_gate_is_timed() -> None:
    report = run(hours=0.01, chapters=3, listens=False)
    assert report.duration_s == pytest.approx(36)
    assert (report.chapters, report.listened) == (3, 0)
    assert min(part.wall_s for part in (report.read_back, report.decode_marks, report.compare)) > 0
    assert report.gate.cpu_s == pytest.approx(
        sum(part.cpu_s for part in (report.levels, report.decode_marks, report.compare))
    )
    assert any("the gate" in line for line in lines(report))
