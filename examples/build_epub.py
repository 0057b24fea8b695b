"""Builds the example book: `python -m examples.build_epub TARGET.epub`.

The words lie in `the-tide-clock/`, one fragment of XHTML for each page, and `book.toml` says in which order. The same
sources give the same bytes: every date is fixed, and members are stored rather than deflated, because the output of
zlib differs between its versions.
"""

from __future__ import annotations

import sys
import tomllib
import zipfile
from html import escape
from pathlib import Path
from typing import Any

from lxml import etree

from examples.draw_cover import draw_cover

SOURCE = Path(__file__).parent / "the-tide-clock"

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}"
 xml:lang="{language}" epub:prefix="z3998: http://www.daisy.org/z3998/2012/vocab/structure/#">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body epub:type="{matter}">
{content}
</body>
</html>
"""

PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="identifier" xml:lang="{language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="identifier">{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator id="creator">{creator}</dc:creator>
<meta refines="#creator" property="role" scheme="marc:relators">aut</meta>
<dc:language>{language}</dc:language>
<dc:publisher>{publisher}</dc:publisher>
<dc:date>{date}</dc:date>
<dc:description>{description}</dc:description>
<dc:rights>{rights}</dc:rights>
{subjects}
<meta property="dcterms:modified">{modified}</meta>
<meta property="belongs-to-collection" id="series">{series}</meta>
<meta refines="#series" property="collection-type">series</meta>
<meta refines="#series" property="group-position">{position}</meta>
<meta name="cover" content="cover"/>
</metadata>
<manifest>
<item id="cover" href="cover.jpg" media-type="image/jpeg" properties="cover-image"/>
<item id="style" href="style.css" media-type="text/css"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}
</manifest>
<spine toc="ncx">
{itemrefs}
</spine>
</package>
"""

ITEM = '<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'

NAV = """<nav epub:type="toc" role="doc-toc" id="toc">
<h2>Contents</h2>
<ol>
{entries}
</ol>
</nav>
<nav epub:type="landmarks" id="landmarks" hidden="hidden">
<h2>Landmarks</h2>
<ol>
<li><a epub:type="titlepage" href="title-page.xhtml">Title page</a></li>
<li><a epub:type="toc" href="nav.xhtml">Contents</a></li>
<li><a epub:type="bodymatter" href="chapter-1.xhtml">Start of the story</a></li>
</ol>
</nav>"""

NCX = """<?xml version="1.0" encoding="utf-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1" xml:lang="{language}">
<head><meta name="dtb:uid" content="{identifier}"/></head>
<docTitle><text>{title}</text></docTitle>
<navMap>
{points}
</navMap>
</ncx>
"""


def build_epub(target: Path) -> None:
    """Writes the EPUB 3 of the example story, with navigation for EPUB 2 readers too."""
    book = tomllib.loads((SOURCE / "book.toml").read_text(encoding="utf-8"))
    members = {
        "META-INF/container.xml": CONTAINER,
        "EPUB/package.opf": _package(book),
        "EPUB/nav.xhtml": _nav(book),
        "EPUB/toc.ncx": _ncx(book),
        "EPUB/style.css": (SOURCE / "style.css").read_text(encoding="utf-8"),
    }
    for page in book["pages"]:
        members[f"EPUB/{page['name']}.xhtml"] = _page(book, page)
    for name, text in members.items():
        if not name.endswith(".css"):
            etree.fromstring(text.encode())  # a slip in a fragment ends here, with its line

    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "mimetype", b"application/epub+zip")  # first and stored, as the container format asks
        for name, text in members.items():
            _add(archive, name, text.encode())
        _add(archive, "EPUB/cover.jpg", draw_cover(book["title"], book["creator"]))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name)  # dated 1980-01-01
    member.create_system = 3  # Unix: the default differs between systems
    member.external_attr = 0o644 << 16
    archive.writestr(member, data)


def _page(book: dict[str, Any], page: dict[str, str]) -> str:
    fragment = (SOURCE / f"{page['name']}.xhtml").read_text(encoding="utf-8")
    content = f'<section epub:type="{page["type"]}" id="{page["name"]}">\n{fragment}</section>'
    return PAGE.format(language=book["language"], title=escape(page["title"]), matter=page["matter"], content=content)


def _nav(book: dict[str, Any]) -> str:
    entries = "\n".join(
        f'<li><a href="{page["name"]}.xhtml">{escape(page["title"])}</a></li>' for page in book["pages"]
    )
    content = NAV.format(entries=entries)
    return PAGE.format(language=book["language"], title="Contents", matter="frontmatter", content=content)


def _ncx(book: dict[str, Any]) -> str:
    points = "\n".join(
        f'<navPoint id="point-{order}" playOrder="{order}"><navLabel><text>{escape(page["title"])}</text></navLabel>'
        f'<content src="{page["name"]}.xhtml"/></navPoint>'
        for order, page in enumerate(book["pages"], start=1)
    )
    return NCX.format(**_escaped(book), points=points)


def _package(book: dict[str, Any]) -> str:
    names = [page["name"] for page in book["pages"]]
    spine = [names[0], "nav", *names[1:]]  # the contents follow the title page
    return PACKAGE.format(
        **_escaped(book),
        subjects="\n".join(f"<dc:subject>{escape(subject)}</dc:subject>" for subject in book["subjects"]),
        items="\n".join(
            f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in names
        ),
        itemrefs="\n".join(f'<itemref idref="{name}"/>' for name in spine),
    )


def _escaped(book: dict[str, Any]) -> dict[str, str]:
    return {key: escape(str(value).strip()) for key, value in book.items() if not isinstance(value, list)}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m examples.build_epub TARGET.epub")
    build_epub(Path(sys.argv[1]))
