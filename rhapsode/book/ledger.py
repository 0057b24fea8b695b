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
from xml.parsers import expat

from rhapsode.book.documents import Run
from rhapsode.errors import WordsLost
from rhapsode.model import Block, LedgerLine, Skip

_WORD = re.compile(r"\S+")
_IGNORED = frozenset({"head", "script", "style"})
_HEAD = frozenset({"html", "head", "title", "meta", "link", "base", "style", "script"})
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_REMEDY = "This is a fault of Rhapsode: please report it with the book; other books are not affected."


def _declarations() -> str:
    """HTML's named characters as entities for expat, which would otherwise drop them from attributes in silence."""
    lines = []
    for name, value in html5.items():
        if name.endswith(";") and name[:-1] not in ("lt", "gt", "amp", "quot", "apos"):
            text = "".join(f"&#38;#{ord(char)};" for char in value)
            lines.append(f'<!ENTITY {name[:-1]} "{text}">')
    return f"<!DOCTYPE x [{''.join(lines)}]>"


_DOCTYPE = _declarations()


def nodes(text: str) -> list[str]:
    """The text nodes and alternative texts of a document (without prolog) that are more than white space."""
    try:
        return _Strict().read(text)
    except expat.ExpatError:
        return _Soup().read(text)


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
        self.ignored = 0
        parser.Parse(_DOCTYPE.encode(), False)
        parser.Parse(text.encode(), True)
        return self.found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        self.tag(name, None if self.ignored else attributes.get("alt"))
        self.ignored += name in _IGNORED

    def _end(self, tag: str) -> None:
        self.tag("", None)
        self.ignored -= tag.rpartition(":")[2].lower() in _IGNORED

    def _data(self, text: str) -> None:
        if not self.ignored:
            self.parts.append(text)


class _Soup(HTMLParser, _Collector):
    """For what is not well-formed. The head ends with its end tag, or with the first thing that cannot be in it."""

    def __init__(self) -> None:
        HTMLParser.__init__(self, convert_charrefs=True)
        _Collector.__init__(self)
        self.in_head, self.ignored, self.title = True, "", False

    def read(self, text: str) -> list[str]:
        self.feed(text)
        self.close()
        self.tag("", None)
        return self.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        self.in_head = self.in_head and name in _HEAD
        self.tag(name, dict(attrs).get("alt"))
        self.title = name == "title" and self.in_head
        if name in ("script", "style"):
            self.ignored = name

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self.tag("", None)
        if name == self.ignored:
            self.ignored = ""
        self.title = self.title and name != "title"
        self.in_head = self.in_head and name not in ("head", "body")

    def handle_data(self, data: str) -> None:
        if not self.ignored and not self.title:
            self.parts.append(data)

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data[6:])


# -- the account -------------------------------------------------------------------------------------------------------


def settle(document: str, text: str, runs: list[Run]) -> tuple[LedgerLine, list[Skip]]:
    """Holds the runs of a document against its own words.

    Args:
        document: Name of the zip member.
        text: Its characters, without prolog.
        runs: All of it in order, as documents.py has it, each with its final `skip`.

    Raises:
        WordsLost: They differ; the message names the place and the words.
    """
    counted = nodes(text)
    words = _book(document, counted, runs)
    narrated = sum(count for run, count in zip(runs, words, strict=True) if not run.skip)
    skips = []
    numbered = zip(runs, words, strict=True)
    for reason, group in itertools.groupby(numbered, key=lambda pair: pair[0].skip):
        parts = list(group)
        count = sum(count for _, count in parts)
        if reason and count:
            excerpt = " ".join(itertools.islice(_words(run.text for run, _ in parts), 12))
            skips.append(Skip(document, reason, count, excerpt[:80]))
    total = sum(words)
    return LedgerLine(document, total, narrated, total - narrated), skips


def _book(document: str, counted: list[str], runs: list[Run]) -> list[int]:
    """Words of each run, counted in the nodes of the strict parse; a word is booked where it begins."""
    words = [0] * len(runs)
    index, left = -1, ""  # the run that is being read, and what is left of its words
    pending: Iterator[str] = iter(())
    for word in _words(counted):
        rest = word
        begun = False
        while rest:
            if not left:
                found = next(pending, None)
                while found is None and index + 1 < len(runs):
                    index += 1
                    pending = _words([runs[index].text])
                    found = next(pending, None)
                if found is None:
                    raise _lost(document, counted, runs)
                left = found
            size = min(len(left), len(rest))
            if left[:size] != rest[:size]:
                raise _lost(document, counted, runs)
            if not begun:
                words[index] += 1
                begun = True
            left, rest = left[size:], rest[size:]
    if left or any(True for _ in pending) or any(True for _ in _words(run.text for run in runs[index + 1 :])):
        raise _lost(document, counted, runs)
    return words


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for match in _WORD.finditer(text):
            yield match[0]


def _lost(document: str, counted: list[str], runs: list[Run]) -> WordsLost:
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
    return WordsLost(
        f"{document}: the word ledger does not close at word {place}{after}: "
        f"missing {_quoted(missing)}, not in the document {_quoted(extra)}.",
        _REMEDY,
    )


def _quoted(words: list[str]) -> str:
    return ", ".join(repr(word[:40]) for word in words) if words else "nothing"


def check_blocks(document: str, runs: Iterable[Run], blocks: Iterable[Block]) -> None:
    """What the ledger calls narrated is in the book, and nothing else: the same characters, white space aside.

    Raises:
        WordsLost: They differ.
    """
    owed: Counter[str] = Counter()
    for run in runs:
        if not run.skip:
            owed.update(run.text)
    given: Counter[str] = Counter()
    for block in blocks:
        given.update(block.text)
    for char in set(owed) | set(given):
        if owed[char] != given[char] and not char.isspace():
            raise WordsLost(
                f"{document}: {owed[char]} times {char!r} is narrated by the ledger, {given[char]} times by the blocks.",
                _REMEDY,
            )
