"""The frozen dataclasses that flow from one floor to the next.

Units are in the names: `_s` seconds, `_hz` hertz, `_dbfs` decibels relative to full scale. Numbers shown to people
(chapters, chunks, ranges, takes, editions) start at 1. Character offsets count Python characters in `Book.text`.
"""

from __future__ import annotations

from rhapsode.model.assembly import Outline, Placed, Timeline
from rhapsode.model.book import Block, BlockKind, Book, Chapter, Cover, LedgerLine, Metadata, Skip
from rhapsode.model.gate import Finding, GateCheck, GateReport
from rhapsode.model.measures import (
    Flaw,
    Judgement,
    Listening,
    Measures,
    Reference,
    ShapeMeasures,
    SignalMeasures,
    TokenMeasures,
    Transcript,
    Verdict,
)
from rhapsode.model.plan import Boundary, Chunk, ChunkRange, Plan, Span
from rhapsode.model.speech import (
    Audio,
    EngineIdentity,
    FinishReason,
    Job,
    Order,
    Reading,
    Samples,
    Sampling,
    Stack,
    Take,
    Tokens,
    Utterance,
    Voice,
)

__all__ = [
    "Audio",
    "Block",
    "BlockKind",
    "Book",
    "Boundary",
    "Chapter",
    "Chunk",
    "ChunkRange",
    "Cover",
    "EngineIdentity",
    "Finding",
    "FinishReason",
    "Flaw",
    "GateCheck",
    "GateReport",
    "Job",
    "Judgement",
    "LedgerLine",
    "Listening",
    "Measures",
    "Metadata",
    "Order",
    "Outline",
    "Placed",
    "Plan",
    "Reading",
    "Reference",
    "Samples",
    "Sampling",
    "ShapeMeasures",
    "SignalMeasures",
    "Skip",
    "Span",
    "Stack",
    "Take",
    "Timeline",
    "TokenMeasures",
    "Tokens",
    "Transcript",
    "Utterance",
    "Verdict",
    "Voice",
]
