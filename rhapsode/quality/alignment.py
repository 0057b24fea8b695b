"""Which word of a text was heard where: the alignment of what a chunk says with what a recogniser wrote.

Words are equal if they are written alike, also with other joints ("to day" and "today") and contractions ("it is" and
"it's"). They are alike, and forgiven, if the ear cannot tell them apart: homophones ("their" and "there"), and for a
word that no dictionary has ("Ukridge") whatever sounds much like it, or what the book's lexicon says. One common word
for another is an error, however near it sounds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rhapsode.quality.matches import WINDOW
from rhapsode.quality.pieces import FORGIVEN, Kind, Piece, pieces_of
from rhapsode.quality.sounds import is_common
from rhapsode.quality.words import Word

__all__ = ["FORGIVEN", "Alignment", "Kind", "Piece", "align", "spellings_of"]


@dataclass(frozen=True)
class Alignment:
    """Two texts, word by word. All measures count words; those of the text are normalised ones (`words_of`)."""

    said: tuple[Word, ...]
    heard: tuple[Word, ...]
    pieces: tuple[Piece, ...]

    @cached_property
    def word_errors(self) -> int:
        return sum(piece.errors for piece in self.pieces)

    @property
    def wer(self) -> float:
        """Errors over words said; may exceed 1. Of an empty text 0 if nothing was heard, else 1."""
        if not self.said:
            return float(bool(self.heard))
        return self.word_errors / len(self.said)

    @property
    def longest_divergence(self) -> int:
        """Errors in the longest run without an equal or forgiven word."""
        return max((sum(piece.errors for piece in run) for run in self.divergences), default=0)

    @property
    def longest_deletion(self) -> int:
        return max((piece.said_words for piece in self.pieces if piece.kind is Kind.DELETED), default=0)

    @property
    def longest_insertion(self) -> int:
        return max((piece.heard_words for piece in self.pieces if piece.kind is Kind.INSERTED), default=0)

    @property
    def head_deletion(self) -> int:
        """Words missing before the first that was heard."""
        return sum(piece.said_words for piece in self._head if piece.kind is Kind.DELETED)

    @property
    def tail_deletion(self) -> int:
        """Words missing after the last that was heard: a cut ending."""
        return sum(piece.said_words for piece in self._tail if piece.kind is Kind.DELETED)

    @property
    def head_insertion(self) -> int:
        """Words heard before the text: a description that was spoken."""
        return sum(piece.heard_words for piece in self._head if piece.kind is Kind.INSERTED)

    @property
    def tail_insertion(self) -> int:
        """Words heard after the text: babble after the end."""
        return sum(piece.heard_words for piece in self._tail if piece.kind is Kind.INSERTED)

    @property
    def repeated(self) -> int:
        """The longest run of inserted words that is heard elsewhere too: a phrase that is said twice."""
        heard = [word.text for word in self.heard]
        inserted = [(p.heard_start, p.heard_end) for p in self.pieces if p.kind is Kind.INSERTED]
        return max((_longest_common_run(heard[a:b], [*heard[:a], "", *heard[b:]]) for a, b in inserted), default=0)

    @cached_property
    def divergences(self) -> list[tuple[Piece, ...]]:
        """The runs of pieces between equal or forgiven ones."""
        runs: list[tuple[Piece, ...]] = []
        run: tuple[Piece, ...] = ()
        for piece in self.pieces:
            if piece.kind in FORGIVEN:
                runs, run = [*runs, run] if run else runs, ()
            else:
                run = (*run, piece)
        return [*runs, run] if run else runs

    @property
    def _head(self) -> tuple[Piece, ...]:
        return self.divergences[0] if self.divergences and self.pieces[0].kind not in FORGIVEN else ()

    @property
    def _tail(self) -> tuple[Piece, ...]:
        return self.divergences[-1] if self.divergences and self.pieces[-1].kind not in FORGIVEN else ()


def align(
    said: Sequence[Word], heard: Sequence[Word], spellings: Mapping[str, tuple[str, ...]] | None = None
) -> Alignment:
    """The alignment with the fewest errors.

    Args:
        said: The words of the text (`words_of(chunk.spoken)`).
        heard: The words of the transcript.
        spellings: The lexicon of the book (`spellings_of`): what else may be heard for a rare word.
    """
    pieces = pieces_of([word.text for word in said], [word.text for word in heard], spellings or {})
    return Alignment(tuple(said), tuple(heard), pieces)


def _longest_common_run(run: list[str], text: list[str]) -> int:
    longest, lengths = 0, [0] * (len(text) + 1)
    for word in run:
        lengths = [0, *(lengths[i] + 1 if word == other else 0 for i, other in enumerate(text))]
        longest = max(longest, *lengths)
    return longest


SEEN = 3
"""How often the same must have been heard for a word before it is learnt."""

SHARE = 0.2
"""And in which part of all the places where the word stands."""

TRUSTED = 0.5
"""Nothing is learnt from a chunk of which more than this part was misheard."""


def spellings_of(alignments: Iterable[Alignment]) -> dict[str, tuple[str, ...]]:
    """The lexicon of a book: its uncommon words for which the recogniser writes the same other words again and again.

    Learnt only where one such word, between words that were understood, was heard as one to three others. So it never
    learns that a word may be missing. The order of the alignments does not matter.

    Args:
        alignments: Of the book's chunks, each once, made without a lexicon.
    """
    said: Counter[str] = Counter()
    heard: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for alignment in alignments:
        said.update(word.text.removesuffix("'s") for word in alignment.said)
        for word, form in _oddities(alignment):
            heard[word][form] += 1
    learnt = {
        word: tuple(sorted(form for form, n in forms.items() if n >= max(SEEN, SHARE * said[word])))
        for word, forms in sorted(heard.items())
    }
    return {word: forms for word, forms in learnt.items() if forms}


def _oddities(alignment: Alignment) -> Iterator[tuple[str, str]]:
    """Uncommon words that stand alone in a divergence, and what was heard for each."""
    for run in alignment.divergences if alignment.wer <= TRUSTED else ():
        words = alignment.said[run[0].said_start : run[-1].said_end]
        others = alignment.heard[run[0].heard_start : run[-1].heard_end]
        if len(words) != 1 or not 1 <= len(others) <= WINDOW or is_common(words[0].text):
            continue
        word, form = words[0].text, " ".join(other.text for other in others)
        if word.endswith("'s"):
            word, form = word.removesuffix("'s"), form.removesuffix("s").removesuffix("'")
        if len(form.replace(" ", "")) * 2 >= len(word):  # "a" is what is left when a name is swallowed
            yield word, form
