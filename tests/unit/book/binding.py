"""Binds small EPUBs for the tests of this room: any part can be replaced by something wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = (
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="E/p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
OPS = 'xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"'
METADATA = (
    "<dc:identifier id='u'>x</dc:identifier><dc:title>A Title</dc:title>"
    "<dc:creator>An Author</dc:creator><dc:language>en</dc:language>"
)


def page(body: str, body_attributes: str = "") -> str:
    return f"<html {OPS}><head><title>not a word</title></head><body {body_attributes}>{body}</body></html>"


def nav(*links: tuple[str, str], landmarks: str = "") -> str:
    lines = "".join(f'<li><a href="{href}">{title}</a></li>' for href, title in links)
    return page(f'<nav epub:type="toc"><ol>{lines}</ol></nav>{landmarks}')


def package(
    documents: Mapping[str, str | bytes], metadata: str = METADATA, manifest: str = "", spine: str = "", guide: str = ""
) -> str:
    """A package with all documents in the spine, `n.xhtml` as the navigation, and whatever is added."""
    items = "".join(
        f'<item id="i{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(documents)
        if name != "n.xhtml"
    )
    if "n.xhtml" in documents:
        items += '<item id="nav" href="n.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    refs = "".join(f'<itemref idref="i{number}"/>' for number, name in enumerate(documents) if name != "n.xhtml")
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="u">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">'
        f"{metadata}</metadata><manifest>{items}{manifest}</manifest><spine toc='ncx'>{spine or refs}</spine>{guide}"
        "</package>"
    )


def bind(
    folder: Path,
    documents: Mapping[str, str | bytes],
    opf: str | None = None,
    container: str = CONTAINER,
    extra: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Writes an EPUB; `documents` lie in `E/`, `extra` members where they say."""
    path = folder / "book.epub"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("E/p.opf", package(documents) if opf is None else opf)
        for name, text in documents.items():
            archive.writestr(f"E/{name}", text)
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
    return path
