"""What markup means to a listener: which elements break the text, what is heading, verse or note, what is not read.

Judged by epub:type, by ARIA roles and by the elements of HTML; never by the words of a title, which lost a prologue
marked frontmatter and chapters named "Cogs in the Great Machine" in other programs. Class names decide in two cases
where nothing else exists and a mistake costs no words: lines of verse, and printed page numbers (which must also look
like one).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rhapsode.book.markup import local

BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    "svg", "text", "title", "desc", "foreignobject", "switch", "case", "default", "math",
    "book", "chapter", "para", "line", "lg", "stanza", "poem", "sect1", "sect2", "level1", "level2", "bodymatter",
    "frontmatter", "rearmatter",
})  # fmt: skip
"""Elements that end a stretch of text; the last line serves the XML of DTBook and the like."""
SILENT = frozenset({"script", "style"})
"""Their characters are no words of the book: neither narrated nor counted. Nor are those of the head."""
OF_THE_HEAD = frozenset({"title", "meta", "link", "base", "script", "style", "noscript", "template"})
"""Anything else ends it, whether or not its end tag comes."""

HEADING = re.compile(r"h([1-6])$")
HEADING_TYPES = frozenset({"title", "subtitle", "fulltitle", "covertitle", "bridgehead"})
VERSE = frozenset({"verse", "poem", "poetry", "song", "hymn", "lyrics", "stanza"})
LETTER = frozenset({"letter"})
NOTE = frozenset({"footnote", "endnote", "rearnote", "note"})
NOTES = frozenset({"footnotes", "endnotes", "rearnotes", "notes"})
BACK = frozenset({"backlink", "referrer"})

PAGE_CLASSES = frozenset({"pagenum", "pageno", "page-number", "pagebreak"})

NARRATED = frozenset({
    "dedication", "epigraph", "preface", "foreword", "introduction", "prologue", "preamble", "prolog", "epilogue",
    "afterword", "conclusion", "chapter", "subchapter", "part", "volume", "division", "appendix", "acknowledgments",
    "acknowledgements",
})  # fmt: skip
"""Always read, whatever they stand in."""
NAVIGATION = {
    "toc": "toc",
    "toc-brief": "toc",
    "landmarks": "landmarks",
    "page-list": "page-list",
    "pagelist": "page-list",
    "loi": "front-matter: loi",
    "lot": "front-matter: lot",
    "loa": "front-matter: loa",
    "lov": "front-matter: lov",
}
_FRONT = (
    "cover", "titlepage", "title-page", "halftitlepage", "halftitle", "imprint", "seriespage", "copyright-page",
    "copyright",
)  # fmt: skip
_BACK = (
    "colophon", "index", "bibliography", "errata", "other-credits",
)  # fmt: skip
MATTER = {**dict.fromkeys(_FRONT, "front-matter"), **dict.fromkeys(_BACK, "back-matter")}

FALLBACK = frozenset({"audio", "video", "canvas", "iframe", "case"})
"""They show something else, or a system that can do more shows it; what is inside is for those that cannot."""
NEVER_SHOWN = frozenset({"template", "metadata", "annotation", "annotation-xml", "datalist"})
RUBY = frozenset({"rt", "rp", "rtc"})

MARKS = frozenset("*⁂⁎⁑∗✱✲✳✶✻✼❋#~∼∽〜•·●○◦◆◇■□▪▫★☆❦❧☙❖§¶†‡—–―-_=+<>|/\\^.…⸻⁓※")
"""A paragraph of nothing but these is a scene break."""
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_PAGE = re.compile(r"\W*(?:p(?:g|age)?\.?\s*)?(?:\d{1,4}|[ivxlcdm]{1,8})\W*", re.I)


def types(attributes: Mapping[str, str]) -> frozenset[str]:
    """Tokens of epub:type and of role (`doc-toc` as `toc`), in lower case, without vocabulary prefixes."""
    found: set[str] = set()
    for name, value in attributes.items():
        short = local(name)
        if short == "type":
            found.update(token.rpartition(":")[2] for token in value.lower().split())
        elif short == "role":
            found.update(token.removeprefix("doc-") for token in value.lower().split())
    return frozenset(found)


def classes(attributes: Mapping[str, str]) -> frozenset[str]:
    return frozenset(attributes.get("class", "").lower().split())


def is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true":
        return True
    return bool(_HIDING.search(attributes.get("style", "")))


def is_decoration(attributes: Mapping[str, str]) -> bool:
    return bool({"presentation", "none"} & set(attributes.get("role", "").lower().split())) or is_hidden(attributes)


def is_page_number(text: str) -> bool:
    return len(text) < 40 and bool(_PAGE.fullmatch(text.strip()))


def is_scene_break(text: str) -> bool:
    solid = "".join(text.split())
    return 0 < len(solid) <= 40 and set(solid) <= MARKS


def matter_reason(kinds: frozenset[str] | set[str], partition: str) -> str:
    """Why a part of these types is not read, or an empty string.

    `partition` is `front-matter` or `back-matter` where an ancestor says so, else empty.
    """
    if kinds & NARRATED:
        return ""
    for kind in sorted(kinds & NAVIGATION.keys()):
        return NAVIGATION[kind]
    for kind in sorted(kinds & MATTER.keys()):
        return f"{partition or MATTER[kind]}: {kind}"
    return ""
