"""Where a place of the book is heard, and what was spoken there.

The question that this house was built around: a listener hears nonsense at 2:13:05; which chapter, which chunk, which
take, from which words, and where does its audio lie?
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from rhapsode.errors import BadRequest, NotInLibrary
from rhapsode.settings import Format
from rhapsode.store.editions import Edition, edition_path, latest_edition, load_chunks
from rhapsode.store.library import Library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import Shelf, find_shelf

# People type straight quotes and hyphens where books have others. One character for one keeps the offsets.
PLAIN = str.maketrans("‘’‚‛“”„‟–—‐‑ ", "''''\"\"\"\"---- ")


@dataclass(frozen=True, slots=True)
class Place:
    """One chunk of an edition.

    Attributes:
        row: Its row of chunks.parquet: number, key, take, texts, measures, `book_start_s` and the rest.
        chapter_title, chapter_s: The chapter, and where in it the chunk begins.
        file, file_s: The published file, as a path or URL, and where in it the chunk begins.
        audio: The audio object, as a path or URL.
    """

    row: dict[str, Any]
    chapter_title: str
    chapter_s: float
    file: str
    file_s: float
    audio: str


class Published:
    """The latest edition of a book, ready to be searched.

    Raises:
        NotInLibrary: No such book, or it was never published.
    """

    def __init__(self, library: Library, query: str) -> None:
        self.shelf: Shelf = find_shelf(library, query)
        edition = latest_edition(self.shelf)
        if edition is None:
            raise NotInLibrary(f"{self.shelf.name} was never published.", "Convert it to the end first.")
        self.edition: Edition = edition
        self.rows: list[dict[str, Any]] = load_chunks(self.shelf, edition.number).to_pylist()

    def by_chunk(self, number: int) -> Place:
        """The chunk with this number."""
        for row in self.rows:
            if row["chunk"] == number:
                return self._place(row)
        raise BadRequest(f"There is no chunk {number}.", f"The book has 1 to {len(self.rows)}.")

    def by_char(self, offset: int) -> Place:
        """The chunk that holds this character of `Book.text`; between two chunks, the one before."""
        last = self.rows[-1]["char_end"]
        if not 0 <= offset < last:
            raise BadRequest(f"There is no character {offset}.", f"The book has 0 to {last - 1}.")
        return self._place(self._before("char_start", offset))

    def by_time(self, seconds: float) -> Place:
        """The chunk that is heard at this moment of the whole book; in a pause, the one before."""
        if not 0 <= seconds < self.edition.duration_s:
            raise BadRequest(
                f"{seconds:.0f} s is not in the book.", f"It lasts {self.edition.duration_s:.0f} s; write H:MM:SS."
            )
        return self._place(self._before("book_start_s", seconds))

    def by_text(self, words: str) -> list[Place]:
        """Every chunk in which these words begin, whatever their case, quotes and line breaks.

        What the book prints is searched, over the ends of chunks too, and what was spoken: "nineteen eighty-four".

        Raises:
            BadRequest: No words, or they are nowhere.
        """
        wanted = [re.escape(word) for word in words.translate(PLAIN).split()]
        if not wanted:
            raise BadRequest("There are no words to look for.", 'Give some: --text "the words".')
        pattern = re.compile(r"\s+".join(wanted), re.IGNORECASE)
        printed = [self._before("char_start", hit.start()) for hit in pattern.finditer(self._text().translate(PLAIN))]
        spoken = [row for row in self.rows if pattern.search(row["spoken"].translate(PLAIN))]
        found = {row["chunk"]: row for row in (*printed, *spoken)}
        if not found:
            raise BadRequest(f"{words!r} is not in {self.edition.title}.", "Give fewer words, as the book prints them.")
        return [self._place(found[number]) for number in sorted(found)]

    def _text(self) -> str:
        reading, _ = folder_of(self.shelf, self.edition.reading).load()
        return self.shelf.load_book(reading.book).text

    def _before(self, column: str, value: float) -> dict[str, Any]:
        index = bisect_right(self.rows, value, key=lambda row: row[column])
        return self.rows[max(index - 1, 0)]

    def _place(self, row: dict[str, Any]) -> Place:
        edition = self.edition
        index = next(i for i, chapter in enumerate(edition.chapters) if chapter.number == row["chapter"])
        chapter = edition.chapters[index]
        whole = edition.audio.format is Format.M4B
        start_s = row["book_start_s"]
        url = self.shelf.library.url
        return Place(
            row=row,
            chapter_title=chapter.title,
            chapter_s=start_s - chapter.start_s,
            file=url(edition_path(self.shelf, edition.number, edition.files[0 if whole else index].name)),
            file_s=start_s if whole else start_s - chapter.start_s,
            audio=url(object_path(row["key"])),
        )


def seconds_of(moment: str) -> float:
    """`"2:13:05"`, `"13:05"` or `"785.5"` -> seconds.

    Raises:
        BadRequest: Not of this form.
    """
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,3}):)?(\d+(?:\.\d+)?)", moment.strip(), re.ASCII)
    if not match:
        raise BadRequest(f"{moment!r} is no time.", "Write it as H:MM:SS, such as 2:13:05.")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
