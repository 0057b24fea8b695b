"""The package of an EPUB: what lies where, in which order, and what the book calls itself.

ebooklib reads it, through a subclass that hands it a package document already made safe (no document type, no
comments, one namespace) and keeps it from reading members: it dies on any missing or remote image, font or sound.
Its navigation is not used at all (see navigation.py), nor its idea of a text (see documents.py).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote

from ebooklib import epub
from lxml import etree

from rhapsode.book import encoding, markup
from rhapsode.book.container import Container, damaged, encrypted, too_large
from rhapsode.errors import NotAnEpub

OPF = "http://www.idpf.org/2007/opf"
DC = "http://purl.org/dc/elements/1.1/"
TEXT_TYPES = frozenset({"application/xhtml+xml", "text/html", "image/svg+xml", "text/x-oeb1-document"})
FONT_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
MAX_TAGS = 1_200_000  # start and end tags of all spine documents; the complete Shakespeare has 800,000
MAX_LINES = 200_000  # tags of a package or a navigation
MAX_FALLBACKS = 20
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the manifest. `name` is the zip member, or empty where it is remote or absent."""

    id: str
    href: str
    name: str
    media_type: str
    properties: frozenset[str]
    fallback: str


@dataclass(frozen=True)
class Package:
    """A package, read. `spine` holds (item, linear) in reading order, each document once."""

    container: Container
    name: str  # of the package document: hrefs resolve against it
    items: dict[str, Item]
    spine: tuple[tuple[Item, bool], ...]
    book: epub.EpubBook  # metadata and guide, as ebooklib has them
    ncx: str = ""  # id of the item
    refinements: dict[str, dict[str, str]] = field(default_factory=dict)  # id -> property -> value

    fallbacks: dict[str, str] = field(default_factory=dict)  # document that cannot be read -> the one read instead

    def shown(self, base: str, href: str) -> tuple[str, str]:
        """Where a link leads in what is read: (document, fragment); the document is empty if it leads nowhere."""
        name, fragment = resolve(self.container, base, href)
        return self.fallbacks.get(name, name), fragment

    def with_property(self, name: str) -> Item | None:
        return next((item for item in self.items.values() if name in item.properties), None)


def source(container: Container, name: str, limit: int = MAX_TAGS) -> str:
    """The characters of a text member, without prolog; what every parser here is given.

    Raises:
        BookDamaged: It cannot be decoded, or its words depend on entities of its own.
        BookTooLarge: It has more tags than `limit`: each costs memory, however small the file.
    """
    try:
        text = markup.without_prolog(encoding.decode(container.read(name)))
    except ValueError as error:  # UnicodeError is one
        raise damaged(container.path, f"{name} cannot be read: {error}") from error
    if text.count("<") > limit:
        raise too_large(container.path, f"{name}, more than {limit} tags")
    return text


def resolve(container: Container, base: str, href: str) -> tuple[str, str]:
    """The (member, fragment) that `href` in member `base` means; the member is empty if it is remote or absent.

    Paths that climb above the root of the container stay in it, as URLs do; nothing outside can be named.
    """
    path, _, fragment = href.strip().partition("#")
    if _REMOTE.match(path):
        return "", ""
    path = path.partition("?")[0]
    if not path:
        return base, unquote(fragment)
    for candidate in (unquote(path), path):
        name = posixpath.normpath(posixpath.join("/", posixpath.dirname(base), candidate)).lstrip("/")
        found = container.find(name)
        if found:
            return found, unquote(fragment)
    return "", unquote(fragment)


def xml(container: Container, name: str) -> etree._Element:
    """A member that must be XML: the container, the package."""
    try:
        return markup.tree(source(container, name, MAX_LINES))
    except ValueError as error:
        raise damaged(container.path, f"{name}: {error}") from error


def rootfile(container: Container) -> str:
    """The package document: the first rendition that META-INF/container.xml names."""
    where = container.find("META-INF/container.xml")
    if where is None:
        raise NotAnEpub(f"{container.path} is a zip but no EPUB: it has no META-INF/container.xml.", "Is it an EPUB?")
    for element in xml(container, where).iter("{*}rootfile"):
        for href in (element.get("full-path", ""), unquote(element.get("full-path", ""))):
            found = container.find(href.lstrip("/"))
            if found:
                return found
    raise damaged(container.path, "META-INF/container.xml names no package document that exists")


def check_rights(container: Container) -> None:
    """Refuses DRM and tells the container which members are encrypted.

    Raises:
        BookEncrypted: META-INF holds rights.xml (Adobe, Readium) or sinf.xml (Apple).
    """
    for name in ("META-INF/rights.xml", "META-INF/sinf.xml"):
        if container.find(name):
            raise encrypted(container.path, f"it is under DRM: it has {name}")
    where = container.find("META-INF/encryption.xml")
    if where is None:
        return
    secret = set()
    for data in xml(container, where).iter("{*}EncryptedData"):
        method = next(data.iter("{*}EncryptionMethod"), None)
        if method is not None and method.get("Algorithm") in FONT_OBFUSCATION:
            continue
        for reference in data.iter("{*}CipherReference"):
            secret.add(resolve(container, "", reference.get("URI", ""))[0])
    container.encrypted = frozenset(secret - {""})


class _Reader(epub.EpubReader):  # type: ignore[misc]  # ebooklib has no types
    """ebooklib's reader, fed with one safe package document and nothing else."""

    def __init__(self, container: Container, opf: str, package: bytes) -> None:
        super().__init__(str(container.path))
        self.members, self.opf_file, self.opf_dir, self.package = container, opf, posixpath.dirname(opf), package

    def _load(self) -> None:
        self._load_opf_file()

    def read_file(self, name: str) -> bytes:
        return self.package

    def _load_manifest(self) -> None:
        for element in self.container.iter(f"{{{OPF}}}item"):
            item = epub.EpubItem(element.get("id"), element.get("href"), element.get("media-type"))
            item.properties = element.get("properties", "").split()
            item.fallback = element.get("fallback", "")
            self.book.add_item(item)


def read(container: Container) -> Package:
    """Reads the package document.

    Raises:
        BookDamaged: It is unreadable, or the spine names a document that is not in the book.
    """
    opf = rootfile(container)
    root, toc = _clean(container, opf, xml(container, opf))
    book = _Reader(container, opf, etree.tostring(root, encoding="utf-8", xml_declaration=True)).load()
    items = {}
    for entry in book.get_items():
        name = resolve(container, opf, entry.file_name)[0]
        items[entry.id] = Item(
            entry.id, entry.file_name, name, entry.media_type or "", frozenset(entry.properties), entry.fallback
        )
    refinements: dict[str, dict[str, str]] = {}
    for text, attributes in book.metadata.get(OPF, {}).get("meta", []):
        if attributes.get("refines") and attributes.get("property"):
            refinements.setdefault(attributes["refines"].lstrip("#"), {})[attributes["property"]] = (text or "").strip()
    spine: dict[str, tuple[Item, bool]] = {}
    fallbacks = {}
    for idref, linear in book.spine:
        item = _readable(container, items, idref.strip())
        if item is not None:
            spine.setdefault(item.name, (item, linear != "no"))
            fallbacks[items[idref.strip()].name] = item.name
    return Package(container, opf, items, tuple(spine.values()), book, toc, refinements, fallbacks)


def _clean(container: Container, opf: str, dirty: etree._Element) -> tuple[etree._Element, str]:
    """The package in one namespace, without what ebooklib stumbles over, and the id of the NCX.

    Open eBook 1.2 packages had another namespace and Dublin Core names in capitals.
    """
    root = etree.Element(f"{{{OPF}}}package", nsmap=cast("dict[str, str]", {None: OPF, "dc": DC}))
    root.attrib.update({key: value for key, value in dirty.items() if not str(key).startswith("{")})
    sections = {name: etree.SubElement(root, f"{{{OPF}}}{name}") for name in ("metadata", "manifest", "spine", "guide")}
    kinds = {"item": "manifest", "itemref": "spine", "reference": "guide"}
    toc = ""
    for element in dirty.iter("*"):
        name, namespace = markup.local(element.tag), etree.QName(element).namespace or ""
        above = element.getparent()
        parent = markup.local(above.tag) if above is not None else ""
        if name == "spine":
            toc = toc or element.get("toc", "")
        if "purl.org/dc/" in namespace:
            copy = etree.SubElement(sections["metadata"], f"{{{DC}}}{name}")
        elif name == "meta":
            copy = etree.SubElement(sections["metadata"], f"{{{OPF}}}meta")
        elif kinds.get(name) == parent and (element.get("href") or element.get("idref")):
            copy = etree.SubElement(sections[parent], f"{{{OPF}}}{name}")
        else:
            continue
        copy.text = "".join(map(str, element.itertext()))
        copy.attrib.update({key: value for key, value in element.items() if key != "name" or ":" not in value})
        if name == "meta" and ":" in element.get("name", ""):
            copy.set("property", element.get("name", ""))  # ebooklib takes a colon for a namespace prefix
        if name == "item":
            copy.set("id", element.get("id", "").strip() or element.get("href", ""))
    if not len(sections["spine"]):
        raise damaged(container.path, f"{opf} has no spine: nobody can say in which order the book is read")
    return root, toc


def _readable(container: Container, items: dict[str, Item], idref: str) -> Item | None:
    """The text that a spine entry stands for, by its fallbacks; None if it is a picture, a sound or a film."""
    seen: list[Item] = []
    wanted = idref
    while wanted in items and len(seen) < MAX_FALLBACKS:
        item = items[wanted]
        seen.append(item)
        if item.media_type in TEXT_TYPES or re.search(r"\.x?html?$", item.href, re.I):
            if not item.name:
                raise damaged(container.path, f"the spine names {item.href}, which is not in the book")
            return item
        wanted = item.fallback
    if not seen:
        raise damaged(container.path, f"the spine names the item {idref!r}, which is not in the manifest")
    if seen[0].media_type.partition("/")[0] in ("image", "audio", "video"):
        return None
    xml_like = next((item for item in seen if item.name and item.media_type.endswith(("+xml", "/xml"))), None)
    if xml_like is None:
        kind = seen[0].media_type or "no media type"
        raise damaged(container.path, f"the spine names {seen[0].href} ({kind}), which is no text that can be read")
    return xml_like
