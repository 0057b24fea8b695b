"""The word ledger: what it counts, that it sees any loss, and that no document that can be drawn loses a word."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.book import ledger, markup, notes
from rhapsode.book.chapters import divide
from rhapsode.book.contexts import Surroundings
from rhapsode.book.documents import Reading
from rhapsode.book.passages import Run, collapse
from rhapsode.book.reader import read_book
from rhapsode.errors import BookDamaged, WordsLost
from rhapsode.model import Block, BlockKind
from rhapsode.settings import Footnotes
from tests.unit.book.binding import bind, page

BOOK = Path("b.epub")


def counted(text: str) -> list[str]:
    return [word for node in ledger.nodes(text)[0] for word in node.split()]


def test_a_word_lies_in_one_text_node() -> None:
    assert counted(page("<p>light<a>1</a> caf&eacute;&nbsp;x</p><img alt='two words'/>")) == [
        *("light", "1", "café", "x", "two", "words")
    ]


@pytest.mark.parametrize(
    "text",
    [
        page("<script>no</script><svg><style>no</style></svg><p>yes</p><!-- no --><?no no?>"),
        "<html><head><title>no<b>yes</b></title></head></html>",
        "<html><head><title>no</title><meta><body><p>yes",
        "<title>no</title><script>no < no</script>yes",
        "<svg><title>yes</title></svg>",
    ],
)
def test_what_counts(text: str) -> None:
    assert counted(text) == ["yes"]


def test_entities_in_attributes_are_not_lost() -> None:
    assert counted(page('<img alt="caf&eacute; &amp; th&#233;"/>')) == ["café", "&", "thé"]


def settle(text: str, runs: list[Run]) -> tuple[int, int, int]:
    line, _ = ledger.settle(BOOK, "c.xhtml", text, runs)
    return line.words, line.narrated, line.skipped


def test_the_account() -> None:
    text = page("<p>one two<a>1</a> three</p><p>four</p><p>five six</p>")
    runs = [Run("one two"), Run("1", "footnote-reference"), Run(" three"), Run("four", "toc"), Run("five six", "toc")]
    line, skips = ledger.settle(BOOK, "c.xhtml", text, runs)
    assert (line.words, line.narrated, line.skipped) == (7, 3, 4)
    assert [(skip.reason, skip.words, skip.excerpt) for skip in skips] == [
        ("footnote-reference", 1, "1"),
        ("toc", 3, "four five six"),
    ]


def test_text_may_be_parted_otherwise() -> None:
    """A word is booked where it begins, however the other parser parts the text."""
    assert settle(page("<p>one</p>two <b>th</b>ree"), [Run("onetwo"), Run("th", "toc"), Run("ree")]) == (4, 3, 1)
    assert settle(page("<p>onetwo three</p>"), [Run("one", "toc"), Run("two"), Run(" three")]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("runs", "missing"),
    [
        (["one two", "four"], "missing 'three'"),
        (["one two three", "four", "five"], "not in the document 'five'"),
        (["one two thre", "four"], "missing 'three'"),
        (["four", "one two three"], "at word 1"),
        ([], "missing 'one', 'two', 'three', 'four'"),
        (["one two three four four"], "not in the document 'four'"),
    ],
)
def test_any_difference_is_named(runs: list[str], missing: str) -> None:
    with pytest.raises(WordsLost, match=missing) as caught:
        settle(page("<p>one two three</p><p>four</p>"), [Run(text) for text in runs])
    assert "b.epub: c.xhtml" in str(caught.value)


def test_difference_in_broken_markup_is_damage_with_its_place() -> None:
    with pytest.raises(BookDamaged, match=r"line 2, column .* at word 2 after 'one': missing 'two'"):
        settle("<p>one\n<b>two</p>", [Run("one")])


def test_blocks_must_hold_what_is_narrated() -> None:
    runs = [Run("one  two"), Run("x", "toc"), Run("\nthree")]
    whole = Block(BlockKind.PARAGRAPH, "one two three", "c", 0)
    ledger.check_blocks(BOOK, "c", runs, [whole])
    for text in ("one two", "one two three three", "one two threx"):
        with pytest.raises(WordsLost, match="narrated unequally"):
            ledger.check_blocks(BOOK, "c", runs, [replace(whole, text=text)])


def test_a_conversion_that_loses_a_word_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the reading had a fault: the book is not read, and the words and their place are named."""
    add = Reading._add
    monkeypatch.setattr(Reading, "_add", lambda self, text, *more: None if text == "three" else add(self, text, *more))
    path = bind(tmp_path, {"c.xhtml": page("<p>one two</p><p>three</p><p>four</p>")})
    with pytest.raises(WordsLost, match=r"book\.epub: E/c\.xhtml: .* at word 3 after 'two': missing 'three'"):
        read_book(path)


# -- properties --------------------------------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("ab é\u00a0\u2003\u2060\n\t&<'\"1*—漢\U0001f600"), min_size=1, max_size=12)
ATTRIBUTES = st.sampled_from(
    ["", ' id="x"', ' class="verse"', ' hidden=""', ' epub:type="footnote" id="n"', ' epub:type="pagebreak"',
     ' epub:type="titlepage"', ' epub:type="prologue"', ' epub:type="z3998:verse"', ' role="heading"',
     ' class="pagenum"', ' epub:type="frontmatter"', ' epub:type="endnotes"', ' aria-hidden="true"',
     ' epub:type="toc landmarks"']
)  # fmt: skip
NAMES = st.sampled_from(
    ["p", "div", "span", "i", "h1", "h3", "blockquote", "ul", "li", "table", "tr", "td", "th", "section", "aside",
     "ruby", "rt", "nav", "svg", "text", "title", "pre", "figure", "sup", "a", "hgroup", "dl", "dt", "dd", "math",
     "template", "audio", "noscript", "head", "script", "body"]
)  # fmt: skip
EMPTY = st.sampled_from(
    ["<br/>", "<hr/>", '<a id="y"/>', '<img alt="a pic"/>', '<img alt="T"/>', '<img alt=" &eacute;&#10;&lt;"/>',
     '<img alt="d" role="presentation"/>', '<a epub:type="noteref" href="#n">1</a>', '<sup><a href="#n">1</a></sup>',
     "<!-- c -->", "<?p i?>", "<![CDATA[a < b]]>", "&nbsp;", "&eacute;", "&#8212;"]
)  # fmt: skip


def element(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, attributes, parts: f"<{name}{attributes}>{''.join(parts)}</{name}>",
        NAMES,
        ATTRIBUTES,
        st.lists(inside, max_size=5),
    )


MARKUP = st.recursive(st.one_of(WORDS.map(escape), EMPTY), element, max_leaves=25)


def read(text: str, footnotes: Footnotes) -> tuple[Reading, list[Block]]:
    scan = markup.parse(text, lambda: notes.Scan("c", lambda href: ("c", href.lstrip("#"))))
    found = notes.find([scan])
    around = Surroundings("c", found.marks["c"], found.keys["c"], frozenset({"x"}), pages=frozenset({"y"}))
    reading = markup.parse(text, lambda: Reading(around))
    return reading, [block for chapter in divide([reading], [], footnotes) for block in chapter.blocks]


@settings(max_examples=400, deadline=None)
@given(st.lists(MARKUP, max_size=6), st.sampled_from(Footnotes))
def test_no_word_is_lost_in_any_document(parts: list[str], footnotes: Footnotes) -> None:
    text = page("".join(parts))
    reading, blocks = read(text, footnotes)
    line, skips = ledger.settle(BOOK, "c", text, reading.runs)
    assert line.words == line.narrated + line.skipped == len(counted(text))
    assert line.skipped == sum(skip.words for skip in skips)
    ledger.check_blocks(BOOK, "c", reading.runs, blocks)
    for block in blocks:
        assert block.text == "\t".join(" ".join(cell.split()) for cell in block.text.split("\t"))
        assert bool(block.text) == (block.kind is not BlockKind.SCENE_BREAK)
        assert "\t" not in block.text or block.kind is BlockKind.TABLE_ROW


@settings(max_examples=200, deadline=None)
@given(st.lists(MARKUP, min_size=1, max_size=6), st.data())
def test_the_ledger_sees_any_run_that_is_lost_changed_or_moved(parts: list[str], data: st.DataObject) -> None:
    text = page("".join(parts))
    reading, _ = read(text, Footnotes.SKIP)
    if not reading.runs:
        return
    place = data.draw(st.integers(0, len(reading.runs) - 1))
    runs = list(reading.runs)
    for changed in ([], [Run("zz" + runs[place].text)]):
        with pytest.raises(WordsLost):
            ledger.settle(BOOK, "c", text, runs[:place] + changed + runs[place + 1 :])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(MARKUP, st.sampled_from(["<p>", "</p>", "</i>", "<b>", "<td>", "&", "<", "</div>"])), max_size=8)
)
def test_broken_markup_is_whole_or_damaged(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        reading, blocks = read(text, Footnotes.SKIP)
        line, _ = ledger.settle(BOOK, "c", text, reading.runs)
    except (ValueError, BookDamaged):
        return
    assert line.words == line.narrated + line.skipped
    ledger.check_blocks(BOOK, "c", reading.runs, blocks)


@given(st.text())
def test_collapse(text: str) -> None:
    assert collapse(text) == " ".join(text.split())
