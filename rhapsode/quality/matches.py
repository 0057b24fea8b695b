"""Which words of a text and which words heard are the same, where they are not written the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rhapsode.quality.numbers import name_of
from rhapsode.quality.sounds import is_common, is_known, outline, sounds, unlikeness

WINDOW = 3
"""Words that may be written together: "good for nothing", "goodfornothing"."""

NEAR, NEAR_UNKNOWN = 0.3, 0.4
"""How unlike the outlines may be: of an uncommon word (or of one for which no word of English was heard) and of a word
that no lexicon has, as names are."""

_CONTRACTED = {
    "n't": ("not",), "'s": ("is", "has"), "'d": ("had", "would"), "'ll": ("will", "shall"), "'re": ("are",),
    "'ve": ("have",), "'m": ("am",),
}  # fmt: skip
_SAID_AS = {
    "won't": ("willnot",), "shan't": ("shallnot",), "can't": ("cannot",), "let's": ("letus",), "ma'am": ("madam",),
    "gonna": ("goingto",), "wanna": ("wantto",), "gotta": ("gotto",), "dunno": ("dontknow",), "kinda": ("kindof",),
    "sorta": ("sortof",), "d'you": ("doyou",), "y'know": ("youknow",), "em": ("them", "him"), "til": ("until",),
    "till": ("until",), "tis": ("itis",), "twas": ("itwas",), "twill": ("itwill",), "cause": ("because",),
    "th": ("the",), "ol": ("old",), "ole": ("old",), "ye": ("you",), "yer": ("your",), "ok": ("okay",), "ms": ("miss",),
    "oh": ("0", "o"), "o": ("oh", "0", "of"), "zero": ("0",),
    "didst": ("did",), "hadst": ("had",), "wouldst": ("would",), "couldst": ("could",), "shouldst": ("should",),
    "canst": ("can",), "mayst": ("may",), "wilt": ("will",), "wert": ("were",), "hast": ("has", "have"),
    "hath": ("has",), "doth": ("does",), "dost": ("do", "does"),
}  # fmt: skip
"""What else a recogniser writes for a word as it is said; it makes old words modern."""


@dataclass(frozen=True, slots=True)
class Match:
    """`said_words` of the text from `said` on are the same as `heard_words` from `heard` on."""

    said: int
    heard: int
    said_words: int
    heard_words: int
    alike: bool
    unlikeness: float = 0.0


@lru_cache(maxsize=1 << 15)
def readings(word: str) -> tuple[str, ...]:
    """The letters of a word, without apostrophes, in all its ways of being written."""
    found = {word.replace("'", ""), *_SAID_AS.get(word, ())}
    for ending, meanings in _CONTRACTED.items():
        if word.endswith(ending) and word not in _SAID_AS:
            found.update(word[: -len(ending)].replace("'", "") + meaning for meaning in meanings)
    if name := name_of(word):
        found.add(name)
    if len(word) > 3 and word.endswith("in") and not is_common(word):  # goin', nothin'
        found.add(f"{word}g")
    return tuple(sorted(found))


def matches_of(said: Sequence[str], heard: Sequence[str], spellings: Mapping[str, tuple[str, ...]]) -> Iterator[Match]:
    """All the matches between two stretches; which of them hold is for the alignment to choose."""
    yield from _same_keys(said, heard, _written, alike=False)
    yield from _same_keys(said, heard, _spoken, alike=True)
    yield from _near(said, heard, spellings)


def _same_keys(
    said: Sequence[str], heard: Sequence[str], keys_of: Callable[[tuple[str, ...]], Iterator[str]], alike: bool
) -> Iterator[Match]:
    places: dict[str, list[tuple[int, int]]] = {}
    for start, words in _windows(heard):
        for key in keys_of(words):
            places.setdefault(key, []).append((start, len(words)))
    for start, words in _windows(said):
        for key in keys_of(words):
            for place, length in places.get(key, ()):
                yield Match(start, place, len(words), length, alike)


def _windows(words: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for start in range(len(words)):
        for length in range(1, min(WINDOW, len(words) - start) + 1):
            yield start, tuple(words[start : start + length])


def _written(words: tuple[str, ...]) -> Iterator[str]:
    return map("".join, product(*map(readings, words)))


def _spoken(words: tuple[str, ...]) -> Iterator[str]:
    """The sounds of some words said in one breath, by accent."""
    each = [sorted(sounds(word)) for word in words]
    for accent in ("us ", "gb "):
        here = [[said[3:] for said in word if said.startswith(accent)] for word in each]
        if len(words) > 1:
            here = [word[:2] for word in here]
        for parts in product(*here):
            yield accent + "".join(parts)


def _near(said: Sequence[str], heard: Sequence[str], spellings: Mapping[str, tuple[str, ...]]) -> Iterator[Match]:
    """Words that are easily misheard, alone or with a neighbour, for which the like was heard."""
    others = [(place, words, "".join(words).replace("'", ""), _outline(words)) for place, words in _windows(heard)]
    strange = [other for other in others if len(other[1]) == 1 and not is_known(other[2])]
    for start, words in _windows(said):
        common = all(map(is_common, words))
        if len(words) > 2 or (common and (len(words) > 1 or not strange)):
            continue
        limit = NEAR if len(words) > 1 or is_known(words[0]) else NEAR_UNKNOWN
        known = _learnt(words[0], spellings) if len(words) == 1 else frozenset()
        outline_said = _outline(words)
        for place, other, written, sound in strange if common else others:
            if written in known:
                yield Match(start, place, len(words), len(other), alike=True)
                continue
            distance = unlikeness(outline_said, sound, limit)
            if distance <= limit and not _better_apart(words, other, distance):
                yield Match(start, place, len(words), len(other), alike=True, unlikeness=distance)


def _outline(words: tuple[str, ...]) -> str:
    return "".join(map(outline, words))


def _learnt(word: str, spellings: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """What else the book's lexicon has for a word, written together."""
    stem = word.removesuffix("'s")
    ending = "s" if stem != word else ""
    return frozenset(form.replace(" ", "").replace("'", "") + ending for form in spellings.get(stem, ()))


def _better_apart(said: tuple[str, ...], heard: tuple[str, ...], distance: float) -> bool:
    """Whether some of these words match as well without the others: then the others are errors."""
    for _, part in _windows(said):
        for _, other in _windows(heard):
            smaller = len(part) + len(other) < len(said) + len(heard)
            if smaller and unlikeness(_outline(part), _outline(other), 1.0) <= distance:
                return True
    return False
