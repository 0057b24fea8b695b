"""Where the book says its chapters begin: the EPUB 3 navigation document, else the NCX of EPUB 2.

ebooklib is not asked: it takes NCX links from the wrong folder, leaves nav links percent-encoded, loses
`epub:type="toc landmarks"`, and dies on a list that is not there. A navigation that cannot be read costs chapter
titles, never text, so here (and only here) damage means "no navigation".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from lxml import etree, html

from rhapsode.book import markup, semantics
from rhapsode.book.metadata import one_line
from rhapsode.book.package import MAX_LINES, Package, source

NCX_TYPE = "application/x-dtbncx+xml"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents: it points to a zip member and, where it has a fragment, into it."""

    title: str
    document: str
    fragment: str


@dataclass(frozen=True)
class Navigation:
    """`matter` says what places are, by landmarks and guide: document -> fragment ("" for the whole) -> types.
    `pages` are the places of printed page numbers: document -> fragments."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)  # by document; within one in the order of the book
    document: str = ""  # the EPUB 3 navigation document, itself often in the spine
    matter: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    pages: dict[str, set[str]] = field(default_factory=dict)


def read_navigation(package: Package) -> Navigation:
    """Reads nav, landmarks, page list and guide; entries of the NCX where the nav has none."""
    nav = package.with_property("nav")
    document = nav.name if nav is not None else ""
    lists = _nav_lists(package, document) if document else {}
    entries = lists.get("toc", [])
    matter: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    pages: dict[str, set[str]] = defaultdict(set)
    for kind, entry in lists.get("landmarks", []):
        matter[entry.document][entry.fragment].update(kind)
    for reference in package.book.guide:
        name, fragment = package.shown(package.name, reference.get("href") or "")
        matter[name][fragment].add((reference.get("type") or "").lower())
    for _, entry in lists.get("page-list", []):
        pages[entry.document].add(entry.fragment)
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in [entry for _, entry in entries] or _ncx_entries(package):
        found[entry.document].append(entry)
    return Navigation(found, document, matter, pages)


def _nav_lists(package: Package, name: str) -> dict[str, list[tuple[frozenset[str], Entry]]]:
    """Links of each nav element, by the types of the element (toc, landmarks, page-list)."""
    text = source(package.container, name, MAX_LINES)
    try:
        root = markup.tree(text)
    except ValueError:
        try:
            root = html.fromstring(text.encode(), parser=etree.HTMLParser(encoding="utf-8", no_network=True))
        except (etree.ParserError, etree.XMLSyntaxError):
            return {}
    lists: dict[str, list[tuple[frozenset[str], Entry]]] = defaultdict(list)
    navs = [element for element in root.iter() if markup.local(element.tag) == "nav"]
    for nav in navs:
        kinds = semantics.types(markup.attributes(nav)) or (frozenset({"toc"} if len(navs) == 1 else ()))
        for link in nav.iter():
            if markup.local(link.tag) != "a" or not link.get("href"):
                continue
            where, fragment = package.shown(name, link.get("href", ""))
            if where:
                entry = Entry(one_line("".join(map(str, link.itertext()))), where, fragment)
                for kind in kinds:
                    lists[kind].append((semantics.types(markup.attributes(link)), entry))
    return lists


def _ncx_entries(package: Package) -> list[Entry]:
    items = package.items
    ncx = items.get(package.ncx) or next((item for item in items.values() if item.media_type == NCX_TYPE), None)
    if ncx is None or not ncx.name:
        return []
    try:
        root = markup.tree(source(package.container, ncx.name, MAX_LINES))
    except ValueError:
        return []
    entries = []
    for point in root.iter("{*}navPoint"):
        label = point.find("{*}navLabel/{*}text")
        content = point.find("{*}content")
        if content is not None and content.get("src"):
            where, fragment = package.shown(ncx.name, content.get("src", ""))
            title = one_line("".join(map(str, label.itertext()))) if label is not None else ""
            if where:
                entries.append(Entry(title, where, fragment))
    return entries
