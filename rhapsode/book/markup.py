"""Markup made safe to parse, and the two ways in which it is parsed: as XML, else as HTML.

The document type declaration is cut off before any parser sees the text. So nothing can be declared, fetched or
expanded, by libxml2, expat or ebooklib. HTML's named characters (`&nbsp;`, `&eacute;`) keep their meaning; a document
that uses an entity of its own declaring is refused, because its words are not all in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from html.entities import html5
from typing import Any, Protocol, TypeVar, cast

from lxml import etree

PREDEFINED = frozenset({"amp", "lt", "gt", "quot", "apos"})
NAMED = {name[:-1]: value for name, value in html5.items() if name.endswith(";") and name[:-1] not in PREDEFINED}
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip

_DOCTYPE = re.compile(r"<!DOCTYPE", re.I)
_PROLOG = re.compile(r"(?:\s+|<\?.*?(?:\?>|\Z)|<!--.*?(?:-->|\Z))*", re.S)
_DECLARATION = re.compile(r""""[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|[\[\]<>]""", re.S)
_ENTITY = re.compile(r"<!ENTITY\s+([^\s%]\S*)")
_UNDECLARED = re.compile(r"Namespace prefix (\S+) (?:for|on) .*is not defined")
_FIRST_TAG = re.compile(r"<[^\s<>/]+")
_REFERENCE = re.compile(r"&([^\s;&<]{1,100});")
_OPAQUE = r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)"
_NAMED = re.compile(_OPAQUE + r"|&([A-Za-z][A-Za-z0-9]*);", re.S)
_EMPTY = re.compile(_OPAQUE + r"""|<([A-Za-z][\w:.-]*)((?:[^"'<>/]|"[^"]{0,4096}"|'[^']{0,4096}'|/(?!>))*)/>""", re.S)


class Target(Protocol):
    """What lxml tells of a document, in order; nothing is kept, so nesting has no limit and costs no stack."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...
    def close(self) -> object: ...


T = TypeVar("T", bound=Target)


def without_prolog(text: str) -> str:
    """The text with XML declaration and document type blanked out, line numbers kept.

    Raises:
        ValueError: An entity is used that the document declares itself, or its declaration does not end.
    """
    start = _PROLOG.match(text.lstrip("\ufeff"))
    assert start is not None  # it matches the empty string
    text = text.lstrip("\ufeff")
    end = start.end()
    if _DOCTYPE.match(text, end):
        end = _end_of_doctype(text, end)
        own = set(_ENTITY.findall(text, start.end(), end)) - NAMED.keys() - PREDEFINED
        used = own.intersection(_REFERENCE.findall(text, end)) if own else set()
        if used:
            raise ValueError(f"it uses the entity &{min(used)}; that it declares itself")
    return "\n" * text.count("\n", 0, end) + text[end:]


def _end_of_doctype(text: str, start: int) -> int:
    depth = 0
    subset = False
    for token in _DECLARATION.finditer(text, start + 1):
        if token[0] in "[]":
            subset = token[0] == "["
        elif token[0] == "<":
            depth += 1
        elif token[0] == ">":
            if depth == 0 and not subset:
                return token.end()
            depth = max(0, depth - 1)
    raise ValueError("its document type declaration does not end")


def expand(text: str) -> str:
    """HTML's named characters as characters; those that are markup as numbers. CDATA and comments stay as they are."""

    def character(match: re.Match[str]) -> str:
        value = NAMED.get(match[1]) if match[1] else None
        return match[0] if value is None else "".join(f"&#{ord(c)};" if c in "<&" else c for c in value)

    return _NAMED.sub(character, text) if "&" in text else text


def as_html(text: str) -> str:
    """XHTML in the words of HTML, where the slash of `<a id="x"/>` means nothing (the rest would be inside the anchor)
    and a CDATA section is a comment (its text would be lost)."""

    def opened(match: re.Match[str]) -> str:
        name = match[1]
        if match[0].startswith("<![CDATA["):
            return escape(match[0].removeprefix("<![CDATA[").removesuffix("]]>"), quote=False)
        return match[0] if not name or name.lower() in VOID else f"<{name}{match[2]}></{name}>"

    return _EMPTY.sub(opened, text)


def parse(text: str, target: Callable[[], T]) -> T:
    """Tells a document (without prolog) to a new target: as XML or, where it is not well-formed, as HTML.

    libxml2 also refuses XML nested deeper than 2,048; told as HTML it has no such limit and loses nothing.

    Raises:
        ValueError: Neither parser can read it.
    """
    text = expand(text)
    told = target()
    reason = _told_as_xml(text, told)
    undeclared = [_UNDECLARED.match(message) for message in reason]
    if reason and all(undeclared):
        prefixes = {found[1] for found in undeclared if found}
        text = _FIRST_TAG.sub(
            lambda tag: tag[0] + "".join(f' xmlns:{name}="urn:x"' for name in prefixes), text, count=1
        )
        told = target()
        reason = _told_as_xml(text, told)
    if not reason:
        return told
    told = target()
    try:
        parser = etree.HTMLParser(target=cast("Any", told), encoding="utf-8", no_network=True, huge_tree=True)
        etree.fromstring(as_html(text).encode(), cast("Any", parser))
        return told
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ValueError(f"it is neither XML ({reason[0]}) nor HTML ({error})") from error


def _told_as_xml(text: str, target: Target) -> list[str]:
    """What is wrong with it as XML; nothing, if the target was told all of it.

    lxml is asked for its log too: after a prefix without a namespace (`epub:type` alone) it stops at what is not
    well-formed, in silence.
    """
    parser = etree.XMLParser(
        target=cast("Any", target),
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
    )
    try:
        etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        return [str(error)]
    return [str(entry.message) for entry in parser.error_log.filter_from_errors()]


def tree(text: str) -> etree._Element:
    """A small document (package, navigation, container) as a tree, without comments; text as in `without_prolog`.

    Raises:
        ValueError: It is not well-formed XML.
    """
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
    )
    try:
        return etree.fromstring(expand(text).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is not well-formed: {error}") from error


def local(name: object) -> str:
    """The name of a tag or attribute without namespace or prefix, in lower case."""
    return name.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(name, str) else ""


def attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.items()}
