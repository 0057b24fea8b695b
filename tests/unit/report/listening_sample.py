"""A small listening report with a bit of everything."""

from __future__ import annotations

from typing import Any

import numpy as np

from rhapsode.model import Audio, Verdict
from rhapsode.report.listening import Difference, ListeningReport, Piece, ReportChunk, ReportTake

RATE_HZ = 24_000
HOSTILE = (
    """</script></p><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>' $title {0}"""
)
"""What a book may hold. None of it may become markup."""


def sound(seconds: float = 2.0) -> Audio:
    """A tone in bursts: its waveform is to be seen, and it is heard."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    level = np.where(np.sin(2 * np.pi * time) > -0.5, 9000, 0)
    return Audio((level * np.sin(2 * np.pi * 220 * time)).astype(np.int16), RATE_HZ)


def take(number: int = 1, verdict: Verdict = Verdict.PASS, said: str = "The tide came in.", **other: Any) -> ReportTake:
    fields: dict[str, Any] = {
        "key": f"{number:064x}",
        "sha256": "",
        "duration_s": 2.0,
        "reasons": (),
        "score": 0.0,
        "accepted": True,
        "wer": 0.0,
        "pace": 1.0,
        "transcript": said,
        "pieces": (Piece(Difference.EQUAL, said, said),),
    }
    return ReportTake(number=number, verdict=verdict, **{**fields, **other})


def chunk(
    number: int, *takes: ReportTake, chapter: int = 1, text: str = "The tide came in.", **other: Any
) -> ReportChunk:
    fields: dict[str, Any] = {"book_start_s": 10.0 * number, "source": text, "spoken": text}
    title = {1: "The Harbour", 2: f"Two {HOSTILE}"}[chapter]
    return ReportChunk(number=number, chapter=chapter, chapter_title=title, takes=takes, **{**fields, **other})


def report(chunks: tuple[ReportChunk, ...], title: str = "The Tide Clock") -> ListeningReport:
    return ListeningReport(
        title=title,
        authors=("A. Writer", HOSTILE),
        book="the-tide-clock-0123456789ab",
        library="my library",
        edition=3,
        engine="hibari",
        voice="heart",
        duration_s=10.0 * (len(chunks) + 1),
        loudness_lufs=-19.04,
        true_peak_dbtp=-3.1,
        chunks=chunks,
    )


def sample() -> ListeningReport:
    """Eight chunks; 4 and 2 failed, 5 is inconclusive, 3 was retaken, and 6 is hostile."""
    bad = (
        Piece(Difference.EQUAL, "The tide ", "The tide"),
        Piece(Difference.SUBSTITUTED, "came ", "game"),
        Piece(Difference.INSERTED, "", "and again"),
        Piece(Difference.ALIKE, "in, ", "inn"),
        Piece(Difference.DELETED, "he said.", ""),
    )
    words = "The tide came in, he said."
    heard = "The tide game and again inn"
    wrong = {"wer": 0.67, "transcript": heard, "pieces": bad, "said": words}
    failed, doubtful = Verdict.FAIL, Verdict.INCONCLUSIVE
    return report(
        (
            chunk(1, take()),
            chunk(2, text="Nobody could say this."),
            chunk(
                3,
                take(1, failed, accepted=False, reasons=("2 words are missing at the end",), score=4.0, **wrong),
                take(2, said=words, manner=("in parts", "by maya1-gguf")),
                text=words,
            ),
            chunk(
                4,
                take(1, failed, accepted=False, reasons=("gibberish",), score=9.0, **wrong),
                take(2, failed, reasons=("1 word is missing",), score=3.0, pace=1.4, **wrong),
                take(3, failed, accepted=False, reasons=("gibberish",), score=8.0, manner=("respelt",), **wrong),
                text=words,
            ),
            chunk(5, take(1, doubtful, reasons=("spoken by another voice?",), score=1.5), chapter=2),
            chunk(
                6,
                take(
                    1,
                    doubtful,
                    reasons=(HOSTILE,),
                    score=1.0,
                    said=HOSTILE,
                    pieces=(
                        *(Piece(kind, f"{HOSTILE} ", HOSTILE) for kind in Difference),
                        Piece(Difference.EQUAL, HOSTILE, HOSTILE),
                    ),
                ),
                chapter=2,
                text=HOSTILE,
            ),
            chunk(7, take(wer=None, transcript=None, pieces=()), chapter=2, text="“A sample is heard,” he said."),
            chunk(8, take(pace=None), chapter=2, text="It cost £3.", spoken="It cost three pounds."),
        ),
        title=f"The Tide Clock {HOSTILE}",
    )
