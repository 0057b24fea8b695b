"""The listening report: one page in which every doubtful take can be heard, seen and redone.

A stage makes a `ListeningReport` from the evidence, with `pieces_of` for the words; `write_report` makes the page.
"""

from rhapsode.report.listening.page import write_report
from rhapsode.report.listening.report import (
    Difference,
    ListeningReport,
    Piece,
    ReportChunk,
    ReportTake,
    pieces_of,
)

__all__ = ["Difference", "ListeningReport", "Piece", "ReportChunk", "ReportTake", "pieces_of", "write_report"]
