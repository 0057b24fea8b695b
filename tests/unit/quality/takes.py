"""Measures made by hand: of a take with which nothing is wrong, and of what a test changes in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rhapsode.model import FinishReason, Measures, Reference, ShapeMeasures, SignalMeasures, TokenMeasures, Transcript
from rhapsode.quality.reference import usual_s

TEXT = "He looked up from his book, and saw the carriage coming slowly over the hill."
SHAPE = ShapeMeasures(
    clipped_samples=2,
    dc=0.0,
    internal_silence_s=0.4,
    cut_dbfs=-80.0,
    head_db=-40.0,
    tail_db=-40.0,
    noise_s=0.12,
    drone_s=0.0,
    jumps_per_s=11.0,
    pitch_hz=180.0,
)
TOKENS = TokenMeasures(
    frames=60, stray_tokens=0, coarse_run=3, repeated_frames=4, legal_mass=0.9, legal_mass_median=0.98
)
VOICE = (1.0, 0.0)
OTHER_VOICE = (0.6, 0.8)
REFERENCE = Reference(
    takes=100,
    pace=1.0,
    pace_spread=0.05,
    voice=VOICE,
    voice_floor=0.9,
    pitch_hz=180.0,
    jumps_per_s=11.0,
    spellings={},
)


def heard_as(text: str, **changed: Any) -> Transcript:
    """As a recogniser that is sure of it understands it."""
    usual = Transcript(text, average_log_probability=-0.2, no_speech=0.01, compression_ratio=1.1, recogniser="r@0")
    return replace(usual, **changed)


def signal_of(heard_s: float, **changed: Any) -> SignalMeasures:
    usual = SignalMeasures(
        duration_s=heard_s + 0.4, rms_dbfs=-25.0, peak_dbfs=-6.0, leading_silence_s=0.2, trailing_silence_s=0.2
    )
    return replace(usual, **changed)


def good(text: str = TEXT, heard: str | None = None) -> Measures:
    """Of a good take; or of one of which something else was heard, and nothing else is odd."""
    return Measures(
        finish=FinishReason.END,
        signal=signal_of(usual_s(text)),
        shape=SHAPE,
        tokens=TOKENS,
        transcript=heard_as(text if heard is None else heard),
        voice=VOICE,
    )
