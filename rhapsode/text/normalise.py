"""From what the book prints to what is said."""

from __future__ import annotations

import re
import unicodedata

from rhapsode.model import BlockKind
from rhapsode.text.lexicon import Lexicon

_DELETED = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u061c]")
_TERMINAL = re.compile(r"[.!?…。！？][\"')\]»]*$")


def spoken_text(source: str, kind: BlockKind, lexicon: Lexicon, language: str = "en") -> str:
    """What is said for one sentence (or clause, or whole block), ending in terminal punctuation; "" if nothing is."""
    text = unicodedata.normalize("NFC", _DELETED.sub("", source))
    text = re.sub(r"[“”„]", '"', re.sub(r"[‘’]", "'", text))
    text = lexicon.apply(" ".join(text.split()))
    return ensure_terminal(text) if any(map(str.isalnum, text)) else ""


def ensure_terminal(text: str) -> str:
    return text if _TERMINAL.search(text) else text + "."
