from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.errors import BookError
from rhapsode.model import Book
from tests.unit.book.binding import METADATA, bind, nav, package, page

NCX = (
    '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>'
    "<navPoint><navLabel><text>Part</text></navLabel><content src='../Text/a.xhtml'/>"
    "<navPoint><navLabel><text>One</text></navLabel><content src='../Text/a.xhtml#one'/></navPoint></navPoint>"
    "<navPoint><navLabel><text> Two &amp;\n more </text></navLabel><content src='../Text/b%20c.xhtml'/></navPoint>"
    "</navMap></ncx>"
)


def outline(book: Book) -> list[tuple[str, list[str]]]:
    assert [chapter.number for chapter in book.chapters] == list(range(1, len(book.chapters) + 1))
    return [(chapter.title, [block.text for block in chapter.blocks]) for chapter in book.chapters]


def test_several_chapters_to_a_file_and_one_over_several(tmp_path: Path) -> None:
    documents = {
        "a.xhtml": page(
            '<p>before</p><h2 id="x">I</h2><p>a</p><div><section id="y y"><h2>II</h2><p>b</p></section></div>'
        ),
        "b.xhtml": page("<p>c</p>"),
        "d.xhtml": page("<h2>III</h2><p>d</p>"),
        "n.xhtml": nav(("a.xhtml#x", "One"), ("a.xhtml#y%20y", "Two"), ("d.xhtml", "Three")),
    }
    assert outline(read_book(bind(tmp_path, documents))) == [
        ("Chapter 1", ["before"]),
        ("One", ["I", "a"]),
        ("Two", ["II", "b", "c"]),
        ("Three", ["III", "d"]),
    ]


def test_order_is_that_of_the_spine(tmp_path: Path) -> None:
    documents = {
        "z.xhtml": page("<p>first</p>"),
        "a.xhtml": page("<p>second</p>"),
        "n.xhtml": nav(("a.xhtml", "A"), ("z.xhtml", "Z"), ("gone.xhtml", "Gone"), ("http://x.org/", "Net")),
    }
    assert outline(read_book(bind(tmp_path, documents))) == [("Z", ["first"]), ("A", ["second"])]


def test_a_chapter_in_the_middle_of_bare_text(tmp_path: Path) -> None:
    documents = {
        "a.xhtml": page('one<br/><a name="t"></a>two <i>words</i>'),
        "n.xhtml": nav(("a.xhtml", "A"), ("a.xhtml#t", "B")),
    }
    assert outline(read_book(bind(tmp_path, documents))) == [("A", ["one"]), ("B", ["two words"])]


def test_ncx_resolves_against_its_own_folder(tmp_path: Path) -> None:
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="2.0"><metadata/><manifest>'
        '<item id="a" href="Text/a.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="Text/b%20c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="ncx" href="Nav/toc.ncx" media-type="application/x-dtbncx+xml"/>'
        '</manifest><spine toc="ncx"><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    members = {
        "Text/a.xhtml": page('<h1>The Part</h1><h2 id="one">1</h2><p>a</p>'),
        "Text/b c.xhtml": page("<p>b</p>"),
        "Nav/toc.ncx": NCX,
    }
    assert outline(read_book(bind(tmp_path, members, opf=opf))) == [
        ("One", ["The Part", "1", "a"]),
        ("Two & more", ["b"]),
    ]


def test_part_and_chapter_at_one_place(tmp_path: Path) -> None:
    documents = {"a.xhtml": page("<p>a</p>"), "n.xhtml": nav(("a.xhtml", "Part I"), ("a.xhtml", "1"))}
    assert outline(read_book(bind(tmp_path, documents))) == [("Part I – 1", ["a"])]


def test_title_pages_of_parts_open_the_next_chapter_but_long_headings_are_text(tmp_path: Path) -> None:
    long = "word " * 41
    documents = {
        "cover.xhtml": page('<img src="c" alt="Cover"/>'),
        "p.xhtml": page("<h1>Part I</h1>"),
        "a.xhtml": page("<p>a</p>"),
        "h.xhtml": page(f"<h2>{long}</h2>"),
        "q.xhtml": page("<h1>The End</h1>"),
        "n.xhtml": nav(("p.xhtml", "Part I"), ("a.xhtml", "1"), ("h.xhtml", "2"), ("q.xhtml", "End")),
    }
    assert outline(read_book(bind(tmp_path, documents))) == [
        ("1", ["Cover", "Part I", "a"]),
        ("2", [long.strip()]),
        ("End", ["The End"]),
    ]


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        (["<h1>A</h1><p>a</p><h2>B</h2><p>b</p>", "<p>c</p>"], [("A", ["A", "a"]), ("B", ["B", "b", "c"])]),
        (["<p>a</p>", "<h3>T</h3><p>b</p>"], [("Chapter 1", ["a"]), ("T", ["T", "b"])]),
        (["<p>x</p><h1> A\n<br/>B</h1><p>a</p>"], [("Chapter 1", ["x"]), ("A B", ["A B", "a"])]),
    ],
)
def test_without_a_navigation(tmp_path: Path, bodies: list[str], expected: list[tuple[str, list[str]]]) -> None:
    documents = {f"{number}.xhtml": page(body) for number, body in enumerate(bodies)}
    assert outline(read_book(bind(tmp_path, documents))) == expected


@pytest.mark.parametrize("broken", ["<html><nav", "", "<p>no nav</p>", page("<nav epub:type='toc'/>")])
def test_a_broken_navigation_costs_titles_only(tmp_path: Path, broken: str) -> None:
    documents = {"a.xhtml": page("<h1>A</h1><p>a</p>"), "n.xhtml": broken}
    assert outline(read_book(bind(tmp_path, documents))) == [("A", ["A", "a"])]


def test_titles_are_one_line_and_never_empty(tmp_path: Path) -> None:
    documents = {
        "a.xhtml": page("<p>a</p>"),
        "b.xhtml": page("<h2>Its heading</h2><p>b</p>"),
        "c.xhtml": page("<p>c</p>"),
        "n.xhtml": nav(("a.xhtml", " A\n \u202e<b>\tB</b> "), ("b.xhtml", ""), ("c.xhtml", "\u200b")),
    }
    assert [chapter.title for chapter in read_book(bind(tmp_path, documents)).chapters] == [
        "A B",
        "Its heading",
        "Chapter 3",
    ]


def test_landmarks_and_guide_say_what_documents_are(tmp_path: Path) -> None:
    landmarks = '<nav epub:type="landmarks"><a epub:type="copyright-page" href="r.xhtml">Anything</a></nav>'
    documents = {
        "t.xhtml": page("<p>By me</p>"),
        "r.xhtml": page("<p>All rights</p>"),
        "a.xhtml": page("<p>a</p>"),
        "n.xhtml": nav(("a.xhtml", "A"), landmarks=landmarks),
    }
    guide = (
        '<guide><reference type="title-page" href="t.xhtml"/><reference type="cover" href="a.xhtml"/>'
        '<reference type="text" href="a.xhtml"/></guide>'
    )
    book = read_book(bind(tmp_path, documents, opf=package(documents, guide=guide)))
    assert outline(book) == [("A", ["a"])]
    assert [skip.reason for skip in book.skips] == ["front-matter: title-page", "front-matter: copyright-page"]


def test_landmarks_are_not_believed_over_the_text_itself(tmp_path: Path) -> None:
    documents = {
        "a.xhtml": page('<section epub:type="prologue" id="p"><p>a</p></section><p id="q">b</p>'),
        "n.xhtml": nav(("a.xhtml#p", "P"), ("a.xhtml#q", "Q")),
        "b.xhtml": page('<section epub:type="prologue"><p>c</p></section>'),
    }
    guide = '<guide><reference type="toc" href="a.xhtml"/><reference type="cover" href="b.xhtml"/></guide>'
    book = read_book(bind(tmp_path, documents, opf=package(documents, guide=guide)))
    assert book.text == "a\nb\nc"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty or pictures"),
        ('<img src="scan.jpg"/><p> \n&#160;</p>', "empty or pictures"),
        ('<section epub:type="colophon">a b</section><p hidden="">c</p>', "2 back-matter: colophon, 1 hidden"),
    ],
)
def test_nothing_to_narrate(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(BookError, match=f"no words to narrate.*{said}"):
        read_book(bind(tmp_path, {"a.xhtml": page(body)}))


def test_a_thousand_chapters(tmp_path: Path) -> None:
    body = "".join(f'<h2 id="c{number}">{number}</h2><p>text</p>' for number in range(1000))
    links = [(f"a.xhtml#c{number}", f"Chapter {number}") for number in range(1000)]
    documents = {"a.xhtml": page(body), "n.xhtml": nav(*links)}
    book = read_book(bind(tmp_path, documents, opf=package(documents, metadata=METADATA)))
    assert [chapter.title for chapter in book.chapters] == [title for _, title in links]
