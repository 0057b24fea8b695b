"""From the bytes of a member to its characters, strictly: no byte is dropped and no U+FFFD is made, ever.

Order: byte order mark, a UTF-16 look, the XML declaration, UTF-8, `<meta charset>`, detection. A member that nothing
decodes whole, or that is UTF-8 with torn bytes, is damaged; guessing there would print accents as rubbish.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LEGACY = [
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "koi8-r",
    "shift_jis",
    "euc_jp",
    "gb18030",
    "big5",
]
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_META = re.compile(rb"""<meta[^>]+?charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_TEXT_CODEC = re.compile(r"utf-(8|16|32)(-[bl]e)?$|(cp\d|iso|koi8|mac-|shift_jis|euc_|gb|big5|hz$|tis|johab)")
# Word processors leave these in; they print nothing, and XML forbids them. NUL is not among them: it stands where a
# letter was.
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SURROGATES = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_SAMPLE = 1 << 20  # bytes
_LETTER, _FOREIGN = re.compile(r"[^\W\d_]"), re.compile(r"[À-ÖØ-öø-ÿ]")
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[¡¢£¤¥¦¨©ª¬®¯±²³´µ¶¸¹º¼½¾¿×÷†‡ˆ‰‹›˜™][^\W\d_]")
_SEPARATORS = "\x0b\x0c"


def decode(data: bytes) -> str:
    """The characters of a text member.

    Raises:
        UnicodeError: No encoding reads all of it, or it holds a NUL; the message says where.
    """
    text = _decode(data)
    nul = text.find("\0")
    if nul >= 0:
        raise UnicodeError(f"it holds a NUL at character {nul + 1}, where a letter was")
    return _CONTROLS.sub(lambda control: " " if control[0] in _SEPARATORS else "", text)


def _decode(data: bytes) -> str:
    for bom, name in BOMS:
        if data.startswith(bom):
            return _strictly(data[len(bom) :], name)
    for start, name in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if data.startswith(start):
            return _strictly(data, name)
    declared, meta = _DECLARED.search(data[:1024]), _META.search(data[:4096])
    for label in (declared and declared[1], b"utf-8", meta and meta[1]):
        for name in _codecs(label.decode("ascii")) if label else ():
            try:
                return data.decode(name)
            except UnicodeDecodeError:
                continue
    return _detected(data)


def _strictly(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise UnicodeError(f"it is marked as {name} but byte {error.start + 1} is not") from error


def _codecs(label: str) -> tuple[str, ...]:
    """Python's codecs for a declared label, best first. Latin-1 means windows-1252, as in every browser."""
    try:
        name = codecs.lookup(label.removeprefix("x-")).name
    except LookupError:
        return ()
    if name in ("iso8859-1", "ascii"):
        return ("utf-8", "cp1252", "iso8859-1") if name == "ascii" else ("cp1252", "iso8859-1")
    if name.startswith(("utf-16", "utf-32")):
        return ()  # it has neither the mark nor the look, so it was transcoded and the label forgotten
    return (name,) if _TEXT_CODEC.match(name) else ()


def _detected(data: bytes) -> str:
    torn = _torn_utf8(data)
    if torn:
        raise UnicodeError(f"it is UTF-8 with torn bytes, the first at byte {torn}")
    if _reads_as_western(data):
        return data.decode("cp1252")
    guesses = [match.encoding for match in from_bytes(data, cp_isolation=LEGACY)]
    for name in [*guesses, "cp1252"]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if name == "cp1252" or not _SIGN_IN_WORD.search(text[:_SAMPLE]):
            return text
    raise UnicodeError("it declares no encoding and none reads all of it")


def _reads_as_western(data: bytes) -> bool:
    """Whether it is windows-1252 as far as one can see: few letters beyond ASCII, and no ¹ or ¿ inside a word.

    Asked first because detection takes French in windows-1252 for windows-1250, which makes ŕ of à.
    """
    try:
        text = data[:_SAMPLE].decode("cp1252")
    except UnicodeDecodeError:
        return False
    letters, foreign = len(_LETTER.findall(text)), len(_FOREIGN.findall(text))
    return foreign <= 0.2 * letters and not _SIGN_IN_WORD.search(text)


def _torn_utf8(data: bytes) -> int:
    """The number of the first byte that is wrong, if around it there are more whole characters of UTF-8 than torn
    ones; else 0."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        around = data[max(0, error.start - (1 << 18)) : error.start + (1 << 18)].decode(errors="surrogateescape")
        torn = len(_SURROGATES.findall(around))
        whole = len(_BEYOND_ASCII.findall(around)) - torn
        return error.start + 1 if whole > torn else 0
    return 0
