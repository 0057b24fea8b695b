"""From what the book prints to what is said.

Only what the page does for the eye is undone here. Numbers, prices, dates and abbreviations are left to the engines,
which know their language.
"""

from __future__ import annotations

import re
import unicodedata

from rhapsode.model import BlockKind
from rhapsode.text.capitals import lower_shouts
from rhapsode.text.lexicon import Lexicon
from rhapsode.text.numerals import numbers_for_numerals

TERMINAL = ".!?…。！？।॥؟۔։።။"

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
    r"|(?<![^\W\d_\x00-\u024f])[\u200c\u200d]"  # joiners are spelling in Persian or Hindi, and nothing in Latin
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PRESENTATION = re.compile(r"[ﬀ-ﬆ\uff01-\uff5e\U0001d400-\U0001d7ff]")  # ligatures, full-width and mathematical letters
_ENGLISH_LIGATURES = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae"})

_QUOTES = str.maketrans("“”„‟″«»‘’‚‛′ʼ‐‑‒", '"' * 7 + "'" * 6 + "-" * 3)
_SPACE_IN_QUOTES = re.compile(r"(?<=[“‘\"'])\s(?=[“‘])|(?<=[”’])\s(?=[”’\"'])|(?<=[«“‘])\s|\s(?=[»”])")

_ELLIPSIS = re.compile(r"\s*(?:\.(?:\s?\.)+|…)(?:\s*[.…])*")
_ELLIPSES = (
    (re.compile(r"(^|[\"'“‘(]\s?)…\s*"), r"\1"),  # nothing trails off before it began
    (re.compile(r"([!?,;:—-])\s?…"), r"\1"),
    (re.compile(r"…\s?(?=[,;:!?])"), ""),
    (re.compile(r"…(?=[^\W_])"), "… "),
)

_BLANK = re.compile(r"(?<![^\W_])[⸺⸻](?![^\W_])")
_EN_DASH = re.compile(r"(?<=\d)\s?–\s?(?=\d)|(?<![^\W_])(?P<name>[A-ZÀ-Þ][^\W\d_]*)–(?=[A-ZÀ-Þ])")
_DASH = re.compile(r"\s*(?:[—―⸺⸻–]|--+|(?<=\s)-(?=\s))(?:\s*[—―⸺⸻–])*\s*")
_DASHES = (
    (re.compile(r"(^|[\"“‘(])\s?— "), r"\1"),
    (re.compile(r"(\d) — ?(?=[,;:.!?]|$)"), r"\1"),  # "August 17th, 17—."
    (re.compile(r"([,;:.!?…]) — "), r"\1 "),
    (re.compile(r" — (?=[,;:.!?…)])"), ""),
    (re.compile(r" — (?=[”’]|[\"'](?:\W|$)|$)"), "—"),
)

_ENGLISH_SYMBOLS = (
    (re.compile(r"&c\b\.?"), "etcetera"),
    (re.compile(r"\s?&\s?"), " and "),
    (re.compile(r"№\s?|\b[Nn]°\s?(?=\d)"), "number "),
    (re.compile(r"§§\s?"), "sections "),
    (re.compile(r"§\s?"), "section "),
    (re.compile(r"\s?°\s?C\b"), " degrees Celsius"),
    (re.compile(r"\s?°\s?F\b"), " degrees Fahrenheit"),
    (re.compile(r"\b1\s?°"), "1 degree "),
    (re.compile(r"\s?°\s?"), " degrees "),
    (re.compile(r"\s?©\s?"), " copyright "),
    (re.compile(r"\s<\s"), " less than "),
    (re.compile(r"\s>\s"), " greater than "),
    (re.compile(r"♯"), " sharp "),
    (re.compile(r"♭"), " flat "),
)
_SIGNS = re.compile(r"[&№§°©<>♯♭]")
_SILENT = re.compile(r"[*_•†‡¶|~^\\`{}<>\[\]]")
_TIDY = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"(?<=\S) (?=[,;:.!?…](?!\d))"), ""),
    (re.compile(r"([,;:—])[\s,;:—]*(?=[.!?…])"), ""),
    (re.compile(r"([,;:])[,;:]+"), r"\1"),
    (re.compile(r"''+"), "'"),
)
_RUN_OF_ENDS = re.compile(r"[.!?…]{2,}")
_CLOSERS = "\"')"


def spoken_text(source: str, kind: BlockKind, lexicon: Lexicon, language: str = "en") -> str:
    """What is said for a sentence, a clause or a whole block.

    Ends in terminal punctuation, within a closing quotation mark. Empty only if nothing in the source can be said: a
    source with a letter or a digit always says something.

    Args:
        language: BCP 47. Signs (&, №, §, °) become words, and œ, æ two letters, in English only.
    """
    said = phrase(source, kind, lexicon, language)
    return ensure_terminal(said) if said else ""


def phrase(source: str, kind: BlockKind, lexicon: Lexicon, language: str = "en") -> str:
    """As `spoken_text`, but ending as the source does: for a clause that the next one continues."""
    english = language.lower().startswith("en")
    text = unicodedata.normalize("NFC", _CONTROL.sub(" ", _INVISIBLE.sub("", source)))
    if not text.isascii():
        text = _PRESENTATION.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    text = lexicon.apply(_SPACE_IN_QUOTES.sub("", " ".join(text.split())))
    text = _pauses(text.translate(_ENGLISH_LIGATURES) if english else text, english)
    if english and _SIGNS.search(text):
        text = _replaced(text, _ENGLISH_SYMBOLS)
    text = numbers_for_numerals(text.strip(), kind).translate(_QUOTES)
    text = lower_shouts(text, kind, lexicon.capitals)
    text = _RUN_OF_ENDS.sub(_loudest, _replaced(_without_silent(text), _TIDY)).strip()
    return text if any(map(str.isalnum, text)) else ""


def ensure_terminal(text: str) -> str:
    """Ends a phrase: a comma or a colon at its end becomes a full stop, a dash that breaks off an ellipsis."""
    body = text.rstrip(_CLOSERS + " ,;:-—–")
    tail = text[len(body) :]
    closers = "".join(mark for mark in tail if mark in _CLOSERS)
    if body.endswith(tuple(TERMINAL)):
        return body + closers
    return body + ("…" if "—" in tail else ".") + closers


def _pauses(text: str, english: bool) -> str:
    """Ellipses become "…" after their word, all dashes that part words " — "."""
    if "." in text or "…" in text:
        text = _replaced(_ELLIPSIS.sub("…", text), _ELLIPSES)
    text = _BLANK.sub("blank" if english else "—", text)
    text = _EN_DASH.sub(lambda found: f"{found['name'] or ''}-", text)
    return _replaced(_DASH.sub(" — ", text), _DASHES)


def _without_silent(text: str) -> str:
    """Ornaments, emoji and brackets that no one reads aloud become spaces."""
    text = _SILENT.sub(" ", text)
    if text.isascii():
        return text
    return "".join(" " if unicodedata.category(c) in {"So", "Sk", "Co", "Cn", "Cs"} and c != "°" else c for c in text)


def _loudest(run: re.Match[str]) -> str:
    return next(mark for mark in "?!…." if mark in run.group())


def _replaced(text: str, table: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    for pattern, new in table:
        text = pattern.sub(new, text)
    return text
