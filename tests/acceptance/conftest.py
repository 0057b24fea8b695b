"""Books and conversions that several acceptance tests look at."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:rhapsode:lamps</dc:identifier><dc:title>The Lamps</dc:title><dc:language>en</dc:language>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}
</manifest>
<spine>{itemrefs}</spine>
</package>
"""

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="package.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en">
<head><title>{title}</title></head><body>{content}</body></html>
"""

NAMES = ("Anna", "Peter", "Martha", "Oliver", "Susan", "Henry", "Alice", "Robert", "Helen", "George", "Lucy", "Walter")
PLACES = ("on the quay", "by the mill", "at the gate")
REFRAIN = "And still the rain came down."


@pytest.fixture(scope="session")
def booklet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of three chapters whose paragraphs are a short sentence each: many chunks, two ranges, little audio."""
    target = tmp_path_factory.mktemp("booklet") / "the-lamps.epub"
    pages = {
        f"chapter-{number}": f"<h1>Chapter {number}</h1>"
        + "".join(f"<p>{name} lit the lamp {place}.</p>" for name in NAMES)
        + f"<p>{REFRAIN}</p>"
        for number, place in enumerate(PLACES, start=1)
    }
    entries = "".join(f'<li><a href="{name}.xhtml">{name}</a></li>' for name in pages)
    nav = PAGE.format(title="Contents", content=f'<nav epub:type="toc"><ol>{entries}</ol></nav>')
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in pages)
    itemrefs = "".join(f'<itemref idref="{name}"/>' for name in pages)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("package.opf", PACKAGE.format(items=items, itemrefs=itemrefs))
        archive.writestr("nav.xhtml", nav)
        for name, content in pages.items():
            archive.writestr(f"{name}.xhtml", PAGE.format(title=name, content=content))
    return target
