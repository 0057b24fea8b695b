"""The word ledger: every word of every spine document is narrated or in a named skip, or the conversion stops.

The words are counted by a strict parse of its own: expat where a document is well-formed XML, the tokeniser of
Python's html.parser where it is not. It shares no code with documents.py, and knows neither chapters nor notes nor
blocks; only the decoded characters are the same (encoding.py drops none).

A **word** is a run of characters between white space inside one text node, that is between two tags, or in the `alt`
of an image. So "lightning<a>1</a>" is two words, and a drop cap makes two of one. Everything outside head, script and
style counts. The account closes when both parsers give the same characters, white space aside, in the same order;
each word is then booked where its first character stands.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html.entities import html5
from html.parser import HTMLParser
from pathlib import Path
from xml.parsers import expat

from rhapsode.book.passages import Run, collapse
from rhapsode.errors import BookDamaged, BookError, WordsLost
from rhapsode.model import Block, LedgerLine, Skip

_WORD = re.compile(r"\S+")
_HEAD = frozenset({"title", "meta", "link", "base", "style", "script", "noscript", "template"})
_REMEDY = "This is a fault of Rhapsode: please report it with the book; other books are not affected."
_REPAIR = "Repair it with an EPUB editor such as Sigil or calibre, or get another copy."


def _declarations() -> str:
    """HTML's named characters as entities for expat, which would otherwise drop them from attributes in silence."""
    lines = []
    for name, value in html5.items():
        if name.endswith(";") and name[:-1] not in ("lt", "gt", "amp", "quot", "apos"):
            text = "".join(f"&#38;#{ord(char)};" for char in value)
            lines.append(f'<!ENTITY {name[:-1]} "{text}">')
    return f"<!DOCTYPE x [{''.join(lines)}]>"


_DOCTYPE = _declarations()


def nodes(text: str) -> tuple[list[str], str]:
    """The text nodes and alternative texts of a document (without prolog) that are more than white space; and, where it
    is not well-formed, what is wrong with it and where."""
    try:
        return _Strict().read(text), ""
    except expat.ExpatError as error:
        return _Soup().read(text), str(error)


class _Collector:
    def __init__(self) -> None:
        self.found: list[str] = []
        self.parts: list[str] = []

    def tag(self, name: str, alt: str | None) -> None:
        node = "".join(self.parts)
        self.parts.clear()
        if node and not node.isspace():
            self.found.append(node)
        if name == "img" and alt and not alt.isspace():
            self.found.append(alt)


class _Strict(_Collector):
    def read(self, text: str) -> list[str]:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        self.in_head, self.ignored = False, 0
        parser.Parse(_DOCTYPE.encode(), False)
        parser.Parse(text.encode(), True)
        return self.found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        self.tag(name, None if self.ignored else attributes.get("alt"))
        self.in_head = name in _HEAD if self.in_head else name == "head"
        self.ignored += name in ("script", "style")

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2].lower()
        self.tag("", None)
        self.in_head = self.in_head and name != "head"
        self.ignored -= name in ("script", "style")

    def _data(self, text: str) -> None:
        if not self.ignored and not self.in_head:
            self.parts.append(text)


class _Soup(HTMLParser, _Collector):
    """For what is not well-formed. A title before anything else is in the head, tagged or not."""

    def __init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)
        _Collector.__init__(self)
        self.in_head, self.ignored = True, ""

    def read(self, text: str) -> list[str]:
        self.feed(text)
        self.close()
        self.tag("", None)
        return self.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        self.tag(name, dict(attrs).get("alt"))
        self.in_head = self.in_head and (name in _HEAD or name in ("html", "head"))
        if name in ("script", "style") or (name == "title" and self.in_head):
            self.ignored = name

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self.tag("", None)
        if name == self.ignored:
            self.ignored = ""
        self.in_head = self.in_head and name not in ("head", "body")

    def handle_data(self, data: str) -> None:
        if not self.ignored:
            self.parts.append(data)

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data[6:])


# -- the account -------------------------------------------------------------------------------------------------------


def settle(book: Path, document: str, text: str, runs: list[Run]) -> tuple[LedgerLine, list[Skip]]:
    """Holds the runs of a document against its own words.

    Args:
        book: The file, for messages.
        document: Name of the zip member.
        text: Its characters, without prolog.
        runs: All of it in order, as documents.py has it, each with its final `skip`.

    Raises:
        WordsLost: They differ; the message names the place and the words.
        BookDamaged: They differ, and the document is not well-formed, so that nobody can say what its words are.
    """
    counted, fault = nodes(text)
    words = [0] * len(runs)
    alike = 0  # almost always all: the same nodes
    while alike < min(len(counted), len(runs)) and counted[alike] == runs[alike].text:
        words[alike] = _count(counted[alike])
        alike += 1
    if not _by_words(counted[alike:], runs[alike:], alike, words):
        raise _lost(f"{book}: {document}", fault, counted, runs)
    narrated = sum(count for run, count in zip(runs, words, strict=True) if not run.skip)
    total = sum(words)
    return LedgerLine(document, total, narrated, total - narrated), list(_skips(document, runs, words))


def _count(text: str) -> int:
    return collapse(text).count(" ") + 1


def _skips(document: str, runs: list[Run], words: list[int]) -> Iterator[Skip]:
    """One for each stretch of one reason."""
    for reason, group in itertools.groupby(zip(runs, words, strict=True), key=lambda pair: pair[0].skip):
        parts = list(group)
        count = sum(count for _, count in parts)
        if reason and count:
            excerpt = " ".join(itertools.islice(_words(run.text for run, _ in parts), 12))
            yield Skip(document, reason, count, excerpt[:80])


def _by_words(counted: list[str], runs: list[Run], offset: int, words: list[int]) -> bool:
    """Whether both have the same characters, however they part them; books each word where it begins."""
    theirs = ((index, word) for index, run in enumerate(runs) for word in _words([run.text]))
    place, left = 0, ""  # the run that is being read, and what is left of its word
    for word in _words(counted):
        rest = word
        while rest:
            if not left:
                place, left = next(theirs, (0, ""))
            size = min(len(left), len(rest))
            if not size or left[:size] != rest[:size]:
                return False
            words[offset + place] += rest is word
            left, rest = left[size:], rest[size:]
    return not left and next(theirs, None) is None


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for match in _WORD.finditer(text):
            yield match[0]


def _lost(where: str, fault: str, counted: list[str], runs: list[Run]) -> BookError:
    """Names the place where the two readings part, and up to ten words that only one of them has."""
    place, before = 0, ""
    for place, (ours, theirs) in enumerate(  # noqa: B007
        itertools.zip_longest(_words(run.text for run in runs), _words(counted)), start=1
    ):
        if ours != theirs:
            break
        before = theirs or ""
    theirs, ours = Counter(_words(counted)), Counter(_words(run.text for run in runs))
    missing, extra = list((theirs - ours).elements())[:10], list((ours - theirs).elements())[:10]
    after = f" after {before[:40]!r}" if before else ""
    account = f"at word {place}{after}: missing {_quoted(missing)}, not in the document {_quoted(extra)}"
    if fault:
        return BookDamaged(f"{where} is not well-formed ({fault}) and two readings of it differ {account}.", _REPAIR)
    return WordsLost(f"{where}: the word ledger does not close {account}.", _REMEDY)


def _quoted(words: list[str]) -> str:
    return ", ".join(repr(word[:40]) for word in words) if words else "nothing"


def check_blocks(book: Path, document: str, runs: Iterable[Run], blocks: Iterable[Block]) -> None:
    """What the ledger calls narrated is in the book, and nothing else: the same characters, white space aside.

    Raises:
        WordsLost: They differ.
    """
    owed = _characters(run.text for run in runs if not run.skip)
    given = _characters(block.text for block in blocks)
    for char in owed.keys() | given.keys():
        if owed[char] != given[char]:
            counts = f"{owed[char]} by the ledger, {given[char]} by the blocks"
            raise WordsLost(f"{book}: {document}: the character {char!r} is narrated unequally: {counts}.", _REMEDY)


def _characters(texts: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts:
        for char in set(text):
            if not char.isspace():
                found[char] += text.count(char)
    return found
