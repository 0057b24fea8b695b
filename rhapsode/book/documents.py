"""One spine document as runs of text, each narrated or skipped for a reason, gathered into passages.

The text comes from lxml, told event by event (markup.parse): no tree, no recursion, so neither a paragraph of 20 MB
nor 20,000 nested elements is anything special. Every text node outside head, script and style becomes a run; nothing
is dropped here. What is not read is marked, and the ledger counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rhapsode.book import semantics
from rhapsode.book.contexts import Context, Element, Surroundings, enter
from rhapsode.book.markup import local
from rhapsode.book.notes import NoteKey
from rhapsode.book.passages import CELL, Passage, Run
from rhapsode.model import BlockKind


class Reading:
    """Hears one document; afterwards `runs` holds all of it in order, `passages` the same gathered."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.document = around.document
        self.runs: list[Run] = []
        self.passages: list[Passage] = []
        self._stack: list[tuple[str, Context]] = [("", Context(skip=around.skip))]
        self._buffer: list[str] = []  # characters since the last tag
        self._current: Passage | None = None
        self._note_inside: Passage | None = None  # a note in the middle of the current passage
        self._anchors: list[str] = []  # for the next passage, as are these:
        self._references: list[NoteKey] = []
        self._before = ""
        self._ordinal = self._breaks = 0
        self._in_head = False
        self._cell = self._broken = False  # in a table row: a cell, or a block in it, began or ended

    # -- what lxml tells -----------------------------------------------------------------------------------------------

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._ordinal += 1
        self._flush()
        self._in_head = local(tag) in semantics.OF_THE_HEAD if self._in_head else local(tag) == "head"
        element = Element(local(tag), attributes, semantics.types(attributes), self._ordinal)
        above = self._stack[-1][1]
        context = enter(element, above, self.around)
        if element.is_block:
            self._edge(element.name, context)
        self._anchor(element)
        if element.name == "br":
            self._line_break(above)
        elif element.name == "img":
            self._image(attributes, context)
        elif element.name == "hr" and not context.skip:
            self.passages.append(Passage(BlockKind.SCENE_BREAK, note=context.note))
        if self._ordinal in self.around.keys and context.skip == "footnote-reference":
            self._references.append(self.around.keys[self._ordinal])
        self._stack.append((element.name, context))

    def end(self, tag: str) -> None:
        self._flush()
        name, context = self._stack.pop()
        self._in_head = self._in_head and name != "head"
        if name in semantics.BLOCKS:
            self._edge(name, context)

    def data(self, text: str) -> None:
        self._buffer.append(text)

    def close(self) -> Reading:
        self._flush()
        self._shut()
        if self.around.is_nav:
            self._skip_title_of_contents()
        return self

    # -- runs ----------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Makes the characters since the last tag a run."""
        if not self._buffer:
            return
        text = self._buffer[0] if len(self._buffer) == 1 else "".join(self._buffer)
        self._buffer.clear()
        context = self._stack[-1][1]
        if context.silent or self._in_head:
            return
        if text.isspace():
            self._before = self._before or " "
        else:
            self._add(text, context)

    def _add(self, text: str, context: Context, is_alt: bool = False) -> None:
        skip = context.skip
        if context.page and not skip and semantics.is_page_number(text):
            skip = "page-number"
        passage = self._passage(context)
        run = Run(text, skip, self._before if passage.runs else "", is_alt)
        self._before = ""
        self._breaks = 0
        passage.runs.append(run)
        passage.references += tuple(self._references)
        self._references.clear()
        self.runs.append(run)

    def _image(self, attributes: Mapping[str, str], context: Context) -> None:
        alt = attributes.get("alt", "")
        if not alt.strip() or context.silent:
            return
        if semantics.is_decoration(attributes) and not context.skip:
            context = replace(context, skip="hidden")
        apart = len(alt.strip()) > 1  # one letter is a drawn initial: it belongs to the word
        if apart:
            self._before = self._before or " "
        self._add(alt, context, is_alt=True)
        self._before = " " if apart else ""

    def _line_break(self, context: Context) -> None:
        """A line ends: in verse a block ends with it, in prose words are separated, and two of them part paragraphs."""
        self._breaks += 1
        if context.verse or (self._breaks > 1 and context.level == 0 and not context.row):
            self._shut()
        else:
            self._before = " "

    # -- passages ------------------------------------------------------------------------------------------------------

    def _passage(self, context: Context) -> Passage:
        """The open passage, or a new one if this text belongs to another."""
        if self._current is not None and context.note != self._current.note:
            if context.note is not None:
                return self._note_within(context)
            self._shut()
        self._note_inside = None
        if self._current is not None and context.row:
            if self._cell:
                self._before = CELL
            elif self._broken:
                self._shut()
        self._cell = self._broken = False
        if self._current is None:
            self._current = self._open(context)
        return self._current

    def _open(self, context: Context) -> Passage:
        passage = Passage(context.kind, context.level, context.note, anchors=tuple(self._anchors))
        self._anchors.clear()
        self.passages.append(passage)
        return passage

    def _note_within(self, context: Context) -> Passage:
        """A note in the middle of a paragraph: the paragraph stays whole, the note is a passage of its own."""
        if self._note_inside is None or self._note_inside.note != context.note:
            self._note_inside = self._open(context)
        return self._note_inside

    def _edge(self, name: str, context: Context) -> None:
        """The start or the end of a block-level element. The cells of a row stay in one passage; a second paragraph in
        a cell opens another."""
        if not context.row or name == "tr":
            self._shut()
        elif name in ("td", "th"):
            self._cell, self._broken = True, False
        else:
            self._broken = not self._cell

    def _shut(self) -> None:
        passage, self._current, self._note_inside = self._current, None, None
        self._before = ""
        self._breaks = 0
        self._cell = self._broken = False
        if passage is not None:
            passage.settle_kind()

    def _anchor(self, element: Element) -> None:
        names = {element.attributes.get("id", ""), element.attributes.get("name", "") if element.name == "a" else ""}
        for anchor in names - {""}:
            current = self._current
            if current is not None and anchor in self.around.targets and not current.level and current.is_narrated:
                self._shut()  # a chapter begins in the middle of bare text
            if self._current is None:
                self._anchors.append(anchor)
            else:
                self._current.anchors += (anchor,)

    def _skip_title_of_contents(self) -> None:
        """In the navigation document a heading outside of nav is the title of the contents, if all else is inside."""
        rest = [passage for passage in self.passages if passage.is_narrated]
        if all(passage.kind is BlockKind.HEADING for passage in rest):
            for run in self.runs:
                run.skip = run.skip or "toc"
