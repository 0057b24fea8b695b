"""What is measured of a take, and what is judged from it.

Measures belong to one take and depend on nothing else. They are stored in the evidence; verdicts are computed from
them, so another strictness needs no other listening.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rhapsode.model.speech import FinishReason


@dataclass(frozen=True, slots=True)
class SignalMeasures:
    """Length and levels, taken when the take is stored. Levels are in dB relative to full scale (32768).

    Attributes:
        leading_silence_s: Up to the first window that is not silent; all of `duration_s` if every window is.
        trailing_silence_s: After the last such window; likewise.
    """

    duration_s: float
    rms_dbfs: float
    peak_dbfs: float
    leading_silence_s: float
    trailing_silence_s: float

    @property
    def heard_s(self) -> float:
        """Between the silences at the edges."""
        return max(0.0, self.duration_s - self.leading_silence_s - self.trailing_silence_s)


@dataclass(frozen=True, slots=True)
class ShapeMeasures:
    """What a waveform looks like where it is no speech.

    Attributes:
        clipped_samples: In the longest run at the take's own highest or lowest value: a flat top, also one that was
            made quieter afterwards. 1 or 2 where nothing is clipped; 0 for a take too quiet to tell.
        dc: Mean of the samples, -1 to 1.
        internal_silence_s: The longest stretch within the take that is silent, or 30 dB quieter than the speech.
        cut_dbfs: Level (rms) of the last 10 ms.
        head_db: Level of the first 30 ms over that of the speech: near 0 it begins in the middle of a sound, far below
            it begins at rest. -120 where nothing is heard.
        tail_db: The same of the last 30 ms: near 0 it was cut off, far below it had ended.
        noise_s: The longest stretch whose spectrum is flat, as that of noise is; an "s" is one of 0.1 s.
        drone_s: The longest stretch whose spectrum does not change or repeats with every frame of a codec; 0 or from
            0.32 s up.
        jumps_per_s: Abrupt changes of the spectrum in each second that is no pause: about 11 in speech, more where it
            was cut to pieces, fewer where it was slowed down.
        pitch_hz: Median fundamental frequency of what is voiced, 60 to 400; None where nothing is. At half the speed it
            is half as high.
    """

    clipped_samples: int
    dc: float
    internal_silence_s: float
    cut_dbfs: float
    head_db: float
    tail_db: float
    noise_s: float
    drone_s: float
    jumps_per_s: float
    pitch_hz: float | None


@dataclass(frozen=True, slots=True)
class TokenMeasures:
    """Of a take that was tokens before it was audio.

    Attributes:
        frames: Complete ones, of 2048 samples each.
        stray_tokens: Outside the band of their position in the frame: one that is missing makes strays of all after it.
        coarse_run: The longest run of frames with the same coarse code: a sound held.
        repeated_frames: The most frames that are covered by one sequence of coarse codes, said at least twice without a
            break: a loop.
        legal_mass: The least sample of the probability, 0 to 1, that the model gave to what was legal to say next.
        legal_mass_median: The lower median of those samples.
    """

    frames: int
    stray_tokens: int
    coarse_run: int
    repeated_frames: int
    legal_mass: float | None
    legal_mass_median: float | None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recogniser understood of one take, heard alone, at temperature 0 and without fallback.

    Attributes:
        text: As the recogniser wrote it; empty where it heard no speech.
        average_log_probability: Of its tokens, natural logarithm; 0 is certain.
        no_speech: Probability, 0 to 1, that nobody speaks.
        compression_ratio: Length of the text over that of its zlib compression: a loop compresses well.
        recogniser: Name and digest of its weights, "tiny.en@0123456789ab".
    """

    text: str
    average_log_probability: float
    no_speech: float
    compression_ratio: float
    recogniser: str


@dataclass(frozen=True, slots=True)
class Measures:
    """All that is measured of a take; None is what was not, or cannot be.

    Attributes:
        transcript: None for a take that was not listened to.
        voice: Embedding of the speaker, a unit vector; None where no model of voices is installed, or too little is
            heard.
        second: What another recogniser understood of a take that the first was not sure of; None where nobody else was
            asked.
    """

    finish: FinishReason
    signal: SignalMeasures
    shape: ShapeMeasures
    tokens: TokenMeasures | None = None
    transcript: Transcript | None = None
    voice: tuple[float, ...] | None = None
    second: Transcript | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What is usual in a book: a function of the set of its first takes alone, frozen when round 0 is done.

    Attributes:
        takes: How many it was made from.
        pace: Median of heard seconds over estimated ones, without the silence that an estimate holds for the edges.
        pace_spread: Robust standard deviation of its natural logarithm.
        voice: Centroid of the embeddings, a unit vector; None where there are none.
        voice_floor: Where the 1st percentile of their cosine similarity to the centroid lies, by median and spread.
        pitch_hz, jumps_per_s: Medians of those of its takes; None where there are none.
        spellings: Word of the book, normalised -> what the recogniser writes for it again and again, as names and rare
            words go: heard oddly, but each time the same oddly.
    """

    takes: int
    pace: float
    pace_spread: float
    voice: tuple[float, ...] | None
    voice_floor: float
    pitch_hz: float | None
    jumps_per_s: float | None
    spellings: dict[str, tuple[str, ...]]


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a take.

    Attributes:
        reasons: Each in a few words, the gravest first, and last who gave a second opinion; else none for a pass.
        score: How bad it is, 0 for nothing wrong: of several takes of a chunk the one with the least is kept.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens to which takes of a reading.

    Attributes:
        share: Of the first takes, 0 to 1; later ones are all listened to.
        recogniser: As the user named it.
        name: Of what is heard so, in file names.
        second_opinion: The recogniser that hears what the first is not sure of, as the user named it; empty: none.
    """

    share: float
    recogniser: str
    name: str
    second_opinion: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A chunk that no take is good of: it is named wherever its book goes.

    Attributes:
        text: As the book has it.
        reasons: What is wrong with the take that is kept, or why there is none.
    """

    chunk: int
    text: str
    reasons: tuple[str, ...]
