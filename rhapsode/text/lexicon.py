"""The user's lexicon: how a word or a phrase of the book is to be said.

A TOML file of `word = "respelling"` lines:

    Hermione = "her-MY-oh-nee"
    "Wagga Wagga" = "wogga wogga"
    sept = "set"

Case rule: an entry in small letters replaces the word however the book writes it (sept, Sept, SEPT); an entry with a
capital in it replaces the word only as the entry writes it or all in capitals (Hermione, HERMIONE; never hermione).
A word is written as the book prints it (accents, ligatures, "&"); the respelling is spoken as it is given.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rhapsode import recipe
from rhapsode.errors import LexiconError
from rhapsode.text.pace import estimate_s

MAX_CHARACTERS, MAX_WORDS, MAX_S = 40, 8, 4.0
"""Of a respelling. No chunk may exceed its budget, and one word is the least that a chunk holds: these fit into the
smallest budget that the settings allow (60 characters, 8 words, 4 seconds)."""

_ALLOWED = 'Each line is `word = "respelling"`; a phrase stands in quotes: `"Wagga Wagga" = "wogga wogga"`.'


@dataclass(frozen=True)
class Lexicon:
    """Words and their respellings, as pairs sorted by word."""

    entries: tuple[tuple[str, str], ...] = ()

    def apply(self, text: str) -> str:
        """Replaces whole words (and phrases) by their respellings; the longest entry wins."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._respelling(found.group()), text)

    @cached_property
    def digest(self) -> str:
        return recipe.digest(self.entries)

    @cached_property
    def capitals(self) -> frozenset[str]:
        """Words that a respelling writes in capitals; normalising leaves them so."""
        return frozenset(word for _, say in self.entries for word in re.findall(r"[^\W\d_]+", say) if word.isupper())

    @cached_property
    def _words(self) -> dict[str, str]:
        return {**{word.upper(): say for word, say in self.entries if word != word.lower()}, **dict(self.entries)}

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self.entries:
            return None
        longest_first = sorted(self._words, key=lambda word: (-len(word), word))
        one_of = "|".join(f"(?i:{_phrase(word)})" if word == word.lower() else _phrase(word) for word in longest_first)
        return re.compile(rf"(?<!\w)(?:{one_of})(?!\w)")

    def _respelling(self, found: str) -> str:
        word = _key(found)
        # Last: the few letters that Python matches without regard to case, yet does not lower to one another (ſ, ı).
        return self._words.get(word) or self._words.get(word.lower()) or found


def _key(word: str) -> str:
    return unicodedata.normalize("NFC", " ".join(word.replace("’", "'").split()))


def _phrase(word: str) -> str:
    return r"\s+".join(re.escape(part).replace("'", "['’]") for part in word.split())


def load_lexicon(path: Path | None) -> Lexicon:
    """Reads a lexicon; None is the empty one.

    Raises:
        LexiconError: The file cannot be read, is not TOML, or holds an entry that is not word -> respelling.
    """
    if path is None:
        return Lexicon()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LexiconError(f"The lexicon {path} cannot be read: {error.strerror}.", "Check its path.") from error
    except UnicodeDecodeError as error:
        raise LexiconError(f"The lexicon {path} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(f"The lexicon {path} is not TOML: {error}.", _ALLOWED) from error
    entries = {}
    for word, say in table.items():
        key = _key(word)
        entries[key] = _checked(path, key, say)
    return Lexicon(tuple(sorted(entries.items())))


def _checked(path: Path, word: str, say: object) -> str:
    where = f"The lexicon {path}, entry {word!r}:"
    if not any(map(str.isalnum, word)):
        raise LexiconError(f"{where} a word needs a letter or a digit.", _ALLOWED)
    if not isinstance(say, str):
        raise LexiconError(f"{where} the respelling is a {type(say).__name__}, not a text.", _ALLOWED)
    say = " ".join(say.split())
    if not any(map(str.isalnum, say)):
        raise LexiconError(f"{where} the respelling says nothing.", "A lexicon changes words, it cannot drop them.")
    if len(say) > MAX_CHARACTERS or len(say.split()) > MAX_WORDS or estimate_s(f"{say}.") > MAX_S:
        raise LexiconError(
            f"{where} the respelling is too long.",
            f"At most {MAX_CHARACTERS} characters, {MAX_WORDS} words and {MAX_S:g} seconds; write numbers as words.",
        )
    return say
