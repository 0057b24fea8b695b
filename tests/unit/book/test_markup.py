from __future__ import annotations

import re
import time
from collections.abc import Mapping

import pytest

from rhapsode.book import markup


class Heard:
    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.events.append(f"<{markup.local(tag)}")

    def end(self, tag: str) -> None:
        self.events.append(f">{markup.local(tag)}")

    def data(self, text: str) -> None:
        self.events.append(text)

    def close(self) -> Heard:
        return self


def heard(text: str) -> list[str]:
    return markup.parse(text, Heard).events


def said(text: str) -> str:
    return "".join(event for event in heard(text) if not re.match("[<>][a-z]", event))


def test_prolog_is_blanked_and_lines_are_kept() -> None:
    text = '\ufeff<?xml version="1.0"?>\n<!DOCTYPE html [<!ENTITY nbsp "x]>">\n<!-- it\'s -->]>\n<p>&nbsp;</p>'
    assert markup.without_prolog(text) == "\n\n\n<p>&nbsp;</p>"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><p>&e;</p>',
        '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><p>&b;</p>',
        "<!DOCTYPE x [<!ENTITY Ü 'u'>]><p title='&Ü;'/>",
    ],
)
def test_own_entities_are_refused_where_used(text: str) -> None:
    with pytest.raises(ValueError, match="declares itself"):
        markup.without_prolog(text)
    assert markup.without_prolog(text.replace("<p", "<!-- ").split("<!-- ")[0] + "<p/>") == "<p/>"


def test_endless_declaration() -> None:
    with pytest.raises(ValueError, match="does not end"):
        markup.without_prolog("<!DOCTYPE html [ <p>a</p>")


def test_named_characters() -> None:
    assert said("<p>caf&eacute;&nbsp;&hellip; &lt;b&gt; &amp;eacute;</p>") == "café\xa0… <b> &eacute;"
    assert said("<p><![CDATA[&eacute;]]></p>") == "&eacute;"


def test_what_is_not_xml_is_told_as_html() -> None:
    assert said("<html><body><p>AT&T <br>a<p>b</body></html>") == "AT&T ab"
    events = heard('<p>1 & <a id="x"/>2<![CDATA[ 3 < 4]]><b></p>')
    assert events.index(">a") == events.index("<a") + 1
    assert said('<p>1 & <a id="x"/>2<![CDATA[ 3 < 4]]><b></p>') == "1 & 2 3 < 4"


def test_prefix_without_a_namespace_does_not_end_the_text() -> None:
    """lxml takes such a document for well-formed, and stops at the next fault without a word."""
    assert said('<div><p epub:type="x">one</p></em>two</div>') == "onetwo"


def test_nesting_without_limit() -> None:
    deep = 30_000
    events = heard("<div>" * deep + "x" + "</div>" * deep)
    assert "x" in events
    assert events.count("<div") == deep


@pytest.mark.parametrize("text", ["<!--" * 300_000, "<p a='" * 100_000, "&" * 1_000_000, "<![CDATA[" * 200_000])
def test_no_text_takes_time_without_end(text: str) -> None:
    started = time.process_time()
    markup.as_html(markup.expand(markup.without_prolog("<p>" + text)))
    assert time.process_time() - started < 5
