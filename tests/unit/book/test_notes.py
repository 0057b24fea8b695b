from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.model import BlockKind
from rhapsode.settings import Footnotes
from tests.unit.book.binding import bind, nav, package, page

TYPED = {
    "c.xhtml": page('<h1>One</h1><p>A storm<a epub:type="noteref" href="#n1">1</a> came.</p><p>It went.</p>'
                    '<aside epub:type="footnote" id="n1"><p>Of 1816. <a epub:type="backlink" href="#r">↩</a>'
                    '</p></aside><h1>Two</h1><p>End.</p>'),
}  # fmt: skip
ENDNOTES = {
    "c.xhtml": page('<h1>One</h1><p>A storm<a role="doc-noteref" href="e.xhtml#n1" id="r">1</a> came.</p>'
                    '<p>It went.</p><h1>Two</h1><p>End.</p>'),
    "e.xhtml": page('<section role="doc-endnotes"><h2>Notes</h2><ol><li id="n1"><p>Of 1816.</p> '
                    '<p><a href="c.xhtml#r">↩</a></p></li></ol></section>'),
}  # fmt: skip
CLASSICAL = {
    "c.xhtml": page('<h1>One</h1><p>A storm<sup><a id="r1" href="e.html#n1">1</a></sup> came.</p><p>It went.</p>'
                    '<h1>Two</h1><p>End.</p>'),
    "e.html": page('<p><a id="n1"></a><a href="c.xhtml#r1">[1]</a> Of 1816.</p>'),
}  # fmt: skip
BRACKETED = {
    "c.xhtml": page('<h1>One</h1><p>A storm<a href="#n1" id="r1">[1]</a> came.</p><p>It went.</p>'
                    '<div id="n1"><p>Of 1816. <a href="#r1">back</a></p></div><h1>Two</h1><p>End.</p>'),
}  # fmt: skip
INSIDE = {
    "c.xhtml": page('<h1>One</h1><p>A storm<a epub:type="noteref" href="#n1">1</a>'
                    '<span epub:type="footnote" id="n1">Of 1816.</span> came.</p><p>It went.</p>'
                    '<h1>Two</h1><p>End.</p>'),
}  # fmt: skip
ALL = [TYPED, ENDNOTES, CLASSICAL, BRACKETED, INSIDE]
TEXT = ["One", "A storm came.", "It went.", "Two", "End."]


@pytest.mark.parametrize("documents", ALL)
def test_skipped(tmp_path: Path, documents: dict[str, str]) -> None:
    book = read_book(bind(tmp_path, documents))
    assert [block.text for block in book.blocks] == TEXT
    reasons = {skip.reason for skip in book.skips}
    assert {"footnote-reference", "footnote"} <= reasons <= {"footnote-reference", "footnote", "backlink"}


@pytest.mark.parametrize("documents", ALL)
def test_inline(tmp_path: Path, documents: dict[str, str]) -> None:
    book = read_book(bind(tmp_path, documents), Footnotes.INLINE)
    assert [block.text for block in book.blocks] == [*TEXT[:2], "Of 1816.", *TEXT[2:]]
    assert [block.kind for block in book.blocks].count(BlockKind.FOOTNOTE) == 1
    assert "footnote-reference" in {skip.reason for skip in book.skips}


@pytest.mark.parametrize("documents", ALL)
def test_at_the_end_of_the_chapter(tmp_path: Path, documents: dict[str, str]) -> None:
    book = read_book(bind(tmp_path, documents), Footnotes.END_OF_CHAPTER)
    assert [block.text for block in book.chapters[0].blocks] == [*TEXT[:3], "Of 1816."]
    assert [block.text for block in book.chapters[1].blocks] == TEXT[3:]
    for block in book.blocks:
        assert book.text[block.char_start : block.char_end] == block.text


def test_notes_in_a_document_that_is_not_linear(tmp_path: Path) -> None:
    documents = dict(ENDNOTES)
    opf = package(documents, spine='<itemref idref="i0"/><itemref idref="i1" linear="no"/>')
    book = read_book(bind(tmp_path, documents, opf=opf), Footnotes.INLINE)
    assert [block.text for block in book.blocks] == [*TEXT[:2], "Of 1816.", *TEXT[2:]]
    book = read_book(bind(tmp_path, documents, opf=opf))
    assert ("non-linear", 1) in [(skip.reason, skip.words) for skip in book.skips]  # "Notes"
    assert ("footnote", 2) in [(skip.reason, skip.words) for skip in book.skips]


def test_a_note_is_read_once_and_notes_have_notes(tmp_path: Path) -> None:
    body = (
        '<p>a<a epub:type="noteref" href="#n1">1</a> b<a epub:type="noteref" href="#n1">1</a></p>'
        '<p>c</p><aside epub:type="footnote" id="n1">one<a epub:type="noteref" href="#n2">2</a></aside>'
        '<aside epub:type="footnote" id="n2">two<a epub:type="noteref" href="#n1">1</a></aside>'
        '<aside epub:type="footnote" id="n3">nobody refers to it</aside>'
    )
    book = read_book(bind(tmp_path, {"c.xhtml": page(body)}), Footnotes.INLINE)
    assert [block.text for block in book.blocks] == ["a b", "one", "two", "c"]
    assert ("footnote", "nobody refers to it") in [(skip.reason, skip.excerpt) for skip in book.skips]


@pytest.mark.parametrize(
    "body",
    [
        '<p>See <a href="#c2">2</a> for more.</p><p id="c2">Two.</p>',  # no way back
        '<p id="r">x<sup><a href="#t">2</a></sup></p><p id="t">Text without a way back.</p>',
        '<ul><li><a id="t1" href="#c1">I</a></li></ul><h2 id="c1"><a href="#t1">I</a></h2><p>Text.</p>',  # contents
        '<p>m<sup>2</sup> and <a href="http://example.org/#n">[1]</a></p>',
        "<aside><p>A box, no note.</p></aside>",
    ],
)
def test_what_is_no_note(tmp_path: Path, body: str) -> None:
    assert read_book(bind(tmp_path, {"c.xhtml": page(body)})).skips == ()


def test_a_reference_to_nothing_is_still_a_mark(tmp_path: Path) -> None:
    documents = {"c.xhtml": page('<p>a<a epub:type="noteref" href="#gone">1</a></p>'), "n.xhtml": nav(("c.xhtml", "C"))}
    book = read_book(bind(tmp_path, documents), Footnotes.INLINE)
    assert book.text == "a"
    assert [skip.reason for skip in book.skips] == ["footnote-reference"]


def test_thousands_of_notes_take_no_longer_than_their_number(tmp_path: Path) -> None:
    count = 5_000
    text = "".join(f'<p>w<sup><a href="e.xhtml#n{n}" id="r{n}">{n}</a></sup> x</p>' for n in range(count))
    notes = "".join(f'<p id="n{n}"><a href="c.xhtml#r{n}">{n}</a> note</p>' for n in range(count))
    book = read_book(bind(tmp_path, {"c.xhtml": page(text), "e.xhtml": page(notes)}), Footnotes.INLINE)
    assert [line.narrated for line in book.ledger] == [2 * count, count]
