"""Every threshold by which a take is judged, and why it is that number: all of judging that is taste is on this page.

A measure at its limit has the badness 1. Strictness moves all limits at once. The numbers were chosen on one half of
the chunks of bench/defects.py, with room on both sides; docs/QUALITY.md has what the other half says of them.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

from rhapsode.settings import Strictness

TOLERATED = {Strictness.LOW: 1.5, Strictness.NORMAL: 1.0, Strictness.HIGH: 0.7}
"""The badness from which on a take fails."""

FATAL = 10.0
"""The most that one thing counts: a loop that goes on for an hour is no worse than silence."""


class Limit(NamedTuple):
    at: float
    why: str

    def badness(self, value: float) -> float:
        """Of a measure of which more is worse: in units of the limit, and `FATAL` at most."""
        return min(max(0.0, value / self.at), FATAL)

    def badness_times(self, times: float) -> float:
        """Of a ratio that is usually 1: the limit squared is twice as bad as the limit."""
        return min(max(0.0, log(times) / log(self.at)), FATAL) if times > 0 else 0.0

    def badness_db(self, level_db: float) -> float:
        """Of a level of which louder is worse: twice as bad 6 dB above the limit."""
        return float(min(10 ** ((level_db - self.at) / 20), FATAL))


# -- words, from the transcript aligned with the text ------------------------------------------------------------------

ERRORS = Limit(0.25, "Share of the words, one forgiven: good takes have 2 % on average; a name is much of a short one.")
GAP = Limit(4, "Words in a row of which none was heard as said, on either side: the share of a whole chunk hides them.")
MISSING = Limit(2, "Words in a row, in the middle: of 445 good takes a recogniser swallowed one in 5 and two in none.")
MISSING_AT_AN_END = Limit(1, "Words: voices lose the first and the last, recognisers hardly ever do.")
ADDED = Limit(3, "Words in a row that the text has not: a name is heard as two words or three.")
ADDED_AT_AN_END = Limit(2, "Likewise before the first and after the last.")
INVENTED = Limit(
    1, "Heard words of no lexicon where common ones were said, unlike them: of 300 good takes none has one."
)
REPEATED = Limit(2, "Words in a row that are heard once more than they are in the text.")
COMPRESSION = Limit(2.4, "Length of the transcript over that of its zlib: Whisper's own limit for one that loops.")
UNSURE = Limit(1.0, "Average log-probability, negated; Whisper's own limit. Good takes have 0.1 to 0.5.")
NO_SPEECH = Limit(0.6, "Probability that nobody speaks; Whisper's own limit. Good takes have 0.1 at most, silence 0.9.")

# -- pace --------------------------------------------------------------------------------------------------------------

PACE = Limit(6.0, "Robust standard deviations from the book's median; the estimate errs most for very short texts.")
LONGER_SLACK_S = Limit(0.25, "Seconds that are forgiven before: a single word has no pace.")
SHORTER_SLACK_S = Limit(0.5, "Likewise; estimates of short texts err to this side, by the pauses of C.A.C., say.")
EXTREME_PACE = Limit(2.5, "Times the estimated seconds, or that part of them, where nothing is known of the book.")
EXTREME_SLACK_S = Limit(0.5, "Seconds that are forgiven before, either way.")

# -- the waveform ------------------------------------------------------------------------------------------------------

EDGE_SILENCE_S = Limit(2.0, "Seconds; engines leave up to half a second.")
INNER_SILENCE_S = Limit(
    1.3, "Seconds; the pause after a full stop lasts 0.8 s at most, and a voice that is gone is missed."
)
CLIPPED = Limit(12, "Samples in one flat top, half a millisecond: good takes have 1, those 12 dB too loud 25.")
DC = Limit(0.05, "Of full scale: as loud a step at every pause as speech itself.")
CUT_DB = Limit(-12.0, "Of the last 30 ms over the speech: speech that has ended is 30 dB below it or more.")
BEGUN_DB = Limit(0.0, "Of the first 30 ms, likewise; codecs drop their first frame, so a take may begin at once.")
NOISE_S = Limit(0.24, "Seconds; the longest s of 300 good takes lasts 0.18 s.")
DRONE_S = Limit(1.0, "Seconds; the longest vowel lasts 0.35 s, that of the worst codec 0.55 s.")
JUMPS = Limit(1.6, "Times the book's own: of shuffled frames 1.7, of good takes 1.3.")
SLURRED = Limit(2.0, "The book's own, that many times as many: speech at half its speed has 2.2, good takes 1.4.")
PITCH = Limit(1.5, "Times the book's own, or that part of it: a question may rise by a quarter.")

# -- tokens ------------------------------------------------------------------------------------------------------------

STRAY_TOKENS = Limit(1, "A single one puts all frames after it out of step.")
COARSE_RUN = Limit(24, "Frames, 2 s: no pause within a chunk and no vowel is as long.")
REPEATED_FRAMES = Limit(36, "Frames, 3 s: no two breaths of speech agree in every coarse code for so long.")
ILLEGAL_MASS = Limit(0.5, "Of the probability, on what may not come next: sound models give 1 %.")

# -- the voice ---------------------------------------------------------------------------------------------------------

VOICE = Limit(1.3, "Times as far from the book's voice as the hundredth of its takes that is farthest.")
LEAST_UNLIKE = Limit(0.15, "1 - cosine: takes of one speaker lie within 0.12, espeak-ng lies at 0.40 from hibari.")
WHOLE_VOICE_S = Limit(
    3.0, "Heard seconds; of less an embedding says more of the words, so in half of it twice as much is forgiven."
)
CUT_UP_S = Limit(
    1.0, "Heard seconds below which jumps tell nothing; good takes of 1 to 2 s have 1.3 times the book's at most."
)
VOICED_S = Limit(
    2.0, "Heard seconds below which a take has neither voice nor pitch to tell: embeddings see 1.6 s at once."
)

# -- when words are no proof -------------------------------------------------------------------------------------------

MERGED = 0.25
"""How unlike two stretches of words may sound and still be the same breath: "far away" heard as "fireway"."""

UNLIKE = 0.5
"""How unlike they must sound for words that are in no lexicon to be gibberish: "and" is heard as "Ann"."""

SHORT = 2
"""Words: of a text this short a recogniser understands too little to convict it."""

WITNESSED = 3
"""Words missing at the beginning, at most, for which the length of a take may vouch: recognisers swallow those."""

ROOM = 2.0
"""Logarithm of the odds that a take of such a length has the words that were not heard."""
