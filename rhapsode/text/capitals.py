"""ALL-CAPS: shouted words and headings are lowered, so that no engine spells them out; acronyms stay."""

from __future__ import annotations

import re
from collections.abc import Collection

from rhapsode.model import BlockKind
from rhapsode.text.numerals import is_roman

_LISTS = {
    "acronyms": """AA ABC AC AI API BA BBC BC BCE CBS CE CEO CFO CIA DC DIY DJ DNA DVD ECG EEG EPUB ESP ESPN EU FAQ FBI
        GI GIF GMT GOP GPS HIV HTML IBM IOU IQ IRA IRS ISBN JFK KGB LAPD LSD MBA MIA MIT MP MRI NASA NATO NAACP NGO NHS
        NSA NYPD OED PC PE PHD POW PTA PTSD RAF RNA SAS SATB SOS SUV TNT TV UFO UK UN UNESCO UNICEF URL USA USAF USSR
        VIP WWI WWII YMCA YWCA""",
    "acronyms and words": "AD AIDS DA ID LA MA OK PA RIP US WHO",
    "short words": """ADD AGE AGO ALL AM AN AND ANY ARE ART AS ASK AT ATE BAD BE BED BIG BOY BUT BUY BY CAN CAR CAT CUT
        DAY DID DIE DO DOG DUE EAT END EYE FAR FEW FOR FUN GET GO GOD GOT GUN HAD HAS HAT HE HER HEY HIM HIS HIT HOT HOW
        ICE IF IN IS IT ITS JOB JOY LAW LET LIE LOT MAD MAN MAY ME MEN MIX MY NEW NO NOR NOT NOW OF OFF OH OLD ON ONE OR
        OUR OUT OWN PAY PUT RAN RED RUN SAD SAW SAY SEA SEE SET SHE SIR SIT SIX SO SON SUN TEN THE TOO TOP TO TRY TWO UP
        USE WAR WAS WAY WE WHY WIN YES YET YOU HMM HM SHH SH PST PSST BRR BRRR GRR GRRR TSK TCH PFFT PHT ZZZ NTH""",
    "titles": "MR MRS MS DR ST JR SR LTD CO REV CAPT COL GEN LT SGT PROF HON ESQ MME MLLE VOL",
    "small words of a title": "a an and as at but by for from in nor of on or the to with",
}
_ACRONYMS, _AMBIGUOUS, _SHORT_WORDS, _TITLES, _SMALL = (frozenset(words.split()) for words in _LISTS.values())
_VOWEL = re.compile(r"[AEIOUYÀ-ÖØ-Ý]|[^\x00-\u024f]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_JOINS_A_SHOUT = re.compile(r"[\s,;:!?.\"'()—-]*")
_ENDS_SENTENCE = re.compile(r"[.!?…][\"')]*\s+[\"'(]*$")


def lower_shouts(text: str, kind: BlockKind, keep: Collection[str] = ()) -> str:
    """Lowers words in capitals that are words; acronyms, Roman numerals, initials and `keep` stay.

    A heading wholly in capitals gets the capitals of a title. Elsewhere a word in capitals is taken for a word if it
    stands beside another, has four letters or more, or is a common short one; a sentence still begins with a capital.
    """
    words = list(_WORD.finditer(text))
    loud = [_is_loud(found.group(), keep) for found in words]
    if not any(loud):
        return text
    title = kind is BlockKind.HEADING and not any(letter.islower() for letter in text)
    out, done, after_title = [], 0, False
    for i, found in enumerate(words):
        word, new = found.group(), found.group()
        shout = (i > 0 and loud[i - 1] and _joined(text, words[i - 1], found)) or (
            i + 1 < len(words) and loud[i + 1] and _joined(text, found, words[i + 1])
        )
        if (loud[i] and _is_word(word, title or shout)) or (word == "A" and shout):
            before = text[: found.start()]
            starts = not before.strip("\"'( ") or _ENDS_SENTENCE.search(before[-8:]) is not None
            capital = starts or after_title or word in _TITLES or (title and word.lower() not in _SMALL)
            new = _lowered(word, capital)
            after_title = word in _TITLES
        elif len(word) > 1:
            after_title = False
        out += [text[done : found.start()], new]
        done = found.end()
    return "".join([*out, text[done:]])


def _joined(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    return _JOINS_A_SHOUT.fullmatch(text, one.end(), other.start()) is not None


def _is_loud(word: str, keep: Collection[str]) -> bool:
    """In capitals, and not known to be anything but a word."""
    if len(word) < 2 or not word.isupper() or word in keep or is_roman(word):
        return False
    if word in _TITLES or word in _SHORT_WORDS or "'" in word:
        return True
    return word not in _ACRONYMS and _VOWEL.search(word) is not None


def _is_word(word: str, among_others: bool) -> bool:
    if word in _AMBIGUOUS:
        return among_others
    return among_others or len(word) > 3 or word in _SHORT_WORDS or word in _TITLES


def _lowered(word: str, capital: bool) -> str:
    parts = word.lower().split("'")
    if capital or parts[0] == "i":
        parts[0] = parts[0].capitalize()
    if capital and parts[0] in {"O", "D", "L"}:
        parts[1:] = [part.capitalize() for part in parts[1:]]
    return "'".join(parts)
