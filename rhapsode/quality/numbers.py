"""Number words in digits: "one thousand two hundred and thirty-four" -> "1234", "twenty-first" -> "21st".

Only what English says as one number is joined. "Nineteen eighty-four" stays "19", "84", and `alignment.py`, which takes
words that are written together for the same as words that are not, finds it in "1984".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {name: i for i, name in enumerate(_ONES)} | {name: 20 + 10 * i for i, name in enumerate(_TENS)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_LONGEST = 15
"""Digits of a number that is reckoned with; a longer one is left as it is."""


def _ordinal_name(name: str) -> str:
    return _IRREGULAR.get(name) or (name.replace("ve", "f") if name == "twelve" else name.removesuffix("y")) + (
        "ieth" if name.endswith("y") else "th"
    )


_ORDINALS = {_ordinal_name(name): name for name in [*_SMALL, "hundred", *_SCALES]}
_PLURALS = {name.replace("y", "ies"): name for name in _TENS}  # "the twenties"
_PARTS = {f"{name}s": name for name in _ORDINALS if name not in ("first", "second")}  # "two thirds"
_DIGIT_NAMES = {str(number): name for name, number in _SMALL.items()}


def ordinal(number: int) -> str:
    """1 -> "1st", 12 -> "12th"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def name_of(digits: str) -> str | None:
    """How a number under a hundred is said, written together ("21" -> "twentyone"); None for anything else."""
    if digits in _DIGIT_NAMES:
        return _DIGIT_NAMES[digits]
    if len(digits) == 2 and digits.isdigit() and digits[0] in "23456789":
        return _DIGIT_NAMES[f"{digits[0]}0"] + _DIGIT_NAMES[digits[1]]
    return None


def join_numbers(words: Sequence[str], gaps: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Every word, with the words of one number joined: what it is now, and the range of `words` that it was.

    Args:
        gaps: What stands between each word and the next, without white space: a comma parts "twenty" from "one".
    """
    i = 0
    while i < len(words):
        parsed, end = _Number(words, gaps, i).read()
        yield (parsed, i, end) if parsed else (words[i], i, i + 1)
        i = end if parsed else i + 1


class _Number:
    """Reads one number from `start`, as far as English grammar goes."""

    def __init__(self, words: Sequence[str], gaps: Sequence[str], start: int) -> None:
        self._words, self._gaps, self._start = words, gaps, start
        self._done = Fraction(0)  # thousands and above
        self._open: Fraction | None = None  # under a thousand, still growing
        self._least_scale = 10**18

    def read(self) -> tuple[str, int]:
        """The digits and where the number ends; no digits if none starts here."""
        i, ending = self._start, ""
        if self._words[i] in ("a", "an") and self._at(i + 1) in ("hundred", *_SCALES):
            i += 1
        first = i
        while not ending and (name := self._at(i)):
            step = i
            if name == "and" and i > first and self._at(i - 1) in ("hundred", *_SCALES):
                step, name = i + 1, self._at(i + 1)
                if not self._is_small(name):
                    break
            ending = "s" if name in _PLURALS else "ths" if name in _PARTS else "th" if name in _ORDINALS else ""
            name = _PLURALS.get(name) or _PARTS.get(name) or name
            if not self._joins(step, first) or not self._take(_ORDINALS.get(name) or name):
                ending = ""
                break
            i = step + 1
        if i == first:
            return "", i
        total = self._done + (self._open or 0)
        if total.denominator != 1:
            return self._words[first], first + 1
        return (ordinal(int(total)) + ending[2:] if ending[:2] == "th" else f"{total}{ending}"), i

    def _at(self, i: int) -> str:
        return self._words[i] if i < len(self._words) else ""

    def _is_small(self, name: str) -> bool:
        return _ORDINALS.get(name, name) in _SMALL

    def _joins(self, i: int, first: int) -> bool:
        """Whether nothing parts a word from the one before; after a scale a comma is usual."""
        if i == first:
            return True
        gap = self._gaps[i - 1]
        return gap in ("", "-") or (gap == "," and self._at(i - 1) in _SCALES)

    def _take(self, name: str) -> bool:
        """Adds a word to the number, if English lets it stand there."""
        if name in _SMALL:
            return self._add(_SMALL[name])
        if name == "hundred":
            self._open = Fraction(1) if self._open is None and not self._done else self._open
            if self._open is None or not 1 <= self._open < 100:
                return False
            self._open *= 100
            return True
        if name in _SCALES and _SCALES[name] < self._least_scale:
            if self._open is None and self._done:
                return False
            self._done += (1 if self._open is None else self._open) * _SCALES[name]
            self._open, self._least_scale = None, _SCALES[name]
            return True
        return self._take_digits(name)

    def _add(self, number: int) -> bool:
        if self._open is None:
            self._open = Fraction(number)
            return not self._done or number > 0
        room = 100 if self._open % 100 == 0 else 10 if self._open % 100 >= 20 and self._open % 10 == 0 else 1
        if not 0 < number < room or self._open == 0:
            return False
        self._open += number
        return True

    def _take_digits(self, name: str) -> bool:
        """Digits begin a number only before a scale ("2.5 million", "5 hundred")."""
        scaled = self._at(self._start + 1) in ("hundred", *_SCALES)
        digits = name.replace(".", "", 1)
        if self._open is not None or self._done or not scaled or not digits.isdigit() or len(digits) > _LONGEST:
            return False
        self._open = Fraction(name)
        return True
