"""Text to phonemes for hibari, with no word lost on the way.

hibari 0.2.1 leaves out in silence: letters that its nets do not know (most of what is not Latin), all that follows the
24th letter of an unknown word, a word that its tagger takes for punctuation (`don't` after a dash, a few times a
novel), the second half of `[this](way)`, and most symbols. Numbers beyond 36 digits raise IndexError. Here such text is
rewritten into text that hibari speaks; what cannot be rewritten is an error that names it.

This module imports hibari: only `hibari.py` imports it, when the engine is loaded.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from anyascii import anyascii
from hibari.g2p import G2P, PUNCT_TAGS
from hibari.g2p.normalize import CURRENCY_WORDS, SYMBOLS, normalize
from hibari.g2p.oov import OOV
from hibari.tts import ASSETS

from rhapsode.errors import SynthesisFailed

KEPT = frozenset("“”‘’…—–") | frozenset(SYMBOLS) | frozenset(CURRENCY_WORDS)
"""Characters outside ASCII that hibari reads, or turns into a pause, by itself."""

HYPHENS = {"‐": "-", "‑": "-", "´": "'", "ʼ": "'", "−": " minus "}
"""Look-alikes of a character that hibari knows. Other dashes become an em dash: a pause."""

REWRITES = (
    (re.compile(r"\]\("), "] ("),  # hibari takes [text](x) for text with its pronunciation, and drops x
    (re.compile(r"(?<=\d)\s?[-–—]\s?(?=[$£€]\d)"), " to "),  # without this, $10-$20 is read "ten twenty"
    (re.compile(r"-(?=[$£€]\d)"), " minus "),
    (re.compile(r"(?<=[^\W\d_])(?=[$£€]\d)"), " "),
    (re.compile(r"\$(?!\s?\.?\d)"), " dollars "),
    (re.compile(r"£(?!\s?\.?\d)"), " pounds "),
    (re.compile(r"€(?!\s?\.?\d)"), " euros "),
    # hibari counts to decillions; a longer number is read as digits.
    (re.compile(r"(?:\d,?){37,}"), lambda match: " ".join(re.sub(r"\D", "", match[0]) + " ")),
)

MARKS = frozenset("ˈˌːʰʲ")
"""Phonemes that Python takes for letters and that are no sound of their own: stress, length, aspiration."""

REMEDY = "Give it a respelling in the lexicon, or redo the chunk with --text."


def has_word(text: str) -> bool:
    """Whether something in the text is to be heard: a letter or a digit of any script."""
    return any(c.isalnum() for c in text)


def is_heard(phonemes: str) -> bool:
    """Whether any of the phonemes is a sound, rather than a pause or a mark."""
    return any(c.isalpha() and c not in MARKS for c in phonemes)


class UnknownWords:
    """hibari's net for words outside its lexicon, made whole: long words in pieces, and never an empty answer."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self.letters = frozenset(c for c in net.cin if "LATIN" in unicodedata.name(c, ""))

    def __call__(self, word: str) -> str:
        """The phonemes of a word.

        Raises:
            SynthesisFailed: The net has no sound for some part of it.
        """
        length = self._net.maxlen
        phonemes = [self._sounds(word[i : i + length]) for i in range(0, len(word), length)]
        if not all(map(is_heard, phonemes)):
            raise SynthesisFailed(f"hibari has no sound for {word!r}.", REMEDY)
        return "".join(phonemes)

    def _sounds(self, piece: str) -> str:
        phonemes = self._net(piece) or ""
        if not is_heard(phonemes) and (len(piece) > 1 or not piece.isascii()):
            # The pair EA and a few single letters (the British Ã) get no sound: then letter by letter, without accents.
            return "".join(map(self._sounds, anyascii(piece)))
        return phonemes


class Pronouncer:
    """One sentence -> its phonemes: what `hibari.Hibari` expects as its `g2p`. Immutable after loading."""

    def __init__(self, british: bool) -> None:
        self._words = UnknownWords(OOV(f"{ASSETS}/{'oov_gb' if british else 'oov'}.onnx"))
        self._g2p = G2P(oov=self._words, british=british)

    def __call__(self, sentence: str) -> str:
        """The phonemes of a sentence, in the alphabet of the voice.

        Raises:
            SynthesisFailed: A word of it would not be heard; the message names the word.
        """
        tokens = self._g2p.tokenize(normalize(self.rewritten(sentence)))
        for token in tokens:
            if token.tag in PUNCT_TAGS and has_word(token.text):
                token.tag = "CD" if any(c.isdigit() for c in token.text) else "NN"
        tokens = self._g2p.phonemize_tokens(tokens)
        for token in tokens:
            if has_word(token.text) and not is_heard(token.phonemes or ""):
                raise SynthesisFailed(f"hibari has no sound for {token.text!r}.", REMEDY)
        return "".join((token.phonemes or "") + (" " if token.whitespace else "") for token in tokens).strip()

    def rewritten(self, text: str) -> str:
        """The text as hibari is given it.

        Latin letters that hibari learnt stay; other scripts are transliterated (`λόγος` -> `logos`), mathematical signs
        and emoji are named, ornaments (`❦`, `■`) and format characters are not read.

        Raises:
            SynthesisFailed: A character that means nothing known: private use, unassigned, or U+FFFD.
        """
        text = re.sub(r"\S+", self._rewritten_word, unicodedata.normalize("NFC", text))
        for pattern, replacement in REWRITES:
            text = pattern.sub(replacement, text)
        return text

    def _rewritten_word(self, match: re.Match[str]) -> str:
        word = "".join(map(self._spoken, match[0]))
        if has_word(match[0]) and not has_word(word):
            raise SynthesisFailed(f"hibari cannot read {match[0]!r}.", REMEDY)
        return word

    def _spoken(self, c: str) -> str:
        category = unicodedata.category(c)
        if category == "Cc":
            return c if c.isspace() else " "
        if c.isascii() or c in KEPT or c in self._words.letters:
            return c
        if c in HYPHENS:
            return HYPHENS[c]
        if category in ("Co", "Cn", "Cs") or c == "\ufffd":
            raise SynthesisFailed(f"hibari cannot read the character U+{ord(c):04X}.", REMEDY)
        if category in ("Sm", "Sc") or c == "‰":
            return f" {unicodedata.name(c).lower().removesuffix(' sign')} "
        return _ascii(c, category)


def _ascii(c: str, category: str) -> str:
    """Transliteration by kind of character."""
    if category == "Pd":
        return "—"
    if category[0] in "PZ":
        return " " if category[0] == "Z" else c
    plain = anyascii(c)
    if (
        category == "So"
    ):  # an emoji comes as `:party_popper:`, a letter-like sign (№) as letters, an ornament as neither
        return f" {plain.strip(':').replace('_', ' ')} " if len(plain) > 2 else plain if plain.isalpha() else " "
    return f" {plain}" if "<fraction>" in unicodedata.decomposition(c) else plain
