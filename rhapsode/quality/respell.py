"""The same words with less to guess for a voice: numbers in words, no abbreviations, plain letters and marks.

A rule that would change a word is left out: what is spoken must stay the text of the book, by the measure of those who
listen to it.
"""

from __future__ import annotations

import re

import inflect
from anyascii import anyascii

from rhapsode.quality.alignment import align
from rhapsode.quality.words import in_full, words_of
from rhapsode.text.normalise import ensure_terminal

_NUMBERS = inflect.engine()
_NUMBER = re.compile(r"(?<![\w.,/:$£€¥])[0-9]+(?:,[0-9]{3})*(?:st|nd|rd|th)?(?![\w/:]|[.,][0-9])")
_YEAR = re.compile(r"1[0-9](?!00)[0-9]{2}|1[1-9]00")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+\.?")
_MARKS = (
    (re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])"), " "),  # "never-ending"
    (re.compile(r"\s*(?:[—()\[\]]|[;:…](?=\s))\s*"), ", "),
    (re.compile(r"[\"“”„«»*_]|(?<!\w)['‘’]|['’](?!\w)"), ""),
    (re.compile(r"(?:,\s*)+(?=[,.!?…])|^[\s,]+"), ""),
    (re.compile(r"([.!?…])\s*,"), r"\1"),
    (re.compile(r"\s+"), " "),
)


def respelled(text: str) -> str:
    """The text as it may be easier to say; itself where nothing can be made plainer."""
    for rule in (_numbers_in_words, _abbreviations_in_full, _plain_letters, _plain_marks):
        plainer = rule(text)
        if says_the_same(text, plainer):
            text = plainer
    return text


def says_the_same(one: str, other: str) -> bool:
    """Whether two texts have the same words, as far as they could be told apart when they are heard."""
    return align(words_of(one), words_of(other)).word_errors == 0


def _numbers_in_words(text: str) -> str:
    return _NUMBER.sub(lambda found: _in_words(found.group()), text)


def _in_words(number: str) -> str:
    century, years = number[:2], number[2:]
    if not _YEAR.fullmatch(number):
        words = _NUMBERS.number_to_words(number)
    elif years == "00":
        words = f"{_NUMBERS.number_to_words(century)} hundred"
    else:
        words = _NUMBERS.number_to_words(number, group=2, zero="oh")
    words = str(words).replace(",", "")
    return words if says_the_same(number, words) else number


def _abbreviations_in_full(text: str) -> str:
    return _WORD.sub(lambda found: in_full(found.group()), text)


def _plain_letters(text: str) -> str:
    return _LETTERS.sub(lambda found: anyascii(found.group()), text)


def _plain_marks(text: str) -> str:
    for pattern, plain in _MARKS:
        text = pattern.sub(plain, text)
    return ensure_terminal(text.strip())
