"""Where sentences end, and where an over-long one may be cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise

import sentencex

WINDOW = 8_000
"""Characters that are segmented at once: sentencex takes quadratic time where a quotation is never closed
(400,000 characters: 1.3 s; 4,000,000: minutes)."""

_QUOTES = re.compile(r"[“”„«»\"]|(?<!\w)[‘’']|[‘’'](?!\w)")
_OPENERS = "“‘„«‹(["
_OPENING = re.compile(r"(?:[“‘„«‹(\[]\s?|(?<=\s)[\"'’])+$")
_WINDOW_ENDS = (re.compile(r"[.!?…。！？]['\"’”»)\]]*\s+"), re.compile(r"\s+"))

Fits = Callable[[str], bool]


def sentence_spans(text: str, language: str) -> list[tuple[int, int]]:
    """Sentences as (start, end) in characters; they tile the text, white space belongs to the sentence before it.

    Sentences inside a quotation count, and so does each cell of a table row (cells are parted by tabs). None is longer
    than `WINDOW` characters.
    """
    code = language.split("-", maxsplit=1)[0].lower() or "en"
    cuts = {0, len(text)} | {place for place, letter in enumerate(text, start=1) if letter == "\t"}
    for start, end in _windows(text):
        cuts.add(end)
        # sentencex keeps a quotation whole, however many sentences it holds: it does not get to see the marks.
        for found in sentencex.get_sentence_boundaries(code, _QUOTES.sub(" ", text[start:end])):
            cut = _before_openers(text, start + found["end_index"], start)
            if not _goes_on(text, cut):
                cuts.add(cut)
    return list(pairwise(sorted(cuts))) if text else []


def _windows(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > WINDOW:
        end = start + WINDOW
        for pattern in _WINDOW_ENDS:
            ends = [found.end() for found in pattern.finditer(text, start + WINDOW // 2, end)]
            if ends:
                end = ends[-1]
                break
        yield start, end
        start = end
    yield start, len(text)


def _before_openers(text: str, cut: int, start: int) -> int:
    """The opening marks that the mask made into white space belong to the sentence that follows."""
    opening = _OPENING.search(text[max(start, cut - 8) : cut]) if cut < len(text) else None
    return cut - len(opening.group()) if opening else cut


def _goes_on(text: str, cut: int) -> bool:
    """“Where?” he said: what goes on in small letters is no new sentence."""
    return cut < len(text) and text[cut : cut + 4].lstrip(_OPENERS + "\"'’\u2060 ")[:1].islower()


_CUTS = (
    re.compile(r"[.!?…。！？]['\"’”»)\]]*\s+(?=[^a-zà-ÿ])"),
    re.compile(r"[;:；：]['\"’”»)\]]*\s*|\s*\u2060?[—―⸺⸻]+['\"’”»)\]]*\s*"),
    re.compile(r"[,，、]['\"’”»)\]]*\s*"),
    re.compile(r"\s+(?=(?:and|or|but|nor|for|yet|so|that|which|who|because|when|while|where|if|as|than|et|und|y|e)\s)"),
    re.compile(r"\s+"),
)


def clause_spans(text: str, start: int, end: int, fits: Fits) -> Iterator[tuple[int, int]]:
    """Cuts text[start:end] until each piece fits: at clauses, then conjunctions, then words, then characters.

    Each cut is the one nearest the middle, so that the pieces come out even and no rest of two words remains.
    """
    if end - start < 2 or fits(text[start:end]):
        yield start, end
        return
    cut = _cut_near_middle(text, start, end)
    yield from clause_spans(text, start, cut, fits)
    yield from clause_spans(text, cut, end, fits)


def _cut_near_middle(text: str, start: int, end: int) -> int:
    middle, margin = (start + end) / 2, max(1, (end - start) // 5)
    for pattern in _CUTS:
        places = [found.end() for found in pattern.finditer(text, start + margin - 1, end - margin)]
        if places:
            return min(places, key=lambda place: abs(place - middle))
    cut = int(middle)
    while cut < min(end - 1, int(middle) + 8) and _joins(text[cut - 1], text[cut]):
        cut += 1
    return cut


def _joins(before: str, after: str) -> bool:
    """Whether two characters are seen as one: a combining mark, a variation selector, an emoji sequence."""
    return before == "\u200d" or after in "\u200d\ufe0f" or unicodedata.category(after).startswith("M")
