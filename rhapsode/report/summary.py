"""What a run leaves for people: the table of chapters and the summary of an edition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rhapsode.model import Book
from rhapsode.store.editions import Edition


def clock(seconds: float) -> str:
    """`8103.4` -> `2:15:03`."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def in_words(seconds: float) -> str:
    """`8103.4` -> `2 h 15 min`; as rough as an estimate is: minutes from 90 s on, else tens of seconds."""
    if seconds < 90:
        return f"{max(10, round(seconds / 10) * 10)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def chapter_rows(edition: Edition) -> list[dict[str, object]]:
    """One row a chapter, for a table."""
    return [
        {
            "chapter": chapter.number,
            "title": chapter.title,
            "starts at": clock(chapter.start_s),
            "lasts": clock(chapter.duration_s),
        }
        for chapter in edition.chapters
    ]


def skips_by_reason(book: Book) -> dict[str, int]:
    """Reason -> words that are not narrated, most first."""
    words: Counter[str] = Counter()
    for skip in book.skips:
        words[skip.reason] += skip.words
    return dict(words.most_common())


def edition_markdown(edition: Edition, book: Book, voice: str, folder_url: str) -> str:
    """The summary of an edition, in Markdown."""
    quieter = " (the peak ceiling kept it quieter than asked)" if edition.limited_by_peak else ""
    files = "\n".join(
        f"- [{file.name}]({_link(folder_url, file.name)}), {file.size_bytes / 1e6:.1f} MB" for file in edition.files
    )
    narrated = sum(line.narrated for line in book.ledger)
    skipped = ", ".join(f"{reason} ({words})" for reason, words in skips_by_reason(book).items()) or "nothing"
    return f"""# {edition.title}

Edition {edition.number}: {len(edition.chapters)} chapters, {clock(edition.duration_s)}.

{files}

| | |
|---|---|
| voice | {voice} |
| words narrated | {narrated} |
| words skipped | {skipped} |
| loudness | {edition.loudness_lufs:.1f} LUFS{quieter} |
| true peak | {edition.true_peak_dbtp:.1f} dBTP |
{_exceptions(edition)}"""


def _exceptions(edition: Edition) -> str:
    """The chunks that no take is good of, as a list with a heading; nothing if all are good."""
    if not edition.exceptions:
        return ""
    # A line of its own for each, of plain words: what a book says is no Markdown.
    lines = "\n".join(
        f"- chunk {flaw.chunk}: {'; '.join(flaw.reasons)} (`{' '.join(flaw.text.split())[:80].replace('`', chr(39))}`)"
        for flaw in edition.exceptions
    )
    return f"\n## Not good enough\n\n{lines}\n"


def _link(folder_url: str, name: str) -> str:
    # Markdown artifacts open file links only with the scheme; spaces would end the link.
    prefix = folder_url if "://" in folder_url else f"file://{folder_url}"
    return f"{prefix}/{name}".replace(" ", "%20")


def library_markdown(folder: str, books: Mapping[str, int]) -> str:
    """What became of the books of a folder, in Markdown.

    Args:
        books: State -> how many books; those of which there are none may be missing.
    """
    total = sum(books.values())
    rows = "\n".join(f"| {state} | {count} |" for state, count in books.items())
    what = "" if books.get("converted") or books.get("failed") else " There was nothing to do."
    return f"""# The books of `{folder.replace("`", chr(39))}`

{total} EPUBs.{what}

| state | books |
|---|---|
{rows}
"""
