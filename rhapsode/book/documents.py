"""One spine document as runs of text, each narrated or skipped for a reason, gathered into passages.

The text comes from lxml, told event by event (markup.parse): no tree, no recursion, so neither a paragraph of 20 MB
nor 20,000 nested elements is anything special. Every text node outside head, script and style becomes a run; nothing
is dropped here. What is not read is marked, and the ledger counts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rhapsode.book import semantics
from rhapsode.book.markup import local
from rhapsode.book.notes import NoteKey, Notes
from rhapsode.model import BlockKind

MAX_ELEMENTS = 1_000_000  # of one document; the complete Shakespeare has 400,000 in all
CELL = "\t"
"""Stands between the cells of a table row: white space, so that a block holds the book's characters only, yet a mark
that the text floor can speak as a stop ("Algernon. Did you hear what I was playing, Lane?")."""


@dataclass(slots=True)
class Run:
    """A text node, or the alternative text of an image.

    Attributes:
        text: As in the document.
        skip: Why it is not narrated; empty if it is.
        before: White space that markup puts before it: a line break, a cell.
    """

    text: str
    skip: str = ""
    before: str = ""
    is_alt: bool = False


@dataclass(slots=True)
class Passage:
    """A stretch with no break inside: a block to be, or something skipped.

    Attributes:
        level: Of a heading, 1 to 6; else 0.
        anchors: The ids that stand before or in it.
        note: The note that it is part of.
        references: The notes that it refers to.
    """

    kind: BlockKind
    level: int = 0
    note: NoteKey | None = None
    runs: list[Run] = field(default_factory=list)
    anchors: tuple[str, ...] = ()
    references: tuple[NoteKey, ...] = ()

    @property
    def is_narrated(self) -> bool:
        return any(not run.skip and not run.text.isspace() for run in self.runs)

    def text(self) -> str:
        """The narrated words: white space collapsed, cells separated by `CELL`; nothing else is changed."""
        joined = "".join(("\0" if run.before == CELL else run.before) + run.text for run in self.runs if not run.skip)
        return collapse(joined).replace(" \0", "\0").replace("\0 ", "\0").strip("\0").replace("\0", CELL)


def collapse(text: str) -> str:
    """Runs of white space as one space each, none at the ends; without a list of words, which 20 MB would not bear."""
    for space in set(text):
        if space.isspace() and space != " ":
            text = text.replace(space, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip()


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds inside an element, inherited from those around it."""

    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    skip: str = ""
    partition: str = ""  # front-matter or back-matter
    note: NoteKey | None = None
    verse: bool = False
    row: bool = False
    page: bool = False  # a page number, if it looks like one
    silent: bool = False
    nav: bool = False


class Reading:
    """Hears one document; afterwards `runs` holds all of it in order, `passages` the same gathered.

    Args:
        document: Name of the member.
        notes: Of the whole book.
        targets: Fragments at which a chapter begins: a passage is cut there.
        matter: What landmarks and guide say of places in this document: fragment ("" for the whole) -> types.
        pages: Fragments that the page list names.
        skip: Why all of it but its notes is skipped (`non-linear`), or empty.
        is_nav: It is the navigation document.
    """

    def __init__(
        self,
        document: str,
        notes: Notes,
        targets: frozenset[str] = frozenset(),
        matter: dict[str, set[str]] | None = None,
        pages: frozenset[str] = frozenset(),
        skip: str = "",
        is_nav: bool = False,
    ) -> None:
        self.document, self.notes, self.targets, self.pages = document, notes, targets, pages
        self.marks = notes.marks.get(document, {})
        self.matter = matter or {}
        self.is_nav = is_nav
        self.runs: list[Run] = []
        self.passages: list[Passage] = []
        self._stack = [_Context(skip=skip)]
        self._blocks: list[bool] = []
        self._buffer: list[str] = []
        self._current: Passage | None = None
        self._inline_note: Passage | None = None
        self._anchors: list[str] = []
        self._before = ""
        self._breaks = self._ordinal = 0
        self._cell = self._broken = False

    # -- what lxml tells -----------------------------------------------------------------------------------------------

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._ordinal += 1
        if self._ordinal > MAX_ELEMENTS:
            raise OverflowError(f"more than {MAX_ELEMENTS} elements")
        self._flush()
        name, above = local(tag), self._stack[-1]
        context = self._enter(name, attributes, above)
        is_block = name in semantics.BLOCKS or (context.note != above.note and name == "span" and False)
        if is_block:
            self._edge(name, context)
        self._anchor(attributes, name, is_block)
        if name == "br":
            self._line_break(above)
        elif name == "img":
            self._image(attributes, context)
        elif name == "hr" and not context.skip:
            self.passages.append(Passage(BlockKind.SCENE_BREAK, note=context.note))
        mark = self.marks.get(self._ordinal)
        if mark == "reference":
            self._refer()
        self._stack.append(context)
        self._blocks.append(is_block)

    def end(self, tag: str) -> None:
        self._flush()
        context = self._stack.pop()
        if self._blocks.pop():
            self._edge(local(tag), context)

    def data(self, text: str) -> None:
        self._buffer.append(text)

    def close(self) -> Reading:
        self._flush()
        self._shut()
        return self

    # -- contexts ------------------------------------------------------------------------------------------------------

    def _enter(self, name: str, attributes: dict[str, str], above: _Context) -> _Context:
        mark = self.marks.get(self._ordinal)
        if not attributes and mark is None and name not in _SPECIAL:
            return above
        kinds = semantics.types(attributes)
        context = self._matter(name, attributes, kinds, above)
        context = _kind(name, attributes, kinds, context)
        if mark == "note" and context.skip in ("", "footnote", "non-linear"):
            context = replace(context, skip="", note=(self.document, self._ordinal))
        if name in semantics.SILENT:
            context = replace(context, silent=True)
        return context

    def _matter(self, name: str, attributes: dict[str, str], kinds: frozenset[str], above: _Context) -> _Context:
        """Whether this element begins or ends something that is not read."""
        context = above
        for partition in ("frontmatter", "backmatter"):
            if partition in kinds:
                context = replace(context, partition=partition.replace("matter", "-matter"))
        places = self.matter.get("", set()) if self._ordinal == 1 else set()
        if name in semantics.BLOCKS and attributes.get("id"):
            places = places | self.matter.get(attributes["id"], set())
        skip = self._skip(name, attributes, kinds, kinds | places, context)
        if skip and not (context.skip and context.skip != "footnote"):
            return replace(context, skip=skip)
        if kinds & semantics.NARRATED and ("-matter" in context.skip or context.skip == "toc"):
            return replace(context, skip="")
        if "page" not in context.skip and self._may_be_page(attributes):
            return replace(context, page=True)
        return context

    def _skip(
        self, name: str, attributes: dict[str, str], own: frozenset[str], kinds: frozenset[str], context: _Context
    ) -> str:
        mark = self.marks.get(self._ordinal)
        reason = ""
        if mark in ("reference", "backlink"):
            reason = "footnote-reference" if mark == "reference" else "backlink"
        elif name == "nav":
            reason = semantics.matter_reason(kinds, context.partition) or "toc"
        elif "pagebreak" in own:
            reason = "page-number"
        elif semantics.is_hidden(attributes) and mark != "note" and not own & semantics.NOTE:
            reason = "hidden"
        elif name in semantics.RUBY:
            reason = "ruby"
        elif name in semantics.FALLBACK:
            reason = "fallback"
        elif name in semantics.NEVER_SHOWN:
            reason = "hidden"
        elif own & (semantics.NOTES | semantics.NOTE):
            reason = "footnote"
        return reason or semantics.matter_reason(kinds, context.partition)

    def _may_be_page(self, attributes: dict[str, str]) -> bool:
        if attributes.get("id") in self.pages:
            return True
        return bool(semantics.classes(attributes) & {"pagenum", "pageno", "page-number", "pagebreak"})

    # -- passages ------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Makes the characters since the last tag a run."""
        if not self._buffer:
            return
        text = self._buffer[0] if len(self._buffer) == 1 else "".join(self._buffer)
        self._buffer.clear()
        context = self._stack[-1]
        if context.silent:
            return
        if text.isspace():
            if self._current is not None and self._current.runs and not self._before:
                self._before = " "
            return
        self._add(text, context)

    def _add(self, text: str, context: _Context, is_alt: bool = False) -> None:
        skip = context.skip
        if context.page and not skip and semantics.is_page_number(text):
            skip = "page-number"
        passage = self._passage(context)
        before = self._before if passage.runs else ""
        run = Run(text, skip, before, is_alt)
        self._before = ""
        self._breaks = 0
        passage.runs.append(run)
        self.runs.append(run)

    def _passage(self, context: _Context) -> Passage:
        """The open passage, or a new one if this text belongs to another."""
        current = self._current
        if current is not None and context.note != current.note and context.note is not None:
            return self._aside(context)
        self._inline_note = None
        if current is not None and context.row and current.runs:
            if self._cell:
                self._before = CELL
            elif self._broken:
                self._shut()
        self._cell = self._broken = False
        if self._current is None:
            self._current = Passage(context.kind, context.level, context.note, anchors=tuple(self._anchors))
            self._anchors.clear()
            self.passages.append(self._current)
        return self._current

    def _aside(self, context: _Context) -> Passage:
        """A note in the middle of a paragraph: the paragraph stays whole, the note is a passage of its own."""
        if self._inline_note is None or self._inline_note.note != context.note:
            self._inline_note = Passage(context.kind, note=context.note)
            self.passages.append(self._inline_note)
        return self._inline_note

    def _edge(self, name: str, context: _Context) -> None:
        """The start or the end of a block-level element."""
        if name in ("td", "th"):
            self._cell, self._broken = True, False
        elif context.row and name != "tr" and context.kind is BlockKind.TABLE_ROW:
            self._broken = not self._cell or self._broken
        else:
            self._shut()

    def _shut(self) -> None:
        passage, self._current = self._current, None
        self._before = ""
        self._breaks = 0
        self._cell = self._broken = False
        self._inline_note = None
        if passage is None:
            return
        narrated = [run for run in passage.runs if not run.skip]
        if narrated and all(run.is_alt for run in narrated) and passage.kind is not BlockKind.HEADING:
            passage.kind = BlockKind.IMAGE
        if passage.kind in _BREAKABLE and semantics.is_scene_break("".join(run.text for run in narrated)):
            passage.kind = BlockKind.SCENE_BREAK
            for run in narrated:
                run.skip = "scene-break-mark"

    def _anchor(self, attributes: dict[str, str], name: str, is_block: bool) -> None:
        for anchor in {attributes.get("id"), attributes.get("name") if name == "a" else None} - {None, ""}:
            assert anchor is not None
            current = self._current
            if current is not None and anchor in self.targets and current.level == 0 and current.is_narrated:
                self._shut()
                current = None
            if current is None:
                self._anchors.append(anchor)
            else:
                current.anchors += (anchor,)

    def _line_break(self, context: _Context) -> None:
        """A line ends: in verse a block ends with it, in prose words are separated, and two of them part paragraphs."""
        self._breaks += 1
        if context.verse or (self._breaks > 1 and context.level == 0 and not context.row):
            self._shut()
        elif self._before != CELL:
            self._before = " "

    def _image(self, attributes: dict[str, str], context: _Context) -> None:
        alt = attributes.get("alt", "")
        if not alt.strip() or context.silent:
            return
        if semantics.is_decoration(attributes) and not context.skip:
            context = replace(context, skip="hidden")
        apart = len(alt.strip()) > 1  # one letter is a drawn initial: it belongs to the word
        if apart and self._before != CELL:
            self._before = " "
        self._add(alt, context, is_alt=True)
        self._before = " " if apart else ""

    def _refer(self) -> None:
        key = self.notes.keys.get((self.document, self._ordinal))
        if key is None:
            return
        if self._current is None:
            self._current = Passage(self._stack[-1].kind, self._stack[-1].level, self._stack[-1].note)
            self.passages.append(self._current)
        self._current.references += (key,)


_BREAKABLE = frozenset({BlockKind.PARAGRAPH, BlockKind.QUOTATION, BlockKind.VERSE, BlockKind.IMAGE})
_SPECIAL = (
    semantics.SILENT
    | semantics.RUBY
    | semantics.FALLBACK
    | semantics.NEVER_SHOWN
    | frozenset("h1 h2 h3 h4 h5 h6 hgroup li dt dd blockquote tr td th nav html body".split())
)


def _kind(name: str, attributes: dict[str, str], kinds: frozenset[str], context: _Context) -> _Context:
    """What the text inside this element is, as far as speech cares."""
    heading = semantics.HEADING.match(name)
    if heading or "heading" in kinds:
        given = attributes.get("aria-level", "2")
        level = int(heading[1]) if heading else int(given) if given.isdecimal() else 2
        return replace(context, kind=BlockKind.HEADING, level=level, row=False)
    if name == "hgroup" or (name in ("p", "div", "header") and kinds & semantics.HEADING_TYPES):
        return replace(context, kind=BlockKind.HEADING, level=6, row=False)
    if name in semantics.BLOCKS and (kinds | semantics.classes(attributes)) & semantics.VERSE and name != "body":
        return replace(context, kind=BlockKind.VERSE, verse=True)
    if name == "tr":
        return replace(context, kind=BlockKind.TABLE_ROW, row=True)
    if context.verse or context.row:
        return context
    if name in ("li", "dt", "dd"):
        return replace(context, kind=BlockKind.LIST_ITEM)
    if name == "blockquote" or (name in semantics.BLOCKS and kinds & semantics.LETTER):
        return replace(context, kind=BlockKind.QUOTATION)
    return context
