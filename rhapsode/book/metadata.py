"""What the book calls itself: title, authors, language, series, and its cover."""

from __future__ import annotations

import re
import unicodedata

from lxml import etree, html

from rhapsode.book.container import Container
from rhapsode.book.package import OPF, Item, Package, resolve, source
from rhapsode.errors import BookError
from rhapsode.model import Cover, Metadata

_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b\ufeff]")


def one_line(text: str) -> str:
    """White space collapsed; control characters and marks that turn the direction of text removed."""
    text = " ".join(text.split())
    return _BIDI.sub("", "".join(char for char in text if unicodedata.category(char) != "Cc")).strip()


def read_metadata(package: Package) -> Metadata:
    names = {name: _values(package, name) for name in ("title", "language", "publisher", "subject", "identifier")}
    titles = _values(package, "title")
    main = [text for text, attributes in titles if _refined(package, attributes, "title-type") == "main"]
    series, position = _series(package)
    return Metadata(
        title=next(iter(main + [text for text, _ in titles]), "")
        or one_line(package.container.path.stem)
        or "Untitled",
        authors=_authors(package),
        language=next((text for text, _ in names["language"]), "en"),
        identifier=_identifier(package, names["identifier"]),
        publisher=next((text for text, _ in names["publisher"]), ""),
        published=_published(package),
        description=_description(package),
        subjects=tuple(text for text, _ in names["subject"]),
        series=series,
        series_index=position,
    )


def _values(package: Package, name: str) -> list[tuple[str, dict[str, str]]]:
    found = package.book.get_metadata("DC", name)
    return [(one_line(text), attributes) for text, attributes in found if text and one_line(text)]


def _refined(package: Package, attributes: dict[str, str], name: str) -> str:
    """A property of a metadata element: EPUB 3 refines it by id, EPUB 2 has an attribute."""
    refined = package.refinements.get(attributes.get("id", ""), {}).get(name, "")
    return refined or attributes.get(f"{{{OPF}}}{name}", attributes.get(name, ""))


def _authors(package: Package) -> tuple[str, ...]:
    """Those with the role aut; else those without a role; else all creators."""
    creators = _values(package, "creator")
    # An element may have several roles; ebooklib's list keeps them all, `refinements` only the last.
    roles: dict[str, set[str]] = {}
    for text, attributes in package.book.metadata.get(OPF, {}).get("meta", []):
        if attributes.get("property") == "role":
            roles.setdefault(attributes.get("refines", "").lstrip("#"), set()).add((text or "").strip())

    def of(attributes: dict[str, str]) -> set[str]:
        return roles.get(attributes.get("id", ""), set()) | {_refined(package, attributes, "role")} - {""}

    writers = [text for text, attributes in creators if "aut" in of(attributes)]
    others = [text for text, attributes in creators if not of(attributes)]
    return tuple(dict.fromkeys(writers or others or [text for text, _ in creators]))


def _identifier(package: Package, found: list[tuple[str, dict[str, str]]]) -> str:
    unique = package.book.IDENTIFIER_ID
    return next((text for text, attributes in found if attributes.get("id") == unique), found[0][0] if found else "")


def _published(package: Package) -> str:
    dates = _values(package, "date")
    marked = [text for text, attributes in dates if _refined(package, attributes, "event") == "publication"]
    return next((text for text in marked + [text for text, _ in dates] if re.match(r"\d{4}", text)), "")


def _description(package: Package) -> str:
    """One line of plain text: shops put escaped HTML there."""
    text = next((text for text, _ in _values(package, "description")), "")
    if "<" not in text:
        return text
    try:
        parted = re.sub(r"(?=</?(?:p|div|li|h\d|br|blockquote)\b)", " ", text, flags=re.I)
        return one_line("".join(map(str, html.fromstring(f"<div>{parted}</div>").itertext())))
    except (etree.ParserError, etree.XMLSyntaxError):
        return text


def _series(package: Package) -> tuple[str, str]:
    """EPUB 3 collections of the type series, else the two fields that calibre writes."""
    metas = package.book.metadata.get(OPF, {}).get("meta", [])
    for text, attributes in metas:
        refined = package.refinements.get(attributes.get("id", ""), {})
        if attributes.get("property") == "belongs-to-collection" and refined.get("collection-type") == "series":
            return one_line(text or ""), refined.get("group-position", "")
    calibre = {attributes.get("property"): attributes.get("content") or text or "" for text, attributes in metas}
    return one_line(calibre.get("calibre:series", "")), one_line(calibre.get("calibre:series_index", ""))


def read_cover(package: Package) -> Cover | None:
    """The cover image, or None: a book without one, or with a cover that cannot be read, is still a book."""
    item = _cover_item(package)
    if item is None or not item.name or not item.media_type.startswith("image/"):
        return None
    try:
        return Cover(item.media_type.replace("image/jpg", "image/jpeg"), package.container.read(item.name))
    except BookError:
        return None


def _cover_item(package: Package) -> Item | None:
    found = package.with_property("cover-image")
    if found is not None:
        return found
    by_name = {item.name: item for item in package.items.values() if item.name}
    for _, attributes in package.book.metadata.get(OPF, {}).get("meta", []):
        if attributes.get("name") == "cover":
            content = attributes.get("content", "")
            named = resolve(package.container, package.name, content)[0] if content else ""
            return package.items.get(content) or by_name.get(named)
    for reference in package.book.guide:
        if (reference.get("type") or "").lower() == "cover":
            page = resolve(package.container, package.name, reference.get("href") or "")[0]
            if page and not by_name.get(page, Item("", "", "", "", frozenset(), "")).media_type.startswith("image/"):
                page = _first_image(package.container, page)
            return by_name.get(page)
    return None


def _first_image(container: Container, page: str) -> str:
    try:
        found = re.search(r"""<(?:\w+:)?ima?ge?\b[^>]*?(?:src|href)\s*=\s*["']([^"']+)""", source(container, page))
    except BookError:
        return ""
    return resolve(container, page, found[1])[0] if found else ""
