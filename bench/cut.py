"""A book cut to its first chunks, as an EPUB of its own: a short run goes the same way as a whole one."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from xml.sax.saxutils import escape

from ebooklib import epub

from rhapsode.model import Block, BlockKind, Book, Chapter, Plan

TAGS = {BlockKind.HEADING: "h2", BlockKind.QUOTATION: "blockquote"}
"""All other blocks become paragraphs: what they are changes pauses, and not what a chunk costs."""


def cut_book(book: Book, plan: Plan, chunks: int, target: Path) -> None:
    """Writes an EPUB that holds the text of the first `chunks` chunks, up to the end of the block of the last one."""
    end = plan.chunks[min(chunks, len(plan.chunks)) - 1].char_end
    short = epub.EpubBook()
    short.set_identifier(f"{book.digest}-{chunks}")
    short.set_title(f"{book.metadata.title}, the first {chunks} chunks")
    short.set_language(book.metadata.language)
    if book.cover:
        short.set_cover(f"cover.{book.cover.media_type.partition('/')[2].partition('+')[0]}", book.cover.data)
    pages = [page for chapter in book.chapters if (page := _page(chapter, end))]
    for item in (*pages, epub.EpubNcx(), epub.EpubNav()):
        short.add_item(item)
    short.spine = short.toc = pages
    epub.write_epub(str(target), short)


def _page(chapter: Chapter, end: int) -> epub.EpubHtml | None:
    blocks = list(takewhile(lambda block: block.char_start < end, chapter.blocks))
    if not any(block.text for block in blocks):
        return None
    page = epub.EpubHtml(title=chapter.title or "Untitled", file_name=f"{chapter.number:04d}.xhtml")
    page.content = f"<html><body>{''.join(map(_element, blocks))}</body></html>"
    return page


def _element(block: Block) -> str:
    if not block.text:
        return "<hr/>"
    tag = TAGS.get(block.kind, "p")
    return f"<{tag}>{escape(block.text)}</{tag}>"
