"""The pieces of an alignment: the fewest errors between a text and what was heard of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz.distance import Levenshtein

from rhapsode.quality.matches import Match, matches_of


class Kind(StrEnum):
    EQUAL = "equal"
    ALIKE = "alike"
    """Written otherwise, and no error."""
    SUBSTITUTED = "substituted"
    DELETED = "deleted"
    """Words of the text that were not heard."""
    INSERTED = "inserted"
    """Words that were heard and are not in the text."""


FORGIVEN = (Kind.EQUAL, Kind.ALIKE)
GAPS = (Kind.DELETED, Kind.INSERTED)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one kind: `said[said_start:said_end]` was heard as `heard[heard_start:heard_end]`.

    The ranges of all pieces cover both sides without a gap. In a substitution both have the same number of words; equal
    and alike ones may differ ("any one", "anyone").
    """

    kind: Kind
    said_start: int
    said_end: int
    heard_start: int
    heard_end: int

    @property
    def said_words(self) -> int:
        return self.said_end - self.said_start

    @property
    def heard_words(self) -> int:
        return self.heard_end - self.heard_start

    @property
    def errors(self) -> int:
        return 0 if self.kind in FORGIVEN else max(self.said_words, self.heard_words)


ERROR = 1000
"""An error outweighs whatever else decides between two ways to align."""


Step = tuple[Kind, int, int]
"""What a piece is, and how many words of either side it takes."""


def pieces_of(
    ours: Sequence[str], theirs: Sequence[str], spellings: Mapping[str, tuple[str, ...]]
) -> tuple[Piece, ...]:
    """The pieces of the alignment with the fewest errors, in order."""
    pieces: list[Piece] = []
    for equal, i, i_end, j, j_end in _blocks(ours, theirs):
        if equal:
            pieces.append(Piece(Kind.EQUAL, i, i_end, j, j_end))
        else:
            pieces.extend(_compared(ours[i:i_end], theirs[j:j_end], i, j, spellings))
    return tuple(_gathered(_merged(pieces), ours, theirs))


def _blocks(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[bool, int, int, int, int]]:
    """Stretches that are written the same, and the rest; a word or two between two differences belong to the rest."""
    blocks: list[tuple[bool, int, int, int, int]] = []
    codes = list(Levenshtein.opcodes(ours, theirs))
    for n, code in enumerate(codes):
        i, i_end, j, j_end = code.src_start, code.src_end, code.dest_start, code.dest_end
        equal = code.tag == "equal" and (i_end - i > 2 or n in (0, len(codes) - 1))
        if blocks and not equal and not blocks[-1][0]:
            blocks[-1] = (False, blocks[-1][1], i_end, blocks[-1][3], j_end)
        else:
            blocks.append((equal, i, i_end, j, j_end))
    return blocks


def _compared(
    ours: Sequence[str], theirs: Sequence[str], i0: int, j0: int, spellings: Mapping[str, tuple[str, ...]]
) -> Iterator[Piece]:
    """The best pieces of one stretch, which begins at words `i0` and `j0`, by dynamic programming."""
    steps = _steps(ours, theirs, spellings)
    found = []
    i, j = len(ours), len(theirs)
    while i or j:
        kind, back_i, back_j = steps[i][j]
        found.append(Piece(kind, i0 + i - back_i, i0 + i, j0 + j - back_j, j0 + j))
        i, j = i - back_i, j - back_j
    return reversed(found)


def _steps(ours: Sequence[str], theirs: Sequence[str], spellings: Mapping[str, tuple[str, ...]]) -> list[list[Step]]:
    """For every pair of ends the last step of the cheapest way there."""
    matches: defaultdict[tuple[int, int], list[Match]] = defaultdict(list)
    for match in matches_of(ours, theirs, spellings) if ours and theirs else ():
        matches[match.said + match.said_words, match.heard + match.heard_words].append(match)
    cost = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    steps: list[list[Step]] = [[(Kind.EQUAL, 0, 0)] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in range(len(ours) + 1):
        for j in range(len(theirs) + 1):
            ways: list[tuple[int, Step]] = []
            if i and j:
                unlike = ours[i - 1][:1] != theirs[j - 1][:1]
                ways.append((cost[i - 1][j - 1] + ERROR + unlike, (Kind.SUBSTITUTED, 1, 1)))
            if i:
                ways.append((cost[i - 1][j] + ERROR, (Kind.DELETED, 1, 0)))
            if j:
                ways.append((cost[i][j - 1] + ERROR, (Kind.INSERTED, 0, 1)))
            for match in matches.get((i, j), ()):
                kind = Kind.ALIKE if match.alike else Kind.EQUAL
                extra = 1 + round(100 * match.unlikeness) if match.alike else 0
                ways.append((cost[match.said][match.heard] + extra, (kind, match.said_words, match.heard_words)))
            if ways:
                cost[i][j], steps[i][j] = min(ways, key=lambda way: way[0])
    return steps


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if merged and merged[-1].kind is piece.kind:
            last = merged.pop()
            merged.append(Piece(last.kind, last.said_start, piece.said_end, last.heard_start, piece.heard_end))
        else:
            merged.append(piece)
    return merged


def _gathered(pieces: list[Piece], ours: Sequence[str], theirs: Sequence[str]) -> list[Piece]:
    """Moves a gap to the edge of the text, or to another gap, where it may as well stand there.

    Of "the cat and the dog" somebody says "the dog": then "the cat and" is missing, rather than "cat and the".
    """
    forward = _gaps_first(pieces, ours, theirs)
    backward = [_flipped(piece, len(ours), len(theirs)) for piece in reversed(forward)]
    backward = _gaps_first(backward, ours[::-1], theirs[::-1])
    return [_flipped(piece, len(ours), len(theirs)) for piece in reversed(backward)]


def _flipped(piece: Piece, said: int, heard: int) -> Piece:
    return Piece(
        piece.kind, said - piece.said_end, said - piece.said_start, heard - piece.heard_end, heard - piece.heard_start
    )


def _gaps_first(pieces: Sequence[Piece], ours: Sequence[str], theirs: Sequence[str]) -> list[Piece]:
    """Changes an equal piece and the gap after it, if then the gap is the first piece or joins the one before."""
    moved = list(pieces)
    for k in range(len(moved) - 2):
        equal, gap, after = moved[k : k + 3]
        alone = k > 0 and moved[k - 1].kind is not gap.kind
        if (equal.kind, after.kind) != (Kind.EQUAL, Kind.EQUAL) or alone or gap.kind not in GAPS:
            continue
        said, heard = equal.said_start + gap.said_words, equal.heard_start + gap.heard_words
        if ours[said : gap.said_end] == theirs[heard : gap.heard_end]:
            moved[k] = Piece(gap.kind, equal.said_start, said, equal.heard_start, heard)
            moved[k + 1] = Piece(Kind.EQUAL, said, gap.said_end, heard, gap.heard_end)
    return _merged(moved)
