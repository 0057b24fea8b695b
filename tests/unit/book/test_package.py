from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.book.reader import read_book
from rhapsode.errors import BookDamaged
from rhapsode.model import Cover, Metadata
from tests.unit.book.binding import CONTAINER, METADATA, bind, nav, package, page

ONE = {"c.xhtml": page("<p>a</p>")}


def metadata_of(tmp_path: Path, metadata: str) -> Metadata:
    return read_book(bind(tmp_path, ONE, opf=package(ONE, metadata=metadata))).metadata


def test_epub3_metadata(tmp_path: Path) -> None:
    found = metadata_of(
        tmp_path,
        """<dc:identifier>first</dc:identifier><dc:identifier id="u"> urn:x </dc:identifier>
        <dc:title id="t2">Sub</dc:title><dc:title id="t1">The
          Title</dc:title><meta refines="#t1" property="title-type">main</meta>
        <dc:creator id="a">Ann</dc:creator><meta refines="#a" property="role">aut</meta>
        <meta refines="#a" property="role">ann</meta>
        <dc:creator id="b">Bob</dc:creator><meta refines="#b" property="role">ill</meta>
        <dc:language> de-AT </dc:language><dc:publisher>P</dc:publisher><dc:date>1816-06</dc:date>
        <dc:description>&lt;p&gt;One &lt;b&gt;storm&lt;/b&gt;.&lt;/p&gt;</dc:description>
        <dc:subject>Horror</dc:subject><dc:subject>Ice</dc:subject>
        <meta id="s" property="belongs-to-collection">A List</meta>
        <meta refines="#s" property="collection-type">set</meta>
        <meta id="c" property="belongs-to-collection">A Series</meta>
        <meta refines="#c" property="collection-type">series</meta><meta refines="#c" property="group-position">2</meta>
        <!-- a comment --><x xmlns="urn:unknown">y</x>""",
    )
    assert found == Metadata(
        title="The Title",
        authors=("Ann",),
        language="de-AT",
        identifier="urn:x",
        publisher="P",
        published="1816-06",
        description="One storm.",
        subjects=("Horror", "Ice"),
        series="A Series",
        series_index="2",
    )


def test_epub2_and_calibre_metadata(tmp_path: Path) -> None:
    found = metadata_of(
        tmp_path,
        """<dc:title>T</dc:title><dc:creator opf:role="trl">Tom</dc:creator><dc:creator opf:role="aut">Ann</dc:creator>
        <dc:date opf:event="modification">2020</dc:date><dc:date opf:event="publication">1816</dc:date>
        <meta name="calibre:series" content="S"/><meta name="calibre:series_index" content="3.0"/>""",
    )
    assert (found.authors, found.published, found.series, found.series_index) == (("Ann",), "1816", "S", "3.0")
    assert found.language == "en"


def test_no_metadata_at_all(tmp_path: Path) -> None:
    opf = package(ONE, metadata="").replace("<metadata", "<x").replace("</metadata>", "</x>")
    assert read_book(bind(tmp_path, ONE, opf=opf)).metadata == Metadata(title="book")


def test_title_without_control_and_bidi_characters(tmp_path: Path) -> None:
    assert metadata_of(tmp_path, "<dc:title>A\u202e\u2066 = ;\u0085\n# \\ \u200bB</dc:title>").title == "A = ; # \\ B"


def test_open_ebook_1_2(tmp_path: Path) -> None:
    opf = (
        '<package xmlns="http://openebook.org/namespaces/oeb-package/1.0/"><metadata><dc-metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.0/"><dc:Title>Old</dc:Title><dc:Language>en-US</dc:Language>'
        '</dc-metadata></metadata><manifest><item id="c" href="c.html" media-type="text/x-oeb1-document"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    book = read_book(bind(tmp_path, {"c.html": "<p>a"}, opf=opf))
    assert (book.metadata.title, book.metadata.language, book.text) == ("Old", "en-US", "a")


@pytest.mark.parametrize(
    ("manifest", "metadata", "guide"),
    [
        ('<item id="k" href="k.png" media-type="image/png" properties="cover-image"/>', "", ""),
        ('<item id="k" href="k.png" media-type="image/png"/>', '<meta name="cover" content="k"/>', ""),
        ('<item id="k" href="k.png" media-type="image/png"/>', '<meta content="k.png" name="cover"/>', ""),
        (
            '<item id="k" href="k.png" media-type="image/png"/>',
            "",
            '<guide><reference type="cover" href="c.xhtml"/></guide>',
        ),
    ],
)
def test_cover(tmp_path: Path, manifest: str, metadata: str, guide: str) -> None:
    documents = {"c.xhtml": page('<p>a</p><div><img class="x" src="k.png"/></div>')}
    opf = package(documents, metadata=METADATA + metadata, manifest=manifest, guide=guide)
    book = read_book(bind(tmp_path, documents, opf=opf, extra={"E/k.png": b"\x89PNG"}))
    assert book.cover == Cover("image/png", b"\x89PNG")


def test_missing_and_remote_resources_are_not_needed(tmp_path: Path) -> None:
    manifest = "".join(
        f'<item id="r{number}" href="{href}" media-type="{kind}" {more}/>'
        for number, (href, kind, more) in enumerate(
            [
                ("gone.css", "text/css", ""),
                ("gone.ncx", "application/x-dtbncx+xml", ""),
                ("gone.smil", "application/smil+xml", ""),
                ("gone.xhtml", "application/xhtml+xml", ""),
                ("http://example.org/a.mp3", "audio/mpeg", ""),
                ("https://example.org/c.jpg", "image/jpeg", 'properties="cover-image"'),
                ("", "image/png", ""),
                ("gone.otf", "", ""),
            ]
        )
    )
    book = read_book(bind(tmp_path, ONE, opf=package(ONE, manifest=manifest + "<item/>" + "<!-- x -->")))
    assert (book.text, book.cover) == ("a", None)


@pytest.mark.parametrize(
    ("spine", "said"),
    [
        ('<itemref idref="gone"/>', "not in the manifest"),
        ('<itemref idref="absent"/>', "absent.xhtml, which is not in the book"),
        ('<itemref idref="out"/>', "passwd, which is not in the book"),
        ('<itemref idref="net"/>', "which is not in the book"),
        ('<itemref idref="pdf"/>', "which is no text"),
        ('<itemref idref="loop"/>', "which is no text"),
        (" ", "no spine"),
    ],
)
def test_a_spine_that_cannot_be_read_is_damage(tmp_path: Path, spine: str, said: str) -> None:
    manifest = (
        '<item id="absent" href="absent.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="out" href="../../../etc/passwd" media-type="application/xhtml+xml"/>'
        '<item id="net" href="http://example.org/c.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="pdf" href="c.pdf" media-type="application/pdf"/>'
        '<item id="loop" href="l.bin" media-type="x/y" fallback="pool"/>'
        '<item id="pool" href="p.bin" media-type="x/y" fallback="loop"/>'
    )
    with pytest.raises(BookDamaged, match=said):
        read_book(bind(tmp_path, ONE, opf=package(ONE, manifest=manifest, spine=spine)))


def test_each_document_once(tmp_path: Path) -> None:
    """Two itemrefs, or two items, of one document."""
    opf = package(
        ONE,
        manifest='<item id="again" href="./c.xhtml#top" media-type="application/xhtml+xml"/>',
        spine='<itemref idref="i0"/><itemref idref="i0"/><!-- <itemref idref="x"/> --><itemref idref="again"/>',
    )
    assert read_book(bind(tmp_path, ONE, opf=opf)).text == "a"


def test_first_rendition(tmp_path: Path) -> None:
    two = CONTAINER.replace("</rootfiles>", '<rootfile full-path="other.opf" media-type="x"/></rootfiles>')
    other = package({"other.xhtml": ""})
    extra = {"other.opf": other, "other.xhtml": page("<p>b</p>")}
    assert read_book(bind(tmp_path, ONE, container=two, extra=extra)).text == "a"


def test_links_to_what_is_not_readable_lead_to_its_fallback(tmp_path: Path) -> None:
    documents = {"c.xhtml": page("<p>a</p>"), "n.xhtml": nav(("m.bin", "Name"))}
    opf = package(
        documents,
        manifest='<item id="m" href="m.bin" media-type="application/x-own" fallback="i0"/>',
        spine='<itemref idref="m"/>',
    )
    book = read_book(bind(tmp_path, documents, opf=opf, extra={"E/m.bin": b"\0"}))
    assert [(chapter.title, chapter.blocks[0].text) for chapter in book.chapters] == [("Name", "a")]


@pytest.mark.parametrize(
    "opf", ["", "<package", "not xml", '<!DOCTYPE p [<!ENTITY e "x">]><package>&e;</package>', "<package/>"]
)
def test_unreadable_packages(tmp_path: Path, opf: str) -> None:
    with pytest.raises(BookDamaged, match=r"E/p\.opf"):
        read_book(bind(tmp_path, ONE, opf=opf))
