"""Who is listened to, what is kept of it, and which take is accepted by what was heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from rhapsode.errors import NotGoodEnough
from rhapsode.model import Job, Listening, Order, Reading, Verdict
from rhapsode.quality.recogniser import understands
from rhapsode.recipe import FIRST_REDO, first_job, later_job
from rhapsode.settings import ConvertRequest, EngineName, Listen, RedoRequest, Strictness, Verification
from rhapsode.stages import verify
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.breaker import Breaker
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import speak_job
from rhapsode.stages.verdicts import freeze_reference, judge_takes, plan_rung
from rhapsode.stages.verify import Verified, job_is_verified, listening_of, verify_job
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.fixtures.ear import Ear

ALL = Verification(listen=Listen.ALL)


@pytest.fixture(scope="module")
def spoken(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reading, list[Job]]:
    library = tmp_path_factory.mktemp("verify") / "library"
    request = ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.HIBARI)
    reading = plan_chunks(request, parse_book(request))
    jobs = [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]
    for job in jobs:
        speak_job(reading, job)
    return reading, jobs


@pytest.fixture
def ear(spoken: tuple[Reading, list[Job]], monkeypatch: pytest.MonkeyPatch) -> Ear:
    made = Ear()
    made.learn(folder_of(spoken[0]).read_takes())
    monkeypatch.setattr(verify, "load_recogniser", lambda name: made)
    return made


@pytest.fixture
def planned(booklet: Path, tmp_path: Path) -> Reading:
    """A book of which nothing is spoken yet, and every take is to be heard."""
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.HIBARI, verify=ALL)
    return plan_chunks(request, parse_book(request))


@pytest.fixture
def hears(planned: Reading) -> Listening:
    found = listening_of(planned, ALL)
    assert found
    return found


def speak_and_hear(reading: Reading, jobs: Iterable[Job], hears: Listening, ear: Ear) -> None:
    for job in jobs:
        speak_job(reading, job)
        ear.learn(folder_of(reading).read_takes())
        verify_job(reading, job, hears)


def folder_of(reading: Reading) -> ReadingFolder:
    return ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)


def listening(share: float, name: str) -> Listening:
    return Listening(share, "ear", name)


def test_a_sample_has_its_share_and_one_of_every_job(spoken: tuple[Reading, list[Job]], ear: Ear) -> None:
    reading, jobs = spoken
    found = [verify_job(reading, job, listening(0.05, "sample")) for job in jobs]
    assert all(1 <= one.listened < one.takes / 2 for one in found)
    assert len(ear.heard) == len(set(ear.heard)) <= sum(one.listened for one in found)
    assert not any(one.failed for one in found)


def test_if_one_of_the_sample_is_bad_the_whole_job_is_heard(spoken: tuple[Reading, list[Job]], ear: Ear) -> None:
    reading, jobs = spoken
    sample = listening(0.05, "suspicious")
    ear.name = "ear@2"  # another recogniser: what was heard before does not count
    verify_job(reading, jobs[0], sample)
    [first, *_] = ear.heard
    ear.name, ear.garbles = "ear@3", {first}
    found = verify_job(reading, jobs[0], listening(0.05, "bad"))
    assert found.listened == found.takes == len(jobs[0].orders)
    assert found.failed and found.reason


def test_nobody_is_listened_to_twice_and_evidence_is_found(spoken: tuple[Reading, list[Job]], ear: Ear) -> None:
    reading, jobs = spoken
    ear.name = "ear@4"
    everything = listening(1.0, "all")
    first = verify_job(reading, jobs[0], everything)
    heard = len(ear.heard)
    assert job_is_verified(reading, jobs[0], everything) and not job_is_verified(reading, jobs[-1], everything)
    assert verify_job(reading, jobs[0], everything) == first
    # Another policy has evidence of its own, made of the same objects.
    again = verify_job(reading, jobs[0], listening(1.0, "again"))
    assert again == first and len(ear.heard) == heard


def test_tokens_are_asked_for_only_where_there_are_any(
    spoken: tuple[Reading, list[Job]], ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "find_tokens", lambda *_: pytest.fail("a request for nothing"))
    ear.name = "ear@6"
    assert verify_job(spoken[0], spoken[1][0], listening(0.05, "no tokens")).takes


def test_what_is_bad_is_retaken_and_the_good_take_accepted(planned: Reading, hears: Listening, ear: Ear) -> None:
    ear.garbles = {load_plan(planned).chunks[4].spoken}
    speak_and_hear(planned, map(first_job, load_plan(planned).ranges), hears, ear)
    freeze_reference(planned, hears)
    [retakes] = plan_rung(planned, hears, ALL, 1)
    assert retakes == later_job(1, [Order(5, 2, sampling=replace(planned.sampling, speed=0.95))])
    assert [flaw.chunk for flaw in accept_takes(planned, ALL).exceptions] == [5]

    speak_job(planned, retakes)
    ear.learn(folder_of(planned).read_takes())
    ear.garbles = set()
    assert verify_job(planned, retakes, hears).listened == 1
    accepted = accept_takes(planned, ALL)
    assert not accepted.exceptions and not accepted.missing
    rows = {row.chunk: row for row in folder_of(planned).load_accepted(accepted.digest)}
    assert (rows[5].take, rows[5].round, rows[4].take) == (2, 1, 1)
    assert plan_rung(planned, hears, ALL, 1) == [retakes], "a rerun plans the same"
    assert plan_rung(planned, hears, ALL, 2) == []


def test_verdicts_do_not_depend_on_the_order_of_work(spoken: tuple[Reading, list[Job]], ear: Ear) -> None:
    reading, jobs = spoken
    ear.name = "ear@5"
    everything = listening(1.0, "order")
    for job in reversed(jobs):
        verify_job(reading, job, everything)
    freeze_reference(reading, everything)
    judged = judge_takes(reading, everything, Strictness.NORMAL)
    forward = listening(1.0, "forward")
    for job in jobs:
        verify_job(reading, job, forward)
    freeze_reference(reading, forward)
    assert judge_takes(reading, forward, Strictness.NORMAL) == judged
    assert sum(one.judgement.verdict is Verdict.FAIL for one in judged) <= len(judged) // 10


def test_what_says_no_words_is_not_listened_to_by_itself(spoken: tuple[Reading, list[Job]]) -> None:
    reading, _ = spoken
    tone = replace(reading, engine=EngineName.TONE.value)
    assert listening_of(tone, Verification()) is None
    assert listening_of(reading, Verification(listen=Listen.NONE)) is None
    sampled, everything = (listening_of(reading, Verification(listen=kind)) for kind in (Listen.AUTO, Listen.ALL))
    assert sampled and everything and (sampled.share, everything.share) == (0.05, 1.0)
    assert sampled.name != everything.name


def test_the_breaker_trips_when_most_of_the_first_ranges_are_bad() -> None:
    names = tuple(range(1, 33))
    lawful = Breaker("a book")
    lawful.add(Verified("00001-00032", 32, 32, names, "a list of names"))  # one range is no voice
    lawful.add(Verified("00033-00064", 32, 2, (), ""))
    lawful.add(Verified("00065-00096", 32, 32, tuple(range(65, 80)), "noise"))
    breaker = Breaker("a book")
    breaker.add(Verified("00033-00064", 32, 32, tuple(range(33, 64)), "noise"))
    with pytest.raises(NotGoodEnough, match=r"Stopped: 63 of the first 64 takes .*from chunk 1 on \(silent\)") as trip:
        breaker.add(Verified("00001-00032", 32, 32, names, "silent"))
    assert '"a book" --chunks 1.' in trip.value.remedy


def test_a_take_that_nobody_heard_is_not_accepted_where_somebody_should_have(planned: Reading) -> None:
    [first, *_] = load_plan(planned).ranges
    speak_job(planned, first_job(first))
    chunks = len(load_plan(planned).chunks)
    assert len(accept_takes(planned, Verification()).missing) == chunks
    assert len(accept_takes(planned, Verification(listen=Listen.NONE)).missing) == chunks - first.last


def test_an_unheard_retake_neither_wins_nor_hides_what_was_heard(planned: Reading, hears: Listening, ear: Ear) -> None:
    ear.garbles = {load_plan(planned).chunks[4].spoken}
    speak_and_hear(planned, map(first_job, load_plan(planned).ranges), hears, ear)
    [retakes] = plan_rung(planned, hears, ALL, 1)
    speak_job(planned, retakes)  # and a kill before anybody listens
    accepted = accept_takes(planned, ALL)
    assert [flaw.chunk for flaw in accepted.exceptions] == [5] and not accepted.missing
    rows = folder_of(planned).load_accepted(accepted.digest)
    assert {row.take for row in rows} == {1}


def test_a_redo_has_rounds_that_no_rung_has_and_wins(planned: Reading, hears: Listening, ear: Ear) -> None:
    jobs = [first_job(chunk_range) for chunk_range in load_plan(planned).ranges]
    for job in jobs:
        speak_job(planned, job)
    ear.learn(folder_of(planned).read_takes())
    redo = plan_redo(RedoRequest(book="The Lamps", library=planned.library, chunks="5", text="Say this instead."))
    assert redo.unfinished == tuple(jobs), "what nobody has heard is heard too"
    speak_and_hear(planned, (*redo.unfinished, *redo.jobs), hears, ear)
    assert {job.round for job in redo.jobs} == {FIRST_REDO}
    accepted = accept_takes(planned, ALL)
    rows = {row.chunk: row for row in folder_of(planned).load_accepted(accepted.digest)}
    assert (rows[5].spoken, rows[5].take) == ("Say this instead.", 2)
    assert plan_rung(planned, hears, ALL, 1) == []


def test_a_respelling_may_sound_like_the_text_of_the_book(planned: Reading, hears: Listening, ear: Ear) -> None:
    order = Order(5, 2, text="Mahr tha lits tha lamp.")
    job = later_job(FIRST_REDO, [order])
    speak_job(planned, job)
    [row] = folder_of(planned).read_takes()
    ear.learn([replace(row, spoken=load_plan(planned).chunks[4].spoken)])  # it is understood as the book has it
    verify_job(planned, job, hears)
    [judged] = judge_takes(planned, hears, Strictness.NORMAL)
    assert judged.row.text == order.text
    assert not [reason for reason in judged.judgement.reasons if "word" in reason]


@pytest.mark.parametrize(("language", "known"), [("en_US", True), ("English", True), ("und", True), ("ens", False)])
def test_books_name_their_language_in_many_ways(language: str, known: bool) -> None:
    assert understands(language) is known
