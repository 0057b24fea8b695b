"""What a listening report says, before it is a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby, pairwise
from typing import Protocol

from rhapsode.model import Verdict


class Difference(StrEnum):
    """The kinds of quality/alignment.py, by the same names."""

    EQUAL = "equal"
    ALIKE = "alike"  # written otherwise, and no error
    SUBSTITUTED = "substituted"
    DELETED = "deleted"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words that differ in one way from what was heard.

    Attributes:
        said: As the engine was asked to say them, with the spaces and stops after them; empty for INSERTED.
        heard: As the recogniser wrote them; empty for DELETED.
    """

    kind: Difference
    said: str
    heard: str


@dataclass(frozen=True, slots=True)
class ReportTake:
    """One attempt at a chunk.

    Attributes:
        key, sha256: Of its audio object.
        reasons: As in its judgement, the gravest first.
        score: How bad it is, 0 for nothing wrong.
        accepted: It is the one in the book.
        wer: Words wrong over words said; None for a take that was not listened to.
        pace: Speed of speech against the book's usual one: 2.0 is twice as fast; None where nothing is heard.
        transcript: As the recogniser wrote it; None for a take that was not listened to.
        pieces: What was said beside what was heard (`pieces_of`); empty without a transcript.
        second: What another recogniser understood, who was asked as well; None where nobody else was.
        manner: How it was spoken otherwise than a first take: "in parts", "respelt", "by" another engine, "speed 0.95".
    """

    number: int
    key: str
    sha256: str
    duration_s: float
    verdict: Verdict
    reasons: tuple[str, ...]
    score: float
    accepted: bool
    wer: float | None
    pace: float | None
    transcript: str | None
    pieces: tuple[Piece, ...]
    second: str | None = None
    manner: tuple[str, ...] = ()


class Group(StrEnum):
    """Where a chunk is listed, the worst first."""

    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    RETAKEN = "retaken"
    PASS = "pass"  # noqa: S105  no password


@dataclass(frozen=True, slots=True)
class ReportChunk:
    """One chunk and all its takes.

    Attributes:
        book_start_s: Where it is heard, in seconds of the whole book; None if it is not in it.
        takes: In the order of their numbers; one of them at most is accepted.
    """

    number: int
    chapter: int
    chapter_title: str
    book_start_s: float | None
    source: str
    spoken: str
    takes: tuple[ReportTake, ...]

    @property
    def kept(self) -> ReportTake | None:
        return next((take for take in self.takes if take.accepted), None)

    @property
    def group(self) -> Group:
        """By the verdict on the take that is in the book; a chunk without one has failed."""
        verdict = self.kept.verdict if self.kept else Verdict.FAIL
        if verdict is Verdict.PASS:
            return Group.RETAKEN if len(self.takes) > 1 else Group.PASS
        return Group(verdict.value)

    @property
    def badness(self) -> tuple[int, float, int]:
        """Sorts the worst first."""
        kept = self.kept
        return list(Group).index(self.group), -kept.score if kept else float("-inf"), self.number


@dataclass(frozen=True)
class ListeningReport:
    """All of a book that a listener may want to check. What can be counted is counted from the chunks.

    Attributes:
        book: As `rhapsode redo` is told it.
        library: Likewise; empty for the default one.
        edition: Number of the edition that it is about.
        chunks: In the order of the book.
    """

    title: str
    authors: tuple[str, ...]
    book: str
    library: str
    edition: int
    engine: str
    voice: str
    duration_s: float
    loudness_lufs: float
    true_peak_dbtp: float
    chunks: tuple[ReportChunk, ...]

    @cached_property
    def worst_first(self) -> tuple[ReportChunk, ...]:
        return tuple(sorted(self.chunks, key=lambda chunk: chunk.badness))

    def of(self, group: Group) -> tuple[ReportChunk, ...]:
        return tuple(chunk for chunk in self.chunks if chunk.group is group)

    @property
    def retaken(self) -> int:
        """Chunks that were spoken more than once, whatever came of it."""
        return sum(len(chunk.takes) > 1 for chunk in self.chunks)

    @property
    def listened(self) -> int:
        """Chunks of which a recogniser heard the take in the book."""
        return sum(chunk.kept is not None and chunk.kept.transcript is not None for chunk in self.chunks)

    def redo(self, chunks: Iterable[ReportChunk]) -> list[str]:
        """The command that speaks these chunks anew."""
        numbers = sorted(chunk.number for chunk in chunks)
        library = ["--library", self.library] if self.library else []
        return ["rhapsode", "redo", self.book, "--chunks", runs_of(numbers), *library]


class Spanned(Protocol):
    """A word that knows which characters of its text it came from."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def pieces_of(
    said: str, heard: str, runs: Iterable[tuple[str, Sequence[Spanned], Sequence[Spanned]]]
) -> tuple[Piece, ...]:
    """An alignment as text: the `said` of all pieces make up the whole text, whatever stands between its words.

    Three and more differences in a row are one: gibberish is easier to read as what was said and what was heard.

    Args:
        runs: (kind, words said, words heard) of each piece of an `Alignment`, in order, without gaps.
    """
    runs = list(runs)
    ends = iter(_ends_of(said, [words for _, words, _ in runs if words]))
    pieces: list[Piece] = []
    done = 0
    for kind, words, others in runs:
        end = next(ends) if words else done
        piece = heard[others[0].start : others[-1].end] if others else ""
        pieces.append(Piece(Difference(kind), said[done:end], piece))
        done = end
    if done < len(said):  # nothing in it is a word
        pieces.append(Piece(Difference.EQUAL, said[done:], ""))
    return tuple(_together(pieces))


def _together(pieces: list[Piece]) -> Iterator[Piece]:
    for forgiven, group in groupby(pieces, lambda piece: piece.kind in (Difference.EQUAL, Difference.ALIKE)):
        run = list(group)
        if forgiven or len(run) < 3:
            yield from run
        else:
            heard = " ".join(piece.heard for piece in run if piece.heard)
            yield Piece(Difference.SUBSTITUTED, "".join(piece.said for piece in run), heard)


def _ends_of(text: str, runs: Sequence[Sequence[Spanned]]) -> list[int]:
    """Where each run of words ends, with what follows them; a quotation mark goes with the word that it opens."""
    ends = []
    for run, following in pairwise(runs):
        last, start = max(word.end for word in run), following[0].start
        between = text[last:start]  # empty if both runs have words of the same characters ("£3")
        spaces = [match.end() for match in re.finditer(r"\s+", between)]
        ends.append(last + spaces[-1] if spaces else max(last, start))
    return [*ends, len(text)]


def runs_of(numbers: Sequence[int]) -> str:
    """Ascending numbers as `redo` reads them: `[3, 17, 18, 19]` -> `"3,17-19"`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
