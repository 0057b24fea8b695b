"""Which elements are references, notes and links back, found over the whole book before any text is read.

By epub:type and role; and classical EPUB 2 notes, where it is safe: a short superscript or bracketed mark in the
middle of a text that links to a block with a link back to the same paragraph. A chapter title with a link, or a list
of links, fulfils none of that.

Elements are named by their ordinal in the document: the same parser meets them in the same order again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rhapsode.book import semantics
from rhapsode.book.markup import local

NoteKey = tuple[str, int]  # document, ordinal of the note's element

_MARK = re.compile(r"[\[(]?(?:\d{1,4}|[ivxlc]{1,6}|[A-Za-z]|[*†‡§¶#‖]{1,4})[\])]?[.:]?")
_RETURN = re.compile(r"[\[(]?(?:[↩↑⤴⏎←▲^\ufe0e\ufe0f]+|back|return|zurück|retour)[\])]?\.?", re.I)
_MAX_LINKS = 64  # in one note: what has more is a list of links
_NOTEABLE = frozenset({"aside", "li", "p", "div", "dd", "td", "blockquote", "section"})


@dataclass(slots=True)
class _Element:
    ordinal: int
    name: str
    block: int  # ordinal of the nearest block, itself if it is one
    note: _Element | None = None  # the typed note that it is or stands in
    among_notes: bool = False  # in such a note, or in a container of notes
    end: int = 0  # ordinal of the last element inside


@dataclass(slots=True)
class _Link:
    ordinal: int
    block: int
    document: str
    target: tuple[str, str]
    reference: bool = False  # typed
    back: bool = False  # typed
    raised: bool = False  # superscript
    first: bool = False  # nothing stands before it in its block
    in_note: bool = False
    text: str = ""

    def is_mark(self) -> bool:
        solid = "".join(self.text.split())
        return bool(_MARK.fullmatch(solid)) and (self.raised or solid[0] in "[(")

    def is_arrow(self) -> bool:
        return bool(_RETURN.fullmatch("".join(self.text.split())))

    def is_return(self) -> bool:
        """An arrow or the like; or the number of the note, at its beginning."""
        return self.is_arrow() or ((self.first or self.raised) and bool(_MARK.fullmatch("".join(self.text.split()))))


@dataclass
class Notes:
    """`marks`: document -> ordinal -> "reference", "note" or "backlink"; `keys`: document -> ordinal
    of a reference -> its note."""

    marks: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    keys: dict[str, dict[int, NoteKey]] = field(default_factory=lambda: defaultdict(dict))


class Scan:
    """Hears one document and keeps its links and anchors."""

    def __init__(self, document: str, resolve: Callable[[str], tuple[str, str]]) -> None:
        self.document, self.resolve = document, resolve
        self.links: list[_Link] = []
        self.anchors: dict[str, _Element] = {}
        self.notes: list[_Element] = []  # typed ones
        self.blocks: dict[int, _Element] = {}  # by ordinal; those that an anchor or a link stands in
        self._open: list[_Element] = []
        self._filled: set[int] = set()  # blocks that have text already
        self._current: list[_Link] = []
        self._ordinal = self._raised = self._references = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._ordinal += 1
        name, kinds = local(tag), semantics.types(attributes)
        parent = self._open[-1] if self._open else None
        element = _Element(self._ordinal, name, self._ordinal)
        if parent is not None:
            element.note, element.among_notes = parent.note, parent.among_notes
            if name not in semantics.BLOCKS:
                element.block = parent.block
        if kinds & semantics.NOTE and name != "a":
            element.note = element
            self.notes.append(element)
        element.among_notes = element.among_notes or bool(kinds & (semantics.NOTE | semantics.NOTES))
        self._open.append(element)
        for anchor in (attributes.get("id"), attributes.get("name") if name == "a" else None):
            if anchor:
                self.anchors.setdefault(anchor.strip(), element)
        self._raised += name == "sup"
        if name == "sup" and self._current:
            self._current[-1].raised = True
        if name == "a" and attributes.get("href"):
            self._link(element, attributes, kinds)

    def _link(self, element: _Element, attributes: Mapping[str, str], kinds: frozenset[str]) -> None:
        link = _Link(element.ordinal, element.block, self.document, self.resolve(attributes["href"]))
        link.reference = "noteref" in kinds
        link.back = bool(kinds & semantics.BACK)
        link.raised = self._raised > 0 or bool(
            semantics.classes(attributes) & {"noteref", "footnote", "fnref", "super"}
        )
        link.first = element.block not in self._filled
        link.in_note = element.note is not None
        self.links.append(link)
        self._current.append(link)

    def data(self, text: str) -> None:
        if self._open and not text.isspace():
            self._filled.add(self._open[-1].block)
            if self._current and len(self._current[-1].text) < 40:
                self._current[-1].text += text[:40]

    def end(self, tag: str) -> None:
        element = self._open.pop()
        element.end = self._ordinal
        self._raised -= element.name == "sup"
        if element.name in semantics.BLOCKS:
            self._filled.discard(element.ordinal)
            self.blocks[element.ordinal] = element
            if self._open and self._open[-1].block:
                self._filled.add(self._open[-1].block)
        if self._current and self._current[-1].ordinal == element.ordinal:
            self._current.pop()

    def close(self) -> Scan:
        return self


def find(scans: Iterable[Scan]) -> Notes:
    """Joins what was heard of all documents into the notes of the book."""
    by_name = {scan.document: scan for scan in scans}
    notes = Notes()
    for scan in by_name.values():
        marks = notes.marks[scan.document]
        marks.update((element.ordinal, "note") for element in scan.notes)
        for link in scan.links:
            if link.back or (link.in_note and link.is_arrow()):
                marks[link.ordinal] = "backlink"
            elif link.reference or link.is_mark():
                _refer(notes, by_name, link)
    return notes


def _refer(notes: Notes, scans: dict[str, Scan], link: _Link) -> None:
    if link.reference:
        notes.marks[link.document][link.ordinal] = "reference"
    scan = scans.get(link.target[0])
    anchor = scan.anchors.get(link.target[1]) if scan is not None else None
    if scan is None or anchor is None:
        return
    note = _note_element(scan, anchor)
    if note is None or (scan.document == link.document and note.ordinal <= link.ordinal <= note.end):
        return
    backs = _links_back(scans, scan, note, link)
    if not (link.reference or (anchor.among_notes and not link.first) or (backs and not link.first)):
        return
    notes.marks[link.document][link.ordinal] = "reference"
    notes.marks[scan.document].setdefault(note.ordinal, "note")
    notes.keys[link.document][link.ordinal] = (scan.document, note.ordinal)
    for back in backs:
        notes.marks[scan.document][back.ordinal] = "backlink"


def _note_element(scan: Scan, anchor: _Element) -> _Element | None:
    """The block that is the note: the typed note around the anchor, else the block that the anchor is or stands in."""
    if anchor.note is not None:
        return anchor.note
    block = scan.blocks.get(anchor.block)
    return block if block is not None and block.name in _NOTEABLE else None


def _links_back(scans: dict[str, Scan], scan: Scan, note: _Element, link: _Link) -> list[_Link]:
    """Links in the note that lead to the block with the reference, and look like it."""
    first = bisect_left(scan.links, note.ordinal, key=lambda other: other.ordinal)
    inside = scan.links[first : first + _MAX_LINKS + 1]
    inside = [other for other in inside if other.ordinal <= note.end]
    if len(inside) > _MAX_LINKS:
        return []
    home = scans[link.document]
    found = []
    for back in inside:
        place = home.anchors.get(back.target[1]) if back.target[0] == link.document else None
        if place is not None and place.block == link.block and back.is_return():
            found.append(back)
    return found
