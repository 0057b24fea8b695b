"""What becomes of markup: kinds of blocks, and what is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.model import BlockKind, Book
from tests.unit.book.binding import bind, nav, page


def book_of(tmp_path: Path, body: str, body_attributes: str = "") -> Book:
    return read_book(bind(tmp_path, {"c.xhtml": page("<p>Start.</p>" + body, body_attributes)}))


def blocks(tmp_path: Path, body: str) -> list[tuple[str, str]]:
    """(kind, text) of all blocks after a first paragraph."""
    book = book_of(tmp_path, body)
    assert [(line.words, line.skipped) for line in book.ledger] == [
        (line.narrated + line.skipped, sum(skip.words for skip in book.skips)) for line in book.ledger
    ]
    for block in book.blocks:
        assert book.text[block.char_start : block.char_end] == block.text
    return [(block.kind.value, block.text) for block in book.blocks][1:]


def skips(tmp_path: Path, body: str) -> list[tuple[str, int, str]]:
    return [(skip.reason, skip.words, skip.excerpt) for skip in book_of(tmp_path, body).skips]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<h2>A <em>big</em>\n title</h2>", [("heading", "A big title")]),
        ("<h2>Chapter<br/>One</h2>", [("heading", "Chapter One")]),
        ('<p role="heading" aria-level="1">T</p>', [("heading", "T")]),
        ('<hgroup><h2>I</h2><p>The Sub</p></hgroup>', [("heading", "I"), ("heading", "The Sub")]),
        ('<p epub:type="title">T</p>', [("heading", "T")]),
        ("bare <b>text</b><div>in <i>a</i> div</div>tail", [
            ("paragraph", "bare text"), ("paragraph", "in a div"), ("paragraph", "tail")]),
        ("<p>one<br/>two</p>", [("paragraph", "one two")]),
        ("one<br/><br/>two", [("paragraph", "one"), ("paragraph", "two")]),
        ("<p>w<b>or</b>d a&#160;b\u2003c</p>", [("paragraph", "word a b c")]),
        ("<ul><li>a</li><li><p>b</p><p>c</p></li></ul>", [
            ("list-item", "a"), ("list-item", "b"), ("list-item", "c")]),
        ("<dl><dt>a</dt><dd>b</dd></dl>", [("list-item", "a"), ("list-item", "b")]),
        ("<blockquote><p>a</p>b</blockquote>", [("quotation", "a"), ("quotation", "b")]),
        ('<div epub:type="z3998:letter"><p>Dear</p></div>', [("quotation", "Dear")]),
        ('<p epub:type="z3998:verse"><span>a</span><br/><span>b</span></p>', [("verse", "a"), ("verse", "b")]),
        ('<div class="poem"><p>a<br/>b</p><p>c</p></div>', [("verse", "a"), ("verse", "b"), ("verse", "c")]),
        ('<p>x<img src="i" alt="a star"/>y</p>', [("paragraph", "x a star y")]),
        ('<p><img src="i" alt="T"/>he end</p>', [("paragraph", "The end")]),
        ('<figure><img src="i" alt="A map"/><figcaption>Here</figcaption></figure>', [
            ("image", "A map"), ("paragraph", "Here")]),
        ('<img src="i" alt=""/><img src="i"/>', []),
        ("<math><mi>x</mi><mo>=</mo><mn>2</mn></math>", [("paragraph", "x=2")]),
        ("<svg><text>Up</text><text>down</text></svg>", [("paragraph", "Up"), ("paragraph", "down")]),
        ("<pre>a\n  b</pre>", [("paragraph", "a b")]),
        ("<object data='x'>instead</object>", [("paragraph", "instead")]),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, body: str, expected: list[tuple[str, str]]) -> None:
    assert blocks(tmp_path, body) == expected


def test_table_rows(tmp_path: Path) -> None:
    """Cells are parted by a tab and nothing else; a second paragraph in a cell is a block of its own."""
    body = """<table><tr><td> Algernon </td><td><p>Did you hear,
      <i>Lane</i>?</p><p>Well?</p></td></tr><tr><td/><td>Enter Lane.</td><td>R.</td></tr></table>"""
    assert blocks(tmp_path, body) == [
        ("table-row", "Algernon\tDid you hear, Lane?"),
        ("table-row", "Well?"),
        ("table-row", "Enter Lane.\tR."),
    ]


def test_layout_table_keeps_headings_and_paragraphs(tmp_path: Path) -> None:
    body = "<table><tr><td><h2>T</h2><p>a</p><p>b</p></td></tr></table>"
    assert blocks(tmp_path, body) == [("heading", "T"), ("table-row", "a"), ("table-row", "b")]


@pytest.mark.parametrize("mark", ["* * *", "⁂", "•", "———", "<img src='i' alt='***'/>", "~&#160;~"])
def test_scene_breaks(tmp_path: Path, mark: str) -> None:
    assert blocks(tmp_path, f"<p>{mark}</p><p>b</p>") == [("scene-break", ""), ("paragraph", "b")]
    (reason, _, _), *_ = skips(tmp_path, f"<p>{mark}</p><p>b</p>")
    assert reason == "scene-break-mark"


def test_rules_are_scene_breaks_only_between_texts(tmp_path: Path) -> None:
    assert blocks(tmp_path, "<hr/><hr/><p>* * *</p><p>b</p><hr/>") == [("scene-break", ""), ("paragraph", "b")]
    assert blocks(tmp_path, "<p>“…”</p><p>5 * 3</p>") == [("paragraph", "“…”"), ("paragraph", "5 * 3")]


@pytest.mark.parametrize(
    ("body", "reason", "text"),
    [
        ('<span epub:type="pagebreak" title="3">3</span>', "page-number", "3"),
        ('<div role="doc-pagebreak">iv</div>', "page-number", "iv"),
        ('<p>a<span class="pagenum">[Pg 12]</span>b</p>', "page-number", "[Pg 12]"),
        ("<p hidden=''>x y</p>", "hidden", "x y"),
        ('<p aria-hidden="true">x</p>', "hidden", "x"),
        ('<p style="color:red; DISPLAY : none">x</p>', "hidden", "x"),
        ('<img src="i" alt="swirl" role="presentation"/>', "hidden", "swirl"),
        ("<template><p>x</p></template>", "hidden", "x"),
        ("<svg><metadata>x</metadata></svg>", "hidden", "x"),
        ("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby></p>", "ruby", "( kan )"),
        ("<audio>x</audio>", "fallback", "x"),
        ("<video><p>x</p></video>", "fallback", "x"),
        ("<iframe src='y'>x</iframe>", "fallback", "x"),
        ("<epub:switch><epub:case>x</epub:case><epub:default>y</epub:default></epub:switch>", "fallback", "x"),
        ('<nav epub:type="toc landmarks">x</nav>', "landmarks", "x"),
        ('<nav epub:type="page-list">x</nav>', "page-list", "x"),
        ('<nav role="doc-toc">x</nav>', "toc", "x"),
        ('<section epub:type="titlepage">x</section>', "front-matter: titlepage", "x"),
        ('<section role="doc-colophon">x</section>', "back-matter: colophon", "x"),
        ('<section epub:type="frontmatter"><div epub:type="colophon">x</div></section>', "front-matter: colophon", "x"),
        ('<section epub:type="index">x</section>', "back-matter: index", "x"),
        ('<a epub:type="noteref" href="#n">1</a>', "footnote-reference", "1"),
        ('<aside epub:type="footnote" id="n">x y</aside>', "footnote", "x y"),
    ],
)
def test_what_is_not_read(tmp_path: Path, body: str, reason: str, text: str) -> None:
    found = skips(tmp_path, body)
    assert [(why, excerpt) for why, _, excerpt in found] == [(reason, text)]
    assert [words for _, words, _ in found] == [len(text.split())]


@pytest.mark.parametrize(
    "kind",
    ["dedication", "epigraph", "preface", "foreword", "introduction", "prologue", "epilogue", "afterword", "appendix"],
)
def test_always_read(tmp_path: Path, kind: str) -> None:
    """Marked as front or back matter, or even inside something that is skipped."""
    assert blocks(tmp_path, f'<div epub:type="frontmatter {kind}">x</div>') == [("paragraph", "x")]
    inside = f'<section epub:type="titlepage">t<div epub:type="{kind}">x</div></section>'
    assert blocks(tmp_path, inside) == [("paragraph", "x")]


def test_titles_alone_decide_nothing(tmp_path: Path) -> None:
    body = "<h2>Contents</h2><p>a</p><h2>Copyright</h2><p>b</p><h2>Cogs in the Great Machine</h2><p>c</p>"
    assert len(blocks(tmp_path, body)) == 6


def test_page_number_class_needs_a_page_number(tmp_path: Path) -> None:
    assert blocks(tmp_path, '<p class="pagenum">the whole story</p>') == [("paragraph", "the whole story")]


def test_script_and_style_are_no_words(tmp_path: Path) -> None:
    body = "<script>var a = 'b';</script><style>p { }</style><svg><style>s</style></svg><p>x</p>"
    assert blocks(tmp_path, body) == [("paragraph", "x")]


def test_svg_and_foreign_xml_in_the_spine(tmp_path: Path) -> None:
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>'
        '<item id="s" href="s.svg" media-type="image/svg+xml"/><item id="j" href="j.jpg" media-type="image/jpeg"/>'
        '<item id="x" href="x.xml" media-type="application/foo+xml"/>'
        '<item id="f" href="f.bin" media-type="application/foo" fallback="h"/>'
        '<item id="h" href="h.html" media-type="text/html"/></manifest>'
        '<spine><itemref idref="s"/><itemref idref="j"/><itemref idref="x"/><itemref idref="f"/></spine></package>'
    )
    members = {
        "s.svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>A map</title><text>North</text></svg>',
        "x.xml": "<novel><chapter><para>Call me.</para></chapter></novel>",
        "h.html": "<p>Old &amp; good",
    }
    book = read_book(bind(tmp_path, members, opf=opf))
    assert book.text.split("\n") == ["A map", "North", "Call me.", "Old & good"]
    assert [line.document for line in book.ledger] == ["E/s.svg", "E/x.xml", "E/h.html"]


def test_non_linear_documents_and_the_navigation_in_the_spine(tmp_path: Path) -> None:
    documents = {"c.xhtml": page("<p>a</p>"), "o.xhtml": page("<p>b c</p>"), "n.xhtml": nav(("c.xhtml", "C"))}
    spine = '<itemref idref="nav"/><itemref idref="i0"/><itemref idref="i1" linear="no"/>'
    from tests.unit.book.binding import package

    book = read_book(bind(tmp_path, documents, opf=package(documents, spine=spine)))
    assert book.text == "a"
    assert [(skip.document, skip.reason, skip.words) for skip in book.skips] == [
        ("E/n.xhtml", "toc", 1),
        ("E/o.xhtml", "non-linear", 2),
    ]


def test_heading_of_the_navigation_document(tmp_path: Path) -> None:
    from tests.unit.book.binding import package

    documents = {"c.xhtml": page("<p>a</p>"), "n.xhtml": nav(("c.xhtml", "C")).replace("<nav", "<h1>Contents</h1><nav")}
    spine = '<itemref idref="nav"/><itemref idref="i0"/>'
    book = read_book(bind(tmp_path, documents, opf=package(documents, spine=spine)))
    assert [(skip.reason, skip.words) for skip in book.skips] == [("toc", 2)]
    documents["n.xhtml"] = documents["n.xhtml"].replace("</nav>", "</nav><p>A story in the contents.</p>")
    book = read_book(bind(tmp_path, documents, opf=package(documents, spine=spine)))
    assert book.text == "Contents\nA story in the contents.\na"


def test_broken_markup_is_read_whole(tmp_path: Path) -> None:
    """Kept as HTML would read it, with the ledger closed."""
    book = book_of(tmp_path, "<p>AT&T <i>and</p><p>a < b<a id='x'/> &nope; <br>end</em>")
    assert [block.text for block in book.blocks] == ["Start.", "AT&T and", "a < b &nope; end"]
    assert {block.kind for block in book.blocks} == {BlockKind.PARAGRAPH}
