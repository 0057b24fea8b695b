"""The same words with less to guess for a voice: numbers in words, titles in full, plain letters and marks.

A rule that would change a word is left out: what is spoken must stay the text of the book, by the measure of those who
listen to it.
"""

from __future__ import annotations

import re

import inflect
from anyascii import anyascii

from rhapsode.quality.alignment import align
from rhapsode.quality.words import title_in_full, words_of
from rhapsode.text.normalise import ensure_terminal

_NUMBERS = inflect.engine()
_NUMBER = re.compile(
    r"(?P<year>\b(?:[Ii]n|[Ss]ince|[Uu]ntil|year|January|February|March|April|May|June|July|August|September|October|November"
    r"|December),?\s)?(?<![\w.,/:$£€¥-])(?P<number>[0-9]+(?:,[0-9]{3})*(?:st|nd|rd|th)?)(?![\w/:-]|[.,][0-9])"
)
_YEAR = re.compile(r"1[0-9](?!00)[0-9]{2}|1[1-9]00")
_BARE = re.compile(r"[0-9]{4}")
_TITLE = re.compile(r"\b(?:Mrs?|Messrs|Dr|Prof|Capt|Lt|Sgt|Mt|Mme|Mlle)\b\.?(?=\s[A-Z])")
_LETTERS = re.compile(r"[^\W\d_]+")
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
    for rule in (_numbers_in_words, _titles_in_full, _plain_letters, _plain_marks):
        plainer = rule(text)
        if says_the_same(text, plainer):
            text = plainer
    return text


def says_the_same(one: str, other: str) -> bool:
    """Whether two texts have the same words, as far as they could be told apart when they are heard."""
    return align(words_of(one), words_of(other)).word_errors == 0


def _numbers_in_words(text: str) -> str:
    return _NUMBER.sub(lambda found: (found["year"] or "") + _in_words(found["number"], bool(found["year"])), text)


def _in_words(number: str, year: bool) -> str:
    """Four digits may be a year or a sum; where nothing tells, they stay for the voice to read."""
    if _BARE.fullmatch(number) and not (year and _YEAR.fullmatch(number)):
        return number
    if not year or not _YEAR.fullmatch(number):
        words = _NUMBERS.number_to_words(number)
    elif number.endswith("00"):
        words = f"{_NUMBERS.number_to_words(number[:2])} hundred"
    else:
        words = _NUMBERS.number_to_words(number, group=2, zero="oh")
    words = str(words).replace(",", "")
    return words if says_the_same(number, words) else number


def _titles_in_full(text: str) -> str:
    return _TITLE.sub(lambda found: title_in_full(found.group()), text)


def _plain_letters(text: str) -> str:
    return _LETTERS.sub(lambda found: anyascii(found.group()), text)


def _plain_marks(text: str) -> str:
    for pattern, plain in _MARKS:
        text = pattern.sub(plain, text)
    return ensure_terminal(text.strip())
