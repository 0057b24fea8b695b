"""EPUB file -> Book: the one door of this room."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from rhapsode.book import ledger, markup, metadata, navigation, notes, package, semantics
from rhapsode.book.chapters import divide
from rhapsode.book.container import Container, damaged, too_large
from rhapsode.book.contexts import Surroundings
from rhapsode.book.documents import Reading
from rhapsode.book.navigation import Navigation
from rhapsode.errors import BookError
from rhapsode.model import Block, Book, LedgerLine, Skip
from rhapsode.settings import Footnotes

MAX_TEXT = 96 << 20  # bytes of all spine documents; the King James Bible has 12 MB with its markup


_REPLACEMENT = re.compile("\ufffd|&#(x0*fffd|0*65533);", re.I)


def read_book(path: Path, footnotes: Footnotes = Footnotes.SKIP) -> Book:
    """Reads an EPUB whole.

    Args:
        path: A local file.
        footnotes: Where notes are narrated: not at all, after the block that refers to them, or after its chapter.

    Raises:
        BookError: It cannot be read without losing words: not an EPUB, too large, encrypted, damaged, or empty.
    """
    path = Path(path)
    with Container(path) as container:
        # 1. What it is, and whether it may be read.
        package.check_rights(container)
        opf = package.read(container)
        contents = navigation.read_navigation(opf)
        documents = [item.name for item, _ in opf.spine]
        _check_size(container, documents)
        # 2. Where its notes are, then its text.
        found = notes.find(_scan(container, documents))
        readings = [_read(opf, contents, found, item, linear) for item, linear in opf.spine]
        # 3. Chapters, and the account of every word.
        chapters = divide(readings, itertools.chain(*contents.entries.values()), footnotes)
        blocks: dict[str, list[Block]] = defaultdict(list)
        for chapter in chapters:
            for block in chapter.blocks:
                blocks[block.document].append(block)
        lines: list[LedgerLine] = []
        skips: list[Skip] = []
        for reading in readings:
            line, skipped = _settle(container, reading, blocks[reading.document])
            lines.append(line)
            skips += skipped
        if not any(line.narrated for line in lines):
            raise _nothing(path, skips)
        return Book(
            digest=container.digest,
            metadata=metadata.read_metadata(opf),
            chapters=chapters,
            skips=tuple(skips),
            ledger=tuple(lines),
            cover=metadata.read_cover(opf),
        )


def _check_size(container: Container, documents: list[str]) -> None:
    total = sum(container.size(name) for name in documents)
    if total > MAX_TEXT:
        raise too_large(container.path, f"{total >> 20} MiB of text; the limit is {MAX_TEXT >> 20} MiB")


def _scan(container: Container, documents: list[str]) -> list[notes.Scan]:
    """Looks for notes in documents with links, and in those that they lead to; most of a novel has none."""
    scans: dict[str, notes.Scan] = {}
    tags = 0

    def scan(name: str, text: str) -> None:
        scans[name] = _parsed(
            container, name, text, lambda: notes.Scan(name, lambda href: package.resolve(container, name, href))
        )

    for name in documents:
        text = package.source(container, name)
        tags += text.count("<")
        if tags > package.MAX_TAGS:
            raise too_large(container.path, f"more than {package.MAX_TAGS} tags")
        if "href" in text or "HREF" in text:
            scan(name, text)
    led_to = {link.target[0] for found in scans.values() for link in found.links}
    for name in documents:
        if name in led_to and name not in scans:
            scan(name, package.source(container, name))
    return list(scans.values())


def _parsed(container: Container, name: str, text: str, target: Callable[[], markup.T]) -> markup.T:
    try:
        return markup.parse(text, target)
    except ValueError as error:
        raise damaged(container.path, f"{name}: {error}") from error


def _read(opf: package.Package, contents: Navigation, found: notes.Notes, item: package.Item, linear: bool) -> Reading:
    name = item.name
    around = Surroundings(
        document=name,
        marks=found.marks[name],
        keys=found.keys[name],
        targets=frozenset(entry.fragment for entry in contents.entries.get(name, ())) - {""},
        matter=_believed(opf, contents, name),
        pages=frozenset(contents.pages.get(name, ())) - {""},
        skip="" if linear else "non-linear",
        is_nav=name == contents.document,
    )
    return _parsed(opf.container, name, package.source(opf.container, name), lambda: Reading(around))


def _believed(opf: package.Package, contents: Navigation, name: str) -> dict[str, set[str]]:
    """What landmarks and guide say of a document. As many point to the wrong one, a whole document is not given up on
    their word if it is the only one, if several chapters begin in it, or if it is a cover with a place in the table
    of contents."""
    matter = dict(contents.matter.get(name, {}))
    entries = contents.entries.get(name, [])
    whole = matter.get("", set())
    is_text = bool(whole & (semantics.NARRATED | {"bodymatter", "text"}))
    if len(opf.spine) == 1 or len(entries) > 1 or is_text or ("cover" in whole and entries):
        matter.pop("", None)
    return matter


def _settle(container: Container, reading: Reading, blocks: list[Block]) -> tuple[LedgerLine, list[Skip]]:
    text = package.source(container, reading.document)
    if any("\ufffd" in run.text for run in reading.runs) and not _REPLACEMENT.search(text):
        raise damaged(container.path, f"{reading.document} refers to a character that does not exist")
    ledger.check_blocks(container.path, reading.document, reading.runs, blocks)
    return ledger.settle(container.path, reading.document, text, reading.runs)


def _nothing(path: Path, skips: list[Skip]) -> BookError:
    counted: Counter[str] = Counter()
    for skip in skips:
        counted[skip.reason] += skip.words
    if not counted:
        return BookError(
            f"{path} has no words to narrate: its pages are empty or pictures.", "It needs text, not scans."
        )
    reasons = ", ".join(f"{words} {reason}" for reason, words in counted.most_common())
    return BookError(
        f"{path} has no words to narrate: all are skipped ({reasons}).", "Look at it with `rhapsode inspect`."
    )
