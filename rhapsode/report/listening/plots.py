"""The two plots over the whole book: one point a chunk, a path for each kind, so that thousands of points are cheap.

A drawing is 1000 units wide and 100 high and stretched to what room there is. A point is a line without length: its
round or square cap is the dot, and keeps its shape however the drawing is stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rhapsode.report.listening.report import Group, ListeningReport, ReportChunk
from rhapsode.report.summary import clock

WIDTH, HEIGHT = 1000, 100


@dataclass(frozen=True, slots=True)
class Point:
    """Where a chunk is drawn; None where it has no such figure."""

    x: float
    pace_y: float | None
    wer_y: float | None


def point_of(chunk: ReportChunk, duration_s: float) -> Point | None:
    """None for a chunk that is not in the book."""
    if chunk.book_start_s is None or chunk.kept is None:
        return None
    x = WIDTH * chunk.book_start_s / max(duration_s, 1e-9)
    return Point(x, pace_y(chunk.kept.pace), wer_y(chunk.kept.wer))


def pace_y(pace: float | None) -> float | None:
    """From 1/4 (below) to 4 times the usual, each doubling as high as the next: slow is as conspicuous as fast."""
    if pace is None:
        return None
    return HEIGHT * (0.5 - min(2.0, max(-2.0, math.log2(max(pace, 1e-9)))) / 4)


def wer_y(wer: float | None) -> float | None:
    """0 to 100 %; by the square root, because most of it happens below 10 %."""
    return None if wer is None else HEIGHT * (1 - math.sqrt(min(1.0, max(0.0, wer))))


def plots_of(report: ListeningReport) -> str:
    """Both plots as HTML, with their scales."""
    placed = [(chunk.group, point_of(chunk, report.duration_s)) for chunk in report.chunks]
    points = [(group, point) for group, point in placed if point]
    bands = _bands(report)
    pace = [(group, point.x, point.pace_y) for group, point in points]
    wer = [(group, point.x, point.wer_y) for group, point in points]
    times = "".join(f"<li>{clock(report.duration_s * quarter / 4)}</li>" for quarter in range(5))
    return (
        _plot("pace", "Speech rate", "against the book’s usual", ("4×", "2×", "1×", "½×", "¼×"), bands, pace)
        + _plot("wer", "Word error rate", "words wrong or missing", ("100 %", "56 %", "25 %", "6 %", "0 %"), bands, wer)
        + f'<ol class="times" aria-hidden="true">{times}</ol>'
    )


def _plot(
    name: str,
    title: str,
    what: str,
    scale: tuple[str, ...],
    bands: str,
    points: Sequence[tuple[Group, float, float | None]],
) -> str:
    drawn = [(group, x, y) for group, x, y in points if y is not None]
    grid = "".join(f"M0 {HEIGHT * tick / 4:g}H{WIDTH}" for tick in range(5))
    dots = "".join(
        f'<path class="dots {css}" d="{"".join(f"M{x:.1f} {y:.1f}h0" for group, x, y in drawn if group in groups)}"/>'
        for css, groups in (
            ("pass", (Group.PASS, Group.RETAKEN)),
            ("inconclusive", (Group.INCONCLUSIVE,)),
            ("hole", (Group.INCONCLUSIVE,)),
            ("fail", (Group.FAIL,)),
        )
    )
    return (
        f'<figure class="plot" data-plot="{name}"><figcaption>{title} <small>{what}</small></figcaption>'
        f'<ol class="scale" aria-hidden="true">{"".join(f"<li>{tick}</li>" for tick in scale)}</ol>'
        f'<div class="field"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title} of {len(drawn)} chunks over the book; each is in the list below.">'
        f'<path class="bands" d="{bands}"/><path class="grid" d="{grid}"/>{dots}</svg><span class="mark"></span></div>'
        "</figure>"
    )


def _bands(report: ListeningReport) -> str:
    """Every other chapter, shaded."""
    starts: dict[int, float] = {}
    for chunk in report.chunks:
        if chunk.book_start_s is not None:
            starts.setdefault(chunk.chapter, WIDTH * chunk.book_start_s / max(report.duration_s, 1e-9))
    edges = [*starts.values(), float(WIDTH)]
    return "".join(f"M{edges[i]:.1f} 0V{HEIGHT}H{edges[i + 1]:.1f}V0z" for i in range(1, len(edges) - 1, 2))
