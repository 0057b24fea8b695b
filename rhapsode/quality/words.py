"""The words of a text, written so that what a chunk says and what a recogniser wrote can be compared.

The same rules serve both sides, so a rule need not be right, only the same for both: "Mr." and "Mister", "£3" and
"three pounds", "10:30" and "ten thirty" become the same words. Numbers are in digits (see `numbers.py`): a recogniser
writes "1984" for "nineteen eighty-four" and "1,100" for "eleven hundred". What needs both sides at once (compounds,
contractions, homophones) is decided in `alignment.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from anyascii import anyascii

from rhapsode.quality.numbers import join_numbers, ordinal
from rhapsode.text.numerals import is_roman, value


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is compared.

    Attributes:
        text: Small letters a-z, digits, a point inside a number, an apostrophe inside a word; never empty.
        start, end: The characters of the original text that it came from. Several words may share them ("£3"), and
            they may cover several printed words ("twenty-one").
    """

    text: str
    start: int
    end: int


_APOSTROPHES = str.maketrans("’‘ʼ′´`＇‛‐‑‒−", "'" * 8 + "-" * 4)
_NOT_SPEECH = (
    "laugh(?:s|ing|ter)?|chuckl(?:es|ing)|giggl(?:es|ing)|sigh(?:s|ing)?|gasp(?:s|ing)?|cough(?:s|ing)?|sob(?:s|bing)?"
    "|cry(?:ing)?|cries|sniff(?:s|ing)?|groan(?:s|ing)?|snor(?:es|ing)|breath(?:es|ing)|clears throat|whispers?"
    "|(?:dramatic |gentle |upbeat |soft )?music(?: playing)?|applause|silence|inaudible"
)
_LETTER = r"[^\W0-9_¼-¾⅓⅔]"
_LETTERS = rf"{_LETTER}(?:{_LETTER}|[\u0300-\u036f])*"
_TOKEN = re.compile(
    rf"(?P<silent><[a-z][\w ]*>|\[[^\]]*\]|[(*](?:{_NOT_SPEECH})[)*])"
    r"|(?P<money>[$£€¥])\s?(?P<amount>[0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+)?)(?P<scale>\s(?:thousand|[mb]illion)\b)?"
    r"|(?P<clock>(?<![0-9])[0-9]{1,2}:[0-9]{2}(?![0-9]))"
    r"|(?P<part>(?<![0-9/])[0-9]{1,2}/[0-9]{1,2}(?![0-9/]))"
    rf"|(?P<number>[0-9]+(?:,[0-9]{{3}}(?![0-9]))*(?:\.[0-9]+)?)(?P<ending>(?:st|nd|rd|th|s)(?!{_LETTER}))?"
    rf"|(?P<initials>(?:{_LETTER}\.){{2,}}(?:{_LETTER}(?!\w))?)"
    rf"|(?P<word>{_LETTERS}(?:'{_LETTERS})*)"
    r"|(?P<sign>[%&@+=°¢½¼¾⅓⅔])",
    re.IGNORECASE,
)

FILLERS = frozenset(["er", "erm", "hm", "hmm", "hmmm", "mhm", "mm", "mmm", "uh", "uhm", "um", "umm"])
"""Hesitations: a recogniser leaves them out, so they are no words on either side."""

_MONEY = {"$": "dollars", "£": "pounds", "€": "euros", "¥": "yen"}
_COINS = {"dollar": "dollars", "pound": "pounds", "euro": "euros", "cent": "cents", "shilling": "shillings"}
_SIGNS = {
    "%": "percent", "&": "and", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "¢": "cents",
    "½": "half", "¼": "quarter", "¾": "3 quarters", "⅓": "3rd", "⅔": "2 3rds",
}  # fmt: skip
_UNITS = {
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms", "lb": "pounds", "lbs": "pounds",
    "oz": "ounces", "ft": "feet", "mph": "miles per hour", "mi": "miles", "hr": "hours", "hrs": "hours",
    "min": "minutes", "sec": "seconds", "m": "meters", "c": "celsius", "f": "fahrenheit", "d": "pence",
}  # fmt: skip
"""After a number; "m", "c", "f" and "d" mean a unit only there, and no word of English looks like them."""

_TITLES = {
    "mr": "mister", "mrs": "missus", "messrs": "messers", "dr": "doctor", "prof": "professor", "capt": "captain",
    "lt": "lieutenant", "sgt": "sergeant", "jr": "junior", "sr": "senior", "esq": "esquire", "vs": "versus",
    "ltd": "limited", "etc": "etcetera", "mt": "mount", "mme": "madame", "mlle": "mademoiselle",
}  # fmt: skip
_DOTTED = {
    "st": "saint", "gen": "general", "col": "colonel", "rev": "reverend", "hon": "honorable", "inc": "incorporated",
    "co": "company", "vol": "volume", "ft": "fort", "gov": "governor", "maj": "major", "ave": "avenue", "rd": "road",
    "pp": "pages", "fig": "figure", "bros": "brothers", "dept": "department", "jan": "january", "feb": "february",
    "apr": "april", "aug": "august", "sept": "september", "oct": "october", "nov": "november", "dec": "december",
}  # fmt: skip
"""Abbreviations that are words or names too: only with a full stop."""

_MONTHS = frozenset(
    {
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    }
)  # fmt: skip
_NUMBERED = frozenset(
    {
        "chapter", "book", "part", "volume", "act", "scene", "section", "canto", "letter", "number", "war", "psalm",
        "sonnet", "stave", "appendix", "article",
    }
)  # fmt: skip
"""A Roman numeral after one of these is said as a number; after a name as "the Eighth"."""


def words_of(text: str) -> list[Word]:
    """The words of a text, in order; of any text, also one without words."""
    plain = text.translate(_APOSTROPHES)
    scanned: list[Word] = []
    for found in _TOKEN.finditer(plain):
        if found["silent"] is None:
            spelled = " ".join(_spelled(found, plain, scanned)).split()
            scanned.extend(Word(word, *found.span()) for word in spelled if word not in FILLERS)
    words = [Word(word, scanned[i].start, scanned[j - 1].end) for word, i, j in _joined(scanned, plain)]
    return _without_links(words)


def _spelled(found: re.Match[str], plain: str, before: list[Word]) -> Iterator[str]:
    """What one token says."""
    if found["money"] is not None:
        yield from _price(found["amount"].replace(",", ""), found["scale"] or "", _MONEY[found["money"]])
    elif found["clock"] is not None:
        hours, minutes = found["clock"].split(":")
        yield from (hours.lstrip("0") or "0", "o'clock" if minutes == "00" else minutes)
    elif found["part"] is not None:
        yield from _fraction(*map(int, found["part"].split("/")))
    elif found["number"] is not None:
        yield found["number"].replace(",", "") + (found["ending"] or "").lower()
    elif found["initials"] is not None:
        yield "".join(map(plain_letters, found["initials"].split(".")))
    elif found["sign"] is not None:
        mixed = found["sign"] in "½¼¾" and plain[found.start() - 1 : found.start()].isdigit()
        yield ("and a " if mixed and found["sign"] != "¾" else "and " if mixed else "") + _SIGNS[found["sign"]]
    else:
        yield from _word(found["word"], plain[found.end() : found.end() + 3], before)


def _price(amount: str, scale: str, currency: str) -> Iterator[str]:
    whole, _, parts = amount.partition(".")
    if scale or len(parts) != 2:
        yield from (amount, scale.lower(), currency)
    else:
        yield from (whole, currency) if parts == "00" else (whole, currency, parts.lstrip("0"))


def _fraction(above: int, below: int) -> Iterator[str]:
    names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one, several = names.get(below, (ordinal(below), f"{ordinal(below)}s"))
    yield from (str(above), one if above == 1 else several)


def _word(word: str, after: str, before: list[Word]) -> Iterator[str]:
    """A word of letters, in the light of the three characters after it and of the words before it."""
    plain, dotted = plain_letters(word), after[:1] == "."
    last = before[-1].text if before else ""
    if plain in _UNITS and (last[:1].isdigit() or last == "degrees"):
        yield _UNITS[plain]
    elif plain == "no" and re.match(r"\.\s?[0-9]", after):
        yield "number"
    elif dotted and plain == "st" and last and not re.match(r"\.\s[A-Z]", after):
        yield "street"
    elif dotted and plain in _DOTTED:
        yield _DOTTED[plain]
    elif set(word) <= set("IVX") and is_roman(word) and last:
        yield str(value(word)) if last in _NUMBERED else f"the {ordinal(value(word))}"
    else:
        yield _TITLES.get(plain, plain)


def title_in_full(title: str) -> str:
    """A title that is written short, in full: "Mr." -> "Mister"."""
    return _TITLES[plain_letters(title)].capitalize()


def plain_letters(word: str) -> str:
    """A word in small letters a-z (and digits), without accents; empty if it has no letter that can be said."""
    if not word.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = bare if bare.isascii() else anyascii(bare)
    return re.sub(r"[^a-z0-9']", "", word.lower()).strip("'")


def _joined(scanned: list[Word], plain: str) -> Iterator[tuple[str, int, int]]:
    """Number words in digits: text and range of `scanned`. Only what stands together is one number."""
    gaps = [plain[a.end : b.start] for a, b in pairwise(scanned)]
    return join_numbers([word.text for word in scanned], [gap.strip() for gap in gaps])


def _without_links(words: list[Word]) -> list[Word]:
    """Prices and ranges alike however they are said: "five dollars and twenty cents", "$5.20"; "10 to 20", "10-20"."""
    kept: list[Word] = []
    for i, word in enumerate(words):
        last = kept[-1].text if kept else ""
        number_follows = i + 1 < len(words) and words[i + 1].text[:1].isdigit()
        after_number = last[:1].isdigit()
        link = (
            (word.text == "to" and after_number and number_follows)
            or (word.text == "and" and last in _MONEY.values() and number_follows)
            or (word.text in ("cents", "pence") and len(kept) > 1 and kept[-2].text in _MONEY.values())
        )
        if not link:
            kept.append(Word(_after(last, word.text), word.start, word.end))
    return kept


def _after(last: str, text: str) -> str:
    """A word as it is after the last: "one dollar" is "1 dollars", and "May 3rd" is "May 3"."""
    if last in _MONTHS and text[:1].isdigit():
        return text.rstrip("stndrh")
    return _COINS.get(text, text) if last[:1].isdigit() else text
