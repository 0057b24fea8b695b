"""How words sound, as far as two of them can be told apart by ear.

Pronunciations come from the lexicons of the embedded voice (British and American, about 200,000 words, derived from
misaki's), which every installation has. They are read as data, when the first word is asked for; no model is loaded.
A word that they lack, as a name mostly is, gets a rough sound from its letters.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from rhapsode.quality.numbers import name_of

_LEXICONS = ("us_gold", "us_silver", "gb_gold")
_STRESS = re.compile(r"[ˈˌːʔ]")
_UNSTRESSED = re.compile(r"(?<![ˈˌ])ɪ")
_SAME = str.maketrans({"ɾ": "t", "ᵊ": "ə", "ᵻ": "ə", "ɐ": "ə"})
_CLASSES = str.maketrans(
    {
        **dict.fromkeys("ɑɒæaɛeɪiɔʊuʌəɜᵻᵊAIOQWYɐ", "a"),
        **dict.fromkeys("bp", "p"), **dict.fromkeys("dtɾθð", "t"), **dict.fromkeys("ɡgkq", "k"),
        **dict.fromkeys("fv", "f"), **dict.fromkeys("sz", "s"), **dict.fromkeys("ʃʒʤʧ", "ʃ"),
        **dict.fromkeys("nŋ", "n"), "h": "", "j": "a", "w": "w",
    }
)  # fmt: skip
"""What ears confuse: voiced and unvoiced consonants, and all vowels."""

_LETTERS = (
    (r"^(?:ps|sc(?=[eiy]))", "s"), (r"^(?:kn|gn|pn)", "n"), (r"^wr", "ɹ"), (r"^x", "z"), (r"sch", "ʃ"),
    (r"tch|ch", "ʧ"), (r"sh", "ʃ"), (r"ph", "f"), (r"(?<=[aeiou])gh|gh(?=t)", ""), (r"gh", "ɡ"), (r"wh", "w"),
    (r"th", "θ"), (r"dg(?=[eiy])", "ʤ"), (r"qu", "kw"), (r"ck", "k"), (r"c(?=[eiy])", "s"), (r"g(?=[eiy])", "ʤ"),
    (r"c", "k"), (r"x", "ks"), (r"ng", "ŋ"), (r"(?<=[^aeiou])e$", ""), (r"j", "ʤ"), (r"r", "ɹ"),
    (r"y(?=[aeiou])", "j"), (r"[aeiouy]+", "ə"), (r"(.)\1", r"\1"),
)  # fmt: skip
_TITLES = ("mister", "missus")
_LETTER_RULES = tuple((re.compile(pattern), sound) for pattern, sound in _LETTERS)


@lru_cache(maxsize=1)
def _lexicons() -> tuple[dict[str, Any], ...]:
    return tuple(_asset(f"lexicon_{name}") for name in _LEXICONS)


def _asset(name: str) -> dict[str, Any]:
    spec = find_spec("hibari")  # found, not imported
    assert spec is not None and spec.submodule_search_locations is not None, "hibari-tts is a dependency"
    file = Path(spec.submodule_search_locations[0], "assets", f"{name}.json.gz")
    found: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return found


_ENDINGS = (
    ("'s", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"), ("ing", ""), ("ing", "e"),
    ("er", ""), ("er", "e"), ("est", ""), ("est", "e"), ("ly", ""), ("ness", ""), ("less", ""), ("'ll", ""), ("'d", ""),
    ("'ve", ""), ("'re", ""), ("'m", ""), ("n't", ""), ("not", ""),
)  # fmt: skip


@lru_cache(maxsize=1 << 15)
def _stems(word: str) -> tuple[str, ...]:
    """A word and what it may be an inflection of."""
    found = [word]
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (1 if "'" in ending else 2):
            stem = word.removesuffix(ending)
            found.append(stem + instead)
            if ending[0] == "e" or ending == "ing":  # stopped
                found += [stem[:-1]] if stem[-1] == stem[-2] else []
    return tuple(found)


@lru_cache(maxsize=1 << 15)
def sounds(word: str) -> frozenset[str]:
    """How a word is said, in each accent and each of its readings; empty for a word of no lexicon."""
    spoken = name_of(word) or word
    found: set[str] = set()
    for accent, entries in zip(("us", "us", "gb"), _lexicons(), strict=True):
        for spelling in (spoken, spoken.capitalize()):
            entry = entries.get(spelling)
            readings = entry.values() if isinstance(entry, dict) else [entry]
            found.update(f"{accent} {_bare(said)}" for said in readings if said)
    return frozenset(found or _inflected(spoken))


def _inflected(word: str) -> set[str]:
    """The lexicons leave out most regular plurals, pasts and participles."""
    for stem in _stems(word)[1:]:
        for ending, sound in (("s", "z"), ("d", "d"), ("ing", "ɪŋ")):
            if word.endswith(ending) and (known := sounds(stem)):
                return {said + _ending(said, sound) for said in known}
    return set()


def _ending(said: str, sound: str) -> str:
    if said[-1] in {"z": "szʃʒʧʤ", "d": "td"}.get(sound, ""):
        return f"ə{sound}"
    return {"z": "s", "d": "t"}.get(sound, sound) if said[-1] in "ptkfθsʃʧ" else sound


def _bare(said: str) -> str:
    """A pronunciation without stress; the vowels that are weak without it ("Ernest", "earnest") become one."""
    if "ˈ" in said:
        said = _UNSTRESSED.sub("ə", said)
    return _STRESS.sub("", said).translate(_SAME)


@lru_cache(maxsize=1 << 15)
def is_known(word: str) -> bool:
    """Whether a lexicon has a word in small letters: names and inventions are not known."""
    return word[:1].isdigit() or any(stem in lexicon for stem in _stems(word) for lexicon in _lexicons())


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    tagger = _asset("tagger")
    return frozenset(tagger["vocab"]) | frozenset(tagger["tagdict"])


@lru_cache(maxsize=1 << 15)
def is_common(word: str) -> bool:
    """Whether a word is among the 25,000 that the tagger of the embedded voice learnt from the web, or a number."""
    short = word[:1].isdigit() or len(word) < 3 or word in _TITLES
    return short or (is_known(word) and any(stem in _vocabulary() for stem in _stems(word)))


@lru_cache(maxsize=1 << 15)
def outline(word: str) -> str:
    """A word's consonants and vowels by class: what is left of it in a bad hearing. Consonants count twice."""
    known = sorted(sounds(word))
    said = known[-1].split()[1] if known else _from_letters(name_of(word) or word)
    once = re.sub(r"(.)\1+", r"\1", said.translate(_CLASSES))
    return re.sub(r"([^a])", r"\1\1", once)


def _from_letters(word: str) -> str:
    said = re.sub(r"[^a-z]", "", word)
    for pattern, sound in _LETTER_RULES:
        said = pattern.sub(sound, said)
    return said


def unlikeness(said: str, heard: str, limit: float) -> float:
    """0 for two outlines that are the same, 1 for two that share nothing, or are more unlike than `limit`."""
    return Levenshtein.normalized_distance(said, heard, score_cutoff=limit)
