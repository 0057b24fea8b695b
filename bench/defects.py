"""How many seeded defects are caught, kind by kind, and how many good takes are taken for bad: ours and two peers'.

    python -m bench.defects [BOOKS...] [--each N] [--half test|calibration] [--json]

Chunks are taken evenly from the books and spoken by the embedded voice. Every other chunk is for calibration:
thresholds are chosen on those, and the figures that are published come from the rest, which they have not seen. Each
half has a reference of its own, made from its good takes as a conversion makes it from round 0.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import sqrt
from pathlib import Path

import numpy as np

from bench import studio
from bench.broken_audio import Spoken, Studio
from bench.defect_kinds import GROSS, KINDS
from bench.ear import Ear
from bench.peers import PEERS
from bench.pipeline import BOOKS
from rhapsode.model import Judgement, Measures, Reference, Verdict
from rhapsode.quality.judge import judge_take
from rhapsode.quality.reference import reference_of
from rhapsode.quality.words import words_of
from rhapsode.settings import Strictness
from tests.fixtures.voice import SENTENCES

LEAST_CLEAN = 100
CLEAN = "clean"
HALVES = ("test", "calibration")
CACHE = Path.home() / ".cache" / "rhapsode-bench"
ROUNDS = 40
"""How often the pool is gone through for a kind that few chunks can have."""


@dataclass(frozen=True, slots=True)
class Case:
    """A take, spoiled or good, and all that is known of it."""

    kind: str
    book: str
    number: int
    text: str
    measures: Measures


@dataclass(slots=True)
class Row:
    """Of one kind: how many takes, how many of them fail, by us and by peers; and those that we leave open.

    Attributes:
        peers: Peer -> how many fail by its rule.
        peers_at_ours: Likewise, with its limit moved until it has no more false alarms than we have.
    """

    kind: str
    takes: int = 0
    failed: int = 0
    inconclusive: int = 0
    peers: dict[str, int] = field(default_factory=dict)
    peers_at_ours: dict[str, int] = field(default_factory=dict)

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.failed, self.takes)


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share of which `hits` of `of` were seen."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, z * z
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = z / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, centre - half), min(1.0, centre + half)


# -- the takes ---------------------------------------------------------------------------------------------------------


def cases_of(
    books: Sequence[Path], each: int, half: str, kinds: Iterable[str], ear: Ear, clean: int = LEAST_CLEAN
) -> Iterator[Case]:
    """Good takes first, at least `clean`, then `each` spoiled ones of every kind."""
    size = max(clean, each)
    members = studio.chunks_of(books, 2 * size)[HALVES.index(half) :: 2][:size]
    takes = [Spoken(one.text, one.sentences, studio.say(one.text)) for one in members]
    for member, take in zip(members, takes, strict=True):
        yield Case(CLEAN, member.book, member.number, take.text, ear.measures_of(take.audio))
    for sentence in range(len(SENTENCES)):
        take = studio.fixture_take(sentence)
        yield Case(CLEAN, studio.FIXTURE, sentence, take.text, ear.measures_of(take.audio))
    place = Studio(takes, studio.say, studio.slip)
    for kind in kinds:
        for member, spoiled in _spoiled(kind, members, takes, place, each):
            book = member.book if spoiled.text == member.text else studio.FIXTURE
            yield Case(kind, book, member.number, spoiled.text, ear.measures_of(spoiled.audio))


def _spoiled(
    kind: str, members: Sequence[studio.Member], takes: Sequence[Spoken], place: Studio, each: int
) -> Iterator[tuple[studio.Member, Spoken]]:
    """Other chunks for other kinds: each begins somewhere else in the pool."""
    first, found = int(_digest(kind), 16) % len(members), 0
    for i in range(ROUNDS * len(members)):
        if found == each:
            return
        at = (first + i) % len(members)
        seed = int(_digest(f"{kind}/{members[at].book}/{members[at].number}/{i // len(members)}"), 16)
        spoiled = KINDS[kind](takes[at], place, np.random.default_rng(seed))
        if spoiled:
            found += 1
            yield members[at], spoiled


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# -- the table ---------------------------------------------------------------------------------------------------------


def references_of(cases: Sequence[Case]) -> dict[str, Reference]:
    """Of each book, from its good takes."""
    books = {case.book for case in cases}
    clean = [case for case in cases if case.kind == CLEAN]
    return {book: reference_of([(one.text, one.measures) for one in clean if one.book == book]) for book in books}


def judge(cases: Sequence[Case], strictness: Strictness) -> list[Judgement]:
    references = references_of(cases)
    return [judge_take(case.text, case.measures, references[case.book], strictness) for case in cases]


def table_of(cases: Sequence[Case], judgements: Sequence[Judgement]) -> list[Row]:
    """The good takes first; those of the tests' voice are counted with their like only."""
    labels = [f"{CLEAN}, {case.book}" if _tests_voice(case) else case.kind for case in cases]
    rows = {label: Row(label) for label in dict.fromkeys(labels)}
    words = [([word.text for word in words_of(case.text)], _heard(case)) for case in cases]
    for label, judgement in zip(labels, judgements, strict=True):
        row = rows[label]
        row.takes += 1
        row.failed += judgement.verdict is Verdict.FAIL
        row.inconclusive += judgement.verdict is Verdict.INCONCLUSIVE
    for peer, rule in PEERS.items():
        badness = [rule(said, heard) for said, heard in words]
        clean = sorted((bad for label, bad in zip(labels, badness, strict=True) if label == CLEAN), reverse=True)
        limit = clean[rows[CLEAN].failed]
        for label, row in rows.items():
            found = [bad for of, bad in zip(labels, badness, strict=True) if of == label]
            row.peers[peer] = sum(bad > 1 for bad in found)
            row.peers_at_ours[peer] = sum(bad > limit for bad in found)
    return list(rows.values())


def _tests_voice(case: Case) -> bool:
    return case.kind == CLEAN and case.book == studio.FIXTURE


def _heard(case: Case) -> list[str]:
    transcript = case.measures.transcript
    return [word.text for word in words_of(transcript.text)] if transcript else []


def lines(rows: Sequence[Row], half: str, recogniser: str) -> Iterator[str]:
    """The table for people, as Markdown."""
    yield f"Recogniser {recogniser}; chunks of the half for {half}, and a reference made from its good takes."
    yield ""
    peers = [f"{peer}{at}" for peer in PEERS for at in ("", ", at our false alarms")]
    yield f"| {'kind':26} | takes | caught |  95 % interval | open | {' | '.join(peers)} |"
    yield f"|{'-' * 28}|------:|-------:|---------------:|-----:|{'|'.join('-' * (len(p) + 1) + ':' for p in peers)}|"
    for row in rows:
        low, high = row.interval
        counts = [of[peer] for peer in PEERS for of in (row.peers, row.peers_at_ours)]
        shares = " | ".join(f"{count / row.takes:>{len(p)}.1%}" for count, p in zip(counts, peers, strict=True))
        yield (
            f"| {row.kind:26} | {row.takes:5} | {row.failed / row.takes:6.1%} | {low:6.1%} ... {high:6.1%}"
            f" | {row.inconclusive:4} | {shares} |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(prog="python -m bench.defects", description="How many seeded defects are caught.")
    parser.add_argument("books", nargs="*", type=Path, help="EPUBs; default: those at hand")
    parser.add_argument("--each", type=int, default=20, help="takes of each kind")
    parser.add_argument("--half", choices=HALVES, default=HALVES[0], help="of the chunks")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--strictness", choices=list(Strictness), type=Strictness, default=Strictness.NORMAL)
    parser.add_argument("--recogniser", default="tiny.en")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for what was heard")
    parser.add_argument("--misses", action="store_true", help="print what was missed, and the false alarms")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    asked = parser.parse_args(arguments)
    ear = Ear(asked.cache, asked.recogniser)
    cases = list(cases_of(asked.books or sorted(BOOKS.glob("*.epub")), asked.each, asked.half, asked.kinds, ear))
    judgements = judge(cases, asked.strictness)
    rows = table_of(cases, judgements)
    if asked.json:
        print(json.dumps([asdict(row) | {"interval": row.interval, "gross": row.kind in GROSS} for row in rows]))
        return
    print("\n".join(lines(rows, asked.half, asked.recogniser)))
    if asked.misses:
        print("\n".join(_misses(cases, judgements)))


def _misses(cases: Sequence[Case], judgements: Sequence[Judgement]) -> Iterator[str]:
    for case, found in zip(cases, judgements, strict=True):
        if (found.verdict is Verdict.PASS) != (case.kind == CLEAN):
            heard = case.measures.transcript.text if case.measures.transcript else ""
            yield f"{case.kind}, {case.book} {case.number}: {found.verdict} {found.score:.2f} {found.reasons}"
            yield f"    said  {case.text!r}\n    heard {heard!r}"


if __name__ == "__main__":
    main()
