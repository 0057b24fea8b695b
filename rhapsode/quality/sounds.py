"""How words sound, as far as two of them can be told apart by ear.

Pronunciations come from the lexicons of the embedded voice (British and American, about 200,000 words, derived from
misaki's), which every installation has. They are read as data, when the first word is asked for, in half a second; no
model is loaded. A word that they lack, as a name mostly is, gets a rough sound from its letters.
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

from rhapsode.engines.hibari import ASSETS, REINSTALL, check
from rhapsode.errors import EngineUnavailable
from rhapsode.quality.numbers import name_of

_LEXICONS = ("us_gold", "us_silver", "gb_gold")
_ACCENTS = ("us", "us", "gb")
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
_LETTER_RULES = tuple((re.compile(pattern), sound) for pattern, sound in _LETTERS)


@lru_cache(maxsize=1)
def _lexicons() -> tuple[dict[str, Any], ...]:
    return tuple(_asset(f"lexicon_{name}") for name in _LEXICONS)


def _asset(name: str) -> dict[str, Any]:
    """A file of the embedded voice: verdicts depend on it, so it has to be the pinned one.

    Raises:
        EngineUnavailable: The package is not installed.
        WeightsDamaged: The file is not the pinned one.
    """
    spec = find_spec("hibari")  # found, not imported
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailable("The lexicons of hibari-tts, by which words are compared, are missing.", REINSTALL)
    file = Path(spec.submodule_search_locations[0], "assets", f"{name}.json.gz")
    check(file, ASSETS[file.name], REINSTALL)
    found: dict[str, Any] = json.loads(gzip.decompress(file.read_bytes()))
    return found


_ENDINGS = (
    ("'s", "", "z"), ("s", "", "z"), ("es", "", "z"), ("ies", "y", "z"), ("ed", "", "d"), ("ed", "e", "d"),
    ("ied", "y", "d"), ("ing", "", "əŋ"), ("ing", "e", "əŋ"), ("er", "", ""), ("er", "e", ""), ("est", "", ""),
    ("est", "e", ""), ("ly", "", ""), ("ness", "", ""), ("less", "", ""), ("not", "", ""), ("n't", "", ""),
    ("'ll", "", ""), ("'d", "", ""), ("'ve", "", ""), ("'re", "", ""), ("'m", "", ""),
)  # fmt: skip
"""Of an inflection, what it stands for in the stem, and its sound where the stem tells it."""


@lru_cache(maxsize=1 << 15)
def _stems(word: str) -> tuple[tuple[str, str], ...]:
    """What a word may be an inflection of, and the sound of the ending."""
    found = []
    for ending, instead, sound in _ENDINGS:
        stem = word.removesuffix(ending)
        if len(stem) < len(word) and len(stem) > ("'" not in ending):
            found.append((stem + instead, sound))
            if not instead and len(stem) > 2 and stem[-1] == stem[-2]:
                found.append((stem[:-1], sound))  # stopped
    return tuple(found)


@lru_cache(maxsize=1 << 15)
def sounds(word: str) -> frozenset[str]:
    """How a word is said, in each accent and each of its readings; empty for a word of no lexicon."""
    spoken = name_of(word) or word
    found = _listed(spoken)
    if not found:  # most regular inflections are not listed
        ways = ((_listed(stem), sound) for stem, sound in _stems(spoken) if sound)
        stems, sound = next(((stems, sound) for stems, sound in ways if stems), (set(), ""))
        found = {said + _ending(said, sound) for said in stems}
    return frozenset(found)


def _listed(word: str) -> set[str]:
    found: set[str] = set()
    for accent, entries in zip(_ACCENTS, _lexicons(), strict=True):
        for spelling in (word, word.capitalize()):
            entry = entries.get(spelling)
            readings = entry.values() if isinstance(entry, dict) else [entry]
            found.update(f"{accent} {_bare(said)}" for said in readings if said)
    return found


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
    stems = (word, *(stem for stem, _ in _stems(word)))
    return word[:1].isdigit() or any(stem in lexicon for stem in stems for lexicon in _lexicons())


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    tagger = _asset("tagger")
    return frozenset(tagger["vocab"]) | frozenset(tagger["tagdict"]) | {"mister", "missus"}  # it writes "Mr."


@lru_cache(maxsize=1 << 15)
def is_common(word: str) -> bool:
    """Whether a word is among the 25,000 that the tagger of the embedded voice learnt from the web, or a number."""
    if word[:1].isdigit() or len(word) < 3:
        return True
    return is_known(word) and any(stem in _vocabulary() for stem in (word, *(stem for stem, _ in _stems(word))))


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
