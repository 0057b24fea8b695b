"""The example book is what a careful publisher would ship, and the same bytes every time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urldefrag

import pytest
from lxml import etree
from PIL import Image

from examples.build_epub import build_epub

ROOT = Path(__file__).resolve().parents[3]
NS = {
    "x": "http://www.w3.org/1999/xhtml",
    "epub": "http://www.idpf.org/2007/ops",
    "opf": "http://www.idpf.org/2007/opf",
    "ncx": "http://www.daisy.org/z3986/2005/ncx/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
TYPE = f"{{{NS['epub']}}}type"


@pytest.fixture(scope="module")
def epub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("example") / "the-tide-clock.epub"
    build_epub(target)
    return target


@pytest.fixture(scope="module")
def archive(epub: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(epub.read_bytes()))


def parse(archive: zipfile.ZipFile, name: str) -> etree._Element:
    return etree.fromstring(archive.read(f"EPUB/{name}"), etree.XMLParser(resolve_entities=False, no_network=True))


def spine(archive: zipfile.ZipFile) -> list[str]:
    package = parse(archive, "package.opf")
    hrefs = {item.get("id"): item.get("href") for item in package.iterfind(".//opf:item", NS)}
    return [hrefs[ref.get("idref")] for ref in package.iterfind(".//opf:itemref", NS)]


def toc(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    links = parse(archive, "nav.xhtml").iterfind(".//x:nav[@id='toc']//x:a", NS)
    return [(link.get("href"), link.text) for link in links]


def test_another_process_on_another_day_builds_the_same_bytes(epub: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.epub"
    command = [sys.executable, "-m", "examples.build_epub", str(again)]
    subprocess.run(command, cwd=ROOT, env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}, check=True)
    assert again.read_bytes() == epub.read_bytes()


def test_mimetype_is_first_and_stored(epub: Path, archive: zipfile.ZipFile) -> None:
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
    assert epub.read_bytes()[30:58] == b"mimetypeapplication/epub+zip"


def test_every_member_is_in_the_manifest_once(archive: zipfile.ZipFile) -> None:
    listed = [f"EPUB/{item.get('href')}" for item in parse(archive, "package.opf").iterfind(".//opf:item", NS)]
    package = ["mimetype", "META-INF/container.xml", "EPUB/package.opf"]
    assert sorted(listed + package) == sorted(archive.namelist())


def test_nav_and_ncx_agree(archive: zipfile.ZipFile) -> None:
    points = [
        (point.find("ncx:content", NS).get("src"), point.findtext("ncx:navLabel/ncx:text", None, NS))
        for point in parse(archive, "toc.ncx").iterfind(".//ncx:navPoint", NS)
    ]
    assert points == toc(archive)
    assert [href for href, _ in points] == [name for name in spine(archive) if name != "nav.xhtml"]


def test_titles_in_the_navigation_are_the_headings_of_their_pages(archive: zipfile.ZipFile) -> None:
    titles = dict(toc(archive))
    headings = {href: parse(archive, href).findtext(".//x:section/*", None, NS) for href in titles}
    headed = {href: text for href, text in headings.items() if href != "dedication.xhtml"}  # it has no heading
    assert headed == {href: titles[href] for href in headed}


def test_every_href_resolves(archive: zipfile.ZipFile) -> None:
    pages = {name: etree.fromstring(archive.read(name)) for name in archive.namelist() if name.endswith(".xhtml")}
    assert len(pages) == 7
    for name, page in pages.items():
        for href in page.xpath("//@href"):
            path, fragment = urldefrag(unquote(href))
            target = normpath(join(dirname(name), path)) if path else name
            assert target in archive.namelist(), f"{name} -> {href}"
            assert not fragment or pages[target].xpath("//*[@id=$id]", id=fragment), f"{name} -> {href}"


def test_every_page_and_section_says_what_it_is(archive: zipfile.ZipFile) -> None:
    kinds = [
        (page.find("x:body", NS).get(TYPE), page.find("x:body/*", NS).get(TYPE))
        for page in (parse(archive, name) for name in spine(archive))
    ]
    chapter = ("bodymatter", "chapter")
    front = [("frontmatter", "titlepage"), ("frontmatter", "toc"), ("frontmatter", "dedication")]
    assert kinds == [*front, chapter, chapter, chapter, ("backmatter", "colophon")]


def test_metadata(archive: zipfile.ZipFile) -> None:
    package = parse(archive, "package.opf")
    for name in ("identifier", "title", "creator", "language", "description", "subject", "date"):
        assert package.findtext(f".//dc:{name}", "", NS).strip(), name
    properties = {meta.get("property"): meta.text for meta in package.iterfind(".//opf:meta[@property]", NS)}
    assert properties["belongs-to-collection"] == "Stories to Be Read Aloud"
    assert properties["collection-type"] == "series"
    assert properties["group-position"] == "1"
    uid = parse(archive, "toc.ncx").find(".//ncx:meta[@name='dtb:uid']", NS).get("content")
    assert uid == package.findtext(".//dc:identifier", None, NS)


def test_the_story_holds_what_its_readme_promises(archive: zipfile.ZipFile) -> None:
    chapters = [parse(archive, f"chapter-{number}.xhtml") for number in (1, 2, 3)]
    counts = {
        path: sum(len(chapter.xpath(path, namespaces=NS)) for chapter in chapters)
        for path in (
            "//x:a[@epub:type='noteref']",
            "//x:aside[@epub:type='footnote']",
            "//x:blockquote[@epub:type='z3998:letter']",
            "//x:blockquote[@epub:type='z3998:verse']//x:span",
            "//x:hr",
            "//x:li",
        )
    }
    assert list(counts.values()) == [1, 1, 1, 4, 1, 4], counts
    text = "".join("".join(chapter.itertext()) for chapter in chapters)
    assert not [mark for mark in "…—\u00adﬁ“”’" if mark not in text]


def test_length_of_the_story(archive: zipfile.ZipFile) -> None:
    words = 0
    for number in (1, 2, 3):
        section = parse(archive, f"chapter-{number}.xhtml").find("x:body/x:section", NS)
        section.remove(section.find("x:aside", NS)) if number == 1 else None
        words += len(" ".join(section.itertext()).split())
    assert 1100 <= words <= 1300


def test_cover_is_a_jpeg_that_shops_accept(archive: zipfile.ZipFile) -> None:
    cover = Image.open(BytesIO(archive.read("EPUB/cover.jpg")))
    assert (cover.format, cover.mode, cover.size) == ("JPEG", "RGB", (1200, 1600))
    assert len(archive.read("EPUB/cover.jpg")) < 500_000


def test_usage_is_said_when_the_target_is_missing() -> None:
    command = [sys.executable, "-m", "examples.build_epub"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "usage: python -m examples.build_epub TARGET.epub" in done.stderr
