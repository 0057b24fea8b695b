"""The checks of the gate are functions of what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from rhapsode.audio.likeness import Likeness
from rhapsode.audio.loudness import Gain
from rhapsode.errors import GateFailed
from rhapsode.model import (
    Block,
    BlockKind,
    Book,
    Boundary,
    Chapter,
    Chunk,
    Flaw,
    GateCheck,
    GateReport,
    LedgerLine,
    Metadata,
    Placed,
    Skip,
    Verdict,
)
from rhapsode.quality.gate import (
    Opening,
    Place,
    begins_with,
    check_files,
    check_ledger,
    check_loudness,
    check_marks,
    check_openings,
    check_peak,
    check_takes,
    refuse_failed,
)

TEXT = "The lamp was lit.\nNobody came."
BOOK = Book(
    "d",
    Metadata("The Lamps"),
    (Chapter(1, "One", (Block(BlockKind.PARAGRAPH, TEXT, "one.xhtml", 0),)),),
    (Skip("one.xhtml", "toc", 3, "One Two Three"),),
    (LedgerLine("one.xhtml", 9, 6, 3),),
)
CHUNKS = (
    Chunk(1, 1, TEXT[:17], TEXT[:17], 0, 17, (), Boundary.PARAGRAPH),
    Chunk(2, 1, TEXT[18:], TEXT[18:], 18, len(TEXT), (), Boundary.CHAPTER),
)
PLACED = [Placed(1, "k1", "s1", 0, 100, 0, 0), Placed(2, "k2", "s2", 0, 100, 100, 0)]
ACCEPTED = {1: "s1", 2: "s2"}
PLACE = Place(3, "Three", 120.0, 120.0, 120.0)
SAID = "Chapter Three. It was a dark and stormy night, and the rain came down in torrents."
GOOD = Opening(PLACE, SAID, "Chapter 3. It was a dark and stormy", Likeness(0.98, -0.3))
GAIN = Gain(6.0, -25.0, -19.0, -3.5, limited_by_peak=False, limiter_db=4.0)
OTHER = Likeness(0.1, -20.0)


def reasons(check: GateCheck) -> list[str]:
    return [finding.reason for finding in check.findings]


def test_what_is_whole_passes() -> None:
    checks = [
        check_ledger(BOOK, CHUNKS),
        check_takes(CHUNKS, ACCEPTED, PLACED, ()),
        check_files([("a.m4b", 10, 10)]),
        check_marks([PLACE], 0),
        check_openings([GOOD]),
        check_loudness(-19.2, GAIN),
        check_peak(-2.9, -3.0),
    ]
    assert [(check.verdict, check.findings) for check in checks] == [(Verdict.PASS, ())] * 7
    refuse_failed(checks)


@pytest.mark.parametrize(
    ("book", "chunks", "says"),
    [
        (
            replace(BOOK, ledger=(LedgerLine("one.xhtml", 10, 6, 3),)),
            CHUNKS,
            "one.xhtml does not close: 6 + 3 words of 10",
        ),
        (replace(BOOK, skips=()), CHUNKS, "3 words are skipped, but 0 are in named skips"),
        (BOOK, CHUNKS[:1], "'Nobody came.' is not said"),
    ],
)
def test_a_ledger_that_does_not_close(book: Book, chunks: tuple[Chunk, ...], says: str) -> None:
    check = check_ledger(book, chunks)
    assert check.verdict is Verdict.FAIL
    assert says in reasons(check)[0]


@pytest.mark.parametrize(
    ("accepted", "placed", "named", "says"),
    [
        ({1: "s1"}, PLACED[:1], (), ["chunk 2 has no accepted take and is no named exception"]),
        ({1: "s1"}, PLACED[:1], (2,), []),
        (ACCEPTED, PLACED, (2,), []),
        (ACCEPTED, PLACED[:1], (), ["chunk 2 is not laid out as it was accepted"]),
        (ACCEPTED, PLACED[::-1], (), ["chunk 1 is not laid out as it was accepted"]),
        (ACCEPTED, [PLACED[0], replace(PLACED[1], sha256="of an older take")], (), ["chunk 2 is not laid out"]),
        ({1: "s1"}, PLACED, (2,), ["chunk 2 is not laid out as it was accepted"]),
    ],
)
def test_a_chunk_has_a_take_or_a_name(
    accepted: dict[int, str], placed: list[Placed], named: tuple[int, ...], says: list[str]
) -> None:
    exceptions = [Flaw(number, "Nobody came.", ("gibberish",)) for number in named]
    found = reasons(check_takes(CHUNKS, accepted, placed, exceptions))
    assert len(found) == len(says)
    assert all(reason.startswith(beginning) for reason, beginning in zip(found, says, strict=True))


@pytest.mark.parametrize(
    ("mark_s", "surplus", "says"),
    [
        (120.04, 0, []),
        (125.0, 0, ["its mark is off by +5.00 s"]),
        (119.9, 0, ["its mark is off by -0.10 s"]),
        (None, 0, ["it has no mark"]),
        (120.0, 2, ["the file has 2 marks more than the book has chapters"]),
    ],
)
def test_marks(mark_s: float | None, surplus: int, says: list[str]) -> None:
    assert reasons(check_marks([replace(PLACE, mark_s=mark_s)], surplus)) == says


@pytest.mark.parametrize(
    ("changes", "verdict", "says"),
    [
        ({}, Verdict.PASS, ""),
        ({"heard": "Chapter 3. It was the dark end stormy knight and the rain"}, Verdict.PASS, ""),
        ({"heard": None}, Verdict.PASS, ""),
        ({"heard": "and the rain came down in torrents", "likeness": OTHER}, Verdict.FAIL, "are not at its mark"),
        ({"heard": "Chapter 3. It was a dark", "likeness": OTHER}, Verdict.FAIL, "are not at its mark"),
        ({"heard": None, "likeness": OTHER}, Verdict.FAIL, "are not at its mark"),
        ({"heard": "Bleep"}, Verdict.INCONCLUSIVE, "heard 'Bleep'); the sound is that of its accepted take"),
        ({"heard": "", "likeness": None}, Verdict.INCONCLUSIVE, "its first take is silent"),
        ({"heard": None, "likeness": None}, Verdict.INCONCLUSIVE, "its first take is silent"),
        ({"likeness": None}, Verdict.PASS, ""),
        ({"likeness": Likeness(0.98, -6.0)}, Verdict.FAIL, "it begins -6.0 dB off the level of its take"),
        ({"said": "…", "heard": "Hello there"}, Verdict.INCONCLUSIVE, "were not understood"),
        ({"said": "", "heard": None, "likeness": None}, Verdict.INCONCLUSIVE, "it has no good take"),
    ],
)
def test_openings(changes: dict[str, object], verdict: Verdict, says: str) -> None:
    check = check_openings([GOOD, replace(GOOD, **changes), GOOD])
    assert check.verdict is verdict
    assert len(check.findings) == (verdict is not Verdict.PASS)
    for finding in check.findings:
        assert says in finding.reason
        assert (finding.chapter, finding.title, finding.start_s) == (3, "Three", 120.0)


@pytest.mark.parametrize(
    ("heard", "said", "fits"),
    [
        ("It was the best of times, it was", "It was the best of times, it was the worst of times.", True),
        ("It was the best of times", "Chapter One. It was the best of times.", True),
        ("Aye. It was the best of times.", "I. It was the best of times.", True),
        ("Three, it was the best of times", "III It was the best of times", True),
        ("Mister Ukridge's dog college", "Mr. Ukridge’s Dog College", True),
        ("You. It was the best of times", "It was the best of times", True),
        ("and so they went home at last. It was the best of times", "It was the best of times", False),
        ("the worst of times, it was the age of wisdom", "It was the best of times, it was the worst of times", False),
        ("There were two clocks on the tower", "It was the best of times, it was the worst", False),
        ("", "It was the best of times", False),
        ("Hello", "…", False),
        ("Finis", "Finis.", True),
    ],
)
def test_first_words(heard: str, said: str, fits: bool) -> None:
    assert begins_with(heard, said) is fits


@pytest.mark.parametrize(
    ("loudness_lufs", "verdict"),
    [(-19.9, Verdict.PASS), (-25.9, Verdict.PASS), (-26.1, Verdict.FAIL), (-15.9, Verdict.FAIL)],
)
def test_loudness(loudness_lufs: float, verdict: Verdict) -> None:
    """The limiter takes 4 dB off the highest peak, so the book may be quieter by as much."""
    check = check_loudness(loudness_lufs, GAIN)
    assert check.verdict is verdict
    assert all(f"{loudness_lufs} LUFS instead of -19.0" in reason for reason in reasons(check))


@pytest.mark.parametrize(
    ("true_peak_dbtp", "verdict"),
    [(-9.0, Verdict.PASS), (-2.1, Verdict.PASS), (-1.9, Verdict.INCONCLUSIVE), (1.6, Verdict.FAIL)],
)
def test_peak(true_peak_dbtp: float, verdict: Verdict) -> None:
    check = check_peak(true_peak_dbtp, -3.0)
    assert check.verdict is verdict
    assert all(f"{true_peak_dbtp} dBTP, above the ceiling of -3.0" in reason for reason in reasons(check))


def test_a_file_that_changed() -> None:
    assert reasons(check_files([("a.mp3", 5, 5), ("b.mp3", 7, 3)])) == [
        "b.mp3 had 7 bytes when it was read back, and has 3"
    ]


def test_the_first_failure_is_named_and_the_others_counted() -> None:
    unsure = check_openings([replace(GOOD, heard="Bleep")])
    wrong = check_marks([PLACE, replace(PLACE, mark_s=None), replace(PLACE, chapter=4, mark_s=0.0)], 0)
    refuse_failed([unsure])
    with pytest.raises(GateFailed) as refused:
        refuse_failed([unsure, wrong, check_loudness(-30.0, GAIN)])
    assert refused.value.message == (
        "The finished book fails the check of its chapter marks: chapter 3 (Three), at 120.0 s: it has no mark; 2 more."
    )
    assert refused.value.remedy.startswith("Nothing is published.")
    assert refused.value.exit_code == 5


def test_a_report_survives_json() -> None:
    checks = (check_openings([GOOD, replace(GOOD, heard="Bleep")]), check_loudness(-30.0, GAIN))
    report = GateReport(checks, -30.0, -3.0)
    adapter = TypeAdapter(GateReport)
    assert adapter.validate_json(adapter.dump_json(report)) == report
    assert [check.verdict for check in report.checks] == [Verdict.INCONCLUSIVE, Verdict.FAIL]
