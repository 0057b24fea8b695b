"""How fast and how well chunks of real books are understood, and what each choice of the recogniser does to both.

    python -m bench.hearing [BOOK.epub ...] [--takes N] [--recogniser NAME]

The embedded voice says N chunks that lie evenly over the books; every variant hears each of them in turn, on one
thread, so that a machine that slows down favours none. The real-time factor is processor seconds over seconds of
audio, so other work on the machine does not count. Errors are those of `rhapsode.quality.alignment`, without the
lexicon that a book would have. "lost" are takes of which three or more words in a row were not understood: each would
be a false alarm.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from bench.pipeline import BOOKS, read_and_plan, utterances_of
from examples.build_epub import build_epub
from rhapsode.engines.registry import load_engine
from rhapsode.model import Audio, Take
from rhapsode.quality import recogniser
from rhapsode.quality.alignment import Alignment, align
from rhapsode.quality.pieces import Kind
from rhapsode.quality.recogniser import EAR_HZ, Recogniser, at_ear_rate
from rhapsode.quality.words import words_of
from rhapsode.settings import ConvertRequest, EngineName

LOST_WORDS = 3
Hear = Callable[[Audio], str]


@dataclass(slots=True)
class Variant:
    """What is tried, and what came of it."""

    name: str
    hear: Hear
    within: Callable[[], AbstractContextManager[object]] = nullcontext
    cpu_s: float = 0.0
    heard: list[Alignment] = field(default_factory=list)

    def listen(self, take: Take) -> None:
        assert take.audio is not None
        with self.within():
            start = time.process_time()
            text = self.hear(take.audio)
            self.cpu_s += time.process_time() - start
        self.heard.append(align(words_of(take.utterance.text), words_of(text)))

    def words(self, kind: Kind) -> int:
        pieces = [piece for one in self.heard for piece in one.pieces if piece.kind is kind]
        return sum(max(piece.said_words, piece.heard_words) for piece in pieces)


def variants(ear: Recogniser) -> list[Variant]:
    """What the recogniser does, and the same with one choice made otherwise."""

    def ours(audio: Audio) -> str:
        return ear.hear(audio).text

    def theirs(audio: Audio) -> str:
        segments, _ = ear._model.transcribe(
            at_ear_rate(audio), language="en", temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text for segment in segments)

    def otherwise(name: str, value: object) -> Callable[[], AbstractContextManager[object]]:
        return lambda: patch.object(recogniser, name, value)

    tight = otherwise("window_of", lambda piece: (ceil(len(piece) / EAR_HZ) + 1) * EAR_HZ)
    full = otherwise("window_of", lambda _: 30 * EAR_HZ)
    words_alone = [*ear._prompt, ear._tokenizer.no_timestamps]
    return [
        Variant("as it is", ours),
        Variant("beam of 1", ours, otherwise("BEAM", 1)),
        Variant("window of 30 s", ours, full),
        Variant("window as the take", ours, tight),
        Variant("no timestamps", ours, lambda: patch.object(ear, "_prompt", words_alone)),
        Variant("does not go on", ours, lambda: patch.object(ear, "_end", lambda _, length: length)),
        Variant("faster-whisper's own", theirs),
    ]


def spoken(books: Sequence[Path], count: int) -> Iterator[Take]:
    """Chunks evenly over each book, said by the embedded voice."""
    engine = load_engine(EngineName.HIBARI)
    share = ceil(count / len(books))
    with engine.session() as session:
        for book in books:
            _, plan = read_and_plan(ConvertRequest(epub=str(book), engine=EngineName.HIBARI))
            asked = utterances_of(plan, engine)
            share = min(share, len(asked))
            yield from session.speak([asked[int((place + 0.5) * len(asked) / share)] for place in range(share)])


def compare(ear: Recogniser, takes: Sequence[Take]) -> list[Variant]:
    """Every variant hears every take. The first take is heard once before: loading is not what is measured."""
    tried = variants(ear)
    for variant in tried:
        variant.listen(takes[0])
        variant.cpu_s = 0.0
        variant.heard.clear()
    for take in takes:
        for variant in tried:
            variant.listen(take)
    return tried


def lines(tried: Sequence[Variant], takes: Sequence[Take]) -> Iterator[str]:
    duration_s = sum(take.audio.duration_s for take in takes if take.audio)
    words = sum(len(one.said) for one in tried[0].heard)
    yield f"{len(takes)} takes, {duration_s / 60:.1f} min, {words} words"
    yield ""
    yield f"{'variant':22}{'RTF':>7}{'speed':>7}{'WER':>8}{'subst.':>8}{'left out':>10}{'added':>7}{'lost':>6}"
    for one in tried:
        factor = one.cpu_s / duration_s
        wer = sum(take.word_errors for take in one.heard) / words
        lost = sum(take.longest_deletion >= LOST_WORDS for take in one.heard)
        kinds = [one.words(kind) for kind in (Kind.SUBSTITUTED, Kind.DELETED, Kind.INSERTED)]
        yield (f"{one.name:22}{factor:7.3f}{1 / factor:6.1f}x{wer:8.2%}{kinds[0]:8}{kinds[1]:10}{kinds[2]:7}{lost:6}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.hearing", description="Speed and word errors of the recogniser.")
    parser.add_argument("books", nargs="*", type=Path, help="EPUBs; default: the real books at hand, or the example")
    parser.add_argument("--takes", type=int, default=100, help="how many chunks are heard")
    parser.add_argument("--recogniser", default="tiny.en", help="name or folder of a model")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="rhapsode-bench-") as folder:
        books = asked.books or sorted(BOOKS.glob("*.epub"))
        if not books:
            books = [Path(folder) / "the-tide-clock.epub"]
            build_epub(books[0])
        takes = list(spoken(books, max(1, asked.takes)))
    print("\n".join(lines(compare(recogniser.load_recogniser(asked.recogniser), takes), takes)))


if __name__ == "__main__":
    main()
