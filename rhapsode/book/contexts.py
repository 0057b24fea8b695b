"""What holds inside an element of a document: its kind for speech, and whether it is read at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rhapsode.book import semantics
from rhapsode.book.notes import NoteKey
from rhapsode.model import BlockKind


@dataclass(frozen=True, slots=True)
class Context:
    """Inherited by what is inside.

    Attributes:
        skip: Why text here is not narrated, or empty.
        partition: `front-matter` or `back-matter`, where an ancestor says so.
        page: Text here is a printed page number if it looks like one.
        silent: Characters here are no words of the book.
    """

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    skip: str = ""
    partition: str = ""
    note: NoteKey | None = None
    verse: bool = False
    row: bool = False
    page: bool = False
    silent: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What the rest of the book says of one document.

    Attributes:
        document: Its name.
        marks: Ordinal of an element -> reference, note or backlink (notes.py).
        keys: Ordinal of a reference -> the note that it means.
        targets: Fragments at which a chapter begins.
        matter: What landmarks and guide say of places: fragment ("" for the whole) -> types.
        pages: Fragments that the page list names.
        skip: Why all of it but its notes is skipped (`non-linear`), or empty.
        is_nav: It is the navigation document.
    """

    document: str
    marks: Mapping[int, str] = field(default_factory=dict)
    keys: Mapping[int, NoteKey] = field(default_factory=dict)
    targets: frozenset[str] = frozenset()
    matter: Mapping[str, set[str]] = field(default_factory=dict)
    pages: frozenset[str] = frozenset()
    skip: str = ""
    is_nav: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag: local name, attributes, epub types and roles, number in the document from 1."""

    name: str
    attributes: Mapping[str, str]
    kinds: frozenset[str]
    ordinal: int

    @property
    def is_block(self) -> bool:
        return self.name in semantics.BLOCKS


def enter(element: Element, above: Context, around: Surroundings) -> Context:
    """The context inside an element."""
    mark = around.marks.get(element.ordinal)
    if not element.attributes and mark is None and element.name not in _SPECIAL:
        return above
    context = _read_or_not(element, above, around, mark)
    context = _kind(element, context)
    if mark == "note" and context.skip in _NOTES_SHOW_THROUGH:
        context = replace(context, skip="", note=(around.document, element.ordinal))
    if element.name in semantics.SILENT:
        context = replace(context, silent=True)
    return context


def _read_or_not(element: Element, above: Context, around: Surroundings, mark: str | None) -> Context:
    """Begins or ends something that is not read. What is outside wins, but for parts that are always read."""
    context = above
    for partition in ("front", "back"):
        if f"{partition}matter" in element.kinds:
            context = replace(context, partition=f"{partition}-matter")
    kinds = element.kinds | (around.matter.get("", set()) if element.ordinal == 1 else set())
    if element.is_block and element.attributes.get("id"):
        kinds = kinds | around.matter.get(element.attributes["id"], set())
    if element.kinds & semantics.NARRATED and ("-matter" in context.skip or context.skip == "toc"):
        context = replace(context, skip="")
    if context.skip in ("", "footnote"):
        context = replace(context, skip=_reason(element, kinds, context, mark) or context.skip)
    named = element.attributes.get("id") in around.pages
    if named or semantics.classes(element.attributes) & semantics.PAGE_CLASSES:
        context = replace(context, page=True)
    return context


def _reason(element: Element, kinds: frozenset[str], context: Context, mark: str | None) -> str:
    notes = semantics.NOTES | semantics.NOTE
    is_note = mark == "note" or element.kinds & notes
    rules = (
        (mark == "reference" or "noteref" in element.kinds, "footnote-reference"),
        (mark == "backlink", "backlink"),
        (element.name == "nav", semantics.matter_reason(kinds, context.partition) or "toc"),
        ("pagebreak" in element.kinds, "page-number"),
        (semantics.is_hidden(element.attributes) and not is_note, "hidden"),
        (element.name in semantics.RUBY, "ruby"),
        (element.name in semantics.FALLBACK, "fallback"),
        (element.name in semantics.NEVER_SHOWN, "hidden"),
        (bool(element.kinds & notes), "footnote"),
    )
    return next((reason for holds, reason in rules if holds), semantics.matter_reason(kinds, context.partition))


def _kind(element: Element, context: Context) -> Context:
    name, kinds = element.name, element.kinds
    level = _heading_level(element)
    if level:
        return replace(context, kind=BlockKind.HEADING, level=level, row=False)
    if element.is_block and name != "body" and (kinds | semantics.classes(element.attributes)) & semantics.VERSE:
        return replace(context, kind=BlockKind.VERSE, verse=True)
    if name == "tr":
        return replace(context, kind=BlockKind.TABLE_ROW, row=True)
    if not context.verse and not context.row:
        if name in ("li", "dt", "dd"):
            return replace(context, kind=BlockKind.LIST_ITEM)
        if name == "blockquote" or (element.is_block and kinds & semantics.LETTER):
            return replace(context, kind=BlockKind.QUOTATION)
    return context


def _heading_level(element: Element) -> int:
    """1 to 6 for a heading, else 0. Subtitles have 6: no chapter begins at one."""
    found = semantics.HEADING.match(element.name)
    if found:
        return int(found[1])
    if "heading" in element.kinds:
        given = element.attributes.get("aria-level", "2")
        return min(6, int(given)) if given.isdecimal() and int(given) else 2
    is_title = element.name in ("p", "div", "header") and element.kinds & semantics.HEADING_TYPES
    return 6 if element.name == "hgroup" or is_title else 0


_NOTES_SHOW_THROUGH = frozenset({"", "footnote", "non-linear", "hidden"})
_SPECIAL = (
    semantics.SILENT
    | semantics.RUBY
    | semantics.FALLBACK
    | semantics.NEVER_SHOWN
    | {"h1", "h2", "h3", "h4", "h5", "h6", "hgroup", "li", "dt", "dd", "blockquote", "tr", "nav", "html"}
)
