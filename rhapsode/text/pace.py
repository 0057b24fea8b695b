"""How long a text will take to say, by estimate."""

from __future__ import annotations

import re

LETTER_S = 0.062
DIGIT_S = 0.30
IDEOGRAPH_S = 0.22
PAUSE_S = 0.25

_IDEOGRAPHS = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_DIGITS = re.compile(r"\d")
_PAUSES = re.compile(r"[.,;:!?…—]")
_LETTERS = re.compile(r"[^\W\d_]")


def estimate_s(spoken: str) -> float:
    """Seconds of speech. Additive: the estimate of two texts joined by a space is the sum of theirs."""
    ideographs = len(_IDEOGRAPHS.findall(spoken))
    letters = len(_LETTERS.findall(spoken)) - ideographs
    return (
        LETTER_S * letters
        + IDEOGRAPH_S * ideographs
        + DIGIT_S * len(_DIGITS.findall(spoken))
        + PAUSE_S * len(_PAUSES.findall(spoken))
    )
