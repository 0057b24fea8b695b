"""Assembly: where the takes of a chapter are heard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outline:
    """What a chapter has to know of a take in order to place it; taken once, when the take is stored.

    Attributes:
        start, end: The samples that are heard, `[start:end]`.
        loudness_blocks: As in `Timeline`, of what is heard between two silences.
        true_peak: Highest inter-sample peak of what is heard, linear, 1.0 = full scale.
    """

    sample_rate_hz: int
    start: int
    end: int
    loudness_blocks: dict[float, int]
    true_peak: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A chunk in its chapter: which audio object, which samples of it, and the pause that follows.

    Attributes:
        number: The chunk.
        key, sha256: The audio object and the digest of its samples.
        trim_start, trim_end: The samples of the object that are heard, `[trim_start:trim_end]`.
        start: Offset of its first heard sample in the chapter.
        pause: Samples of room tone after it.
    """

    number: int
    key: str
    sha256: str
    trim_start: int
    trim_end: int
    start: int
    pause: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """One assembled chapter: a cue sheet, not a copy of the audio.

    Attributes:
        lead_in: Samples of room tone before the first chunk.
        length: Samples in all: `lead_in + sum(trim_end - trim_start + pause)`.
        loudness_blocks: Histogram of the momentary loudness of its 400 ms blocks, LUFS in steps of 0.1 -> count; the
            histograms of all chapters together give the book's integrated loudness.
        true_peak_dbtp: Highest inter-sample peak before gain.
    """

    chapter: int
    title: str
    sample_rate_hz: int
    lead_in: int
    placed: tuple[Placed, ...]
    length: int
    loudness_blocks: dict[float, int]
    true_peak_dbtp: float
