"""Roman numerals that number a part of the book. Kings and popes ("Henry VIII") are left to the engines."""

from __future__ import annotations

import re

from rhapsode.model import BlockKind

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_CANONICAL = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_NUMERAL = r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"  # to 399: no heading is numbered higher, and MIX is a word

_LABELS = (
    "letter|chapter|book|part|volume|vol|canto|act|scene|section|stave|fit|fytte|number|no|appendix|article|psalm|sonnet"
    "|lesson|story|tale|episode|phase|plate|figure|epistle|ode|elegy|lecture|day|night|chapitre|livre|tome|acte|scène"
    "|partie|kapitel|teil|band|buch|akt|capítulo|libro|parte|capitolo|hoofdstuk"
)
_IN_HEADING = re.compile(rf"\b((?i:{_LABELS})\.? )({_NUMERAL})(?<=[IVXLC])\b(?!['’]\w)")
_IN_PROSE = re.compile(rf"\b((?i:{_LABELS})\.? )(?=[IVXLC]{{2}})({_NUMERAL})(?<=[IVXLC])\b(?!['’]\w)")
_TITLES_A_LINE = re.compile(rf"^((?i:{_LABELS})\.? )({_NUMERAL})(?<=[IVXLC])(?=[.:,;)]|\s?[—–-]\s|$)")
_LEADS = re.compile(rf"^(?=[IVXLC])({_NUMERAL})(?=[.:)]|\s?[—–-]\s|$)")
_ALONE = re.compile(rf"^(?=[IVXLC]{{2}})({_NUMERAL})(?=\.?$)")
_LETTERS_OF_AN_INDEX = frozenset("CL")


def is_roman(word: str) -> bool:
    """Whether a word in capitals is a numeral of two letters or more (XIV; not MIX, which is likelier the word)."""
    return len(word) > 1 and word != "MIX" and _CANONICAL.fullmatch(word) is not None


def value(numeral: str) -> int:
    """The value of a canonical Roman numeral in capitals."""
    values = [_VALUES[letter] for letter in numeral]
    return sum(-v if v < following else v for v, following in zip(values, [*values[1:], 0], strict=True))


def numbers_for_numerals(text: str, kind: BlockKind) -> str:
    """Writes the Roman numerals that number something in digits.

    In a heading: alone ("XIV", "I"), leading ("XIV. The Return") or after a label ("Letter I", "ACT III, SCENE II").
    Elsewhere after a label that opens the line ("Act I: A garden"), and if it has two letters or more alone ("XIV." as
    a paragraph) or after any label ("see Chapter IV"), since "the part I played" and "I" are English.
    """
    if kind is not BlockKind.HEADING:
        text = _ALONE.sub(lambda found: str(value(found[1])), text)
        text = _TITLES_A_LINE.sub(lambda found: f"{found[1]}{value(found[2])}", text)
        return _IN_PROSE.sub(lambda found: f"{found[1]}{value(found[2])}", text)
    text = _LEADS.sub(lambda found: found[1] if found[1] in _LETTERS_OF_AN_INDEX else str(value(found[1])), text)
    return _IN_HEADING.sub(lambda found: f"{found[1]}{value(found[2])}", text)
