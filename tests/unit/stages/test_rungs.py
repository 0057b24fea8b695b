"""The ladder climbed to its end: which jobs each rung plans, whoever plans it again, and whoever works on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from rhapsode.model import Audio, EngineIdentity, Job, Listening, Reading, Transcript
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.stages import verdicts, verify
from rhapsode.stages.listening_report import manners_of
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import speak_job
from rhapsode.stages.verdicts import freeze_reference, judge_takes, plan_rung
from rhapsode.stages.verify import job_is_verified, listening_of, verify_job
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.fixtures.booklet import bind
from tests.fixtures.ear import Ear

BAD = "In 1899 the harbour had nine lamps, and Mr. Pott lit every one of them before the tide came in."
PAGES = {"one": f"<p>{BAD}</p><p>He never spoke a word to anybody who passed by.</p><p>The lamps burnt until dawn.</p>"}
VERIFICATION = Verification(listen=Listen.ALL, takes=8)


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    bind(tmp_path / "book.epub", PAGES)
    request = ConvertRequest(
        epub=str(tmp_path / "book.epub"), library=str(tmp_path / "library"), engine=EngineName.HIBARI
    )
    return plan_chunks(request, parse_book(request))


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    made = Ear()
    monkeypatch.setattr(verify, "load_recogniser", lambda name: made)
    return made


@pytest.fixture
def hears(reading: Reading) -> Listening:
    found = listening_of(reading, VERIFICATION)
    assert found
    return found


def work(reading: Reading, hears: Listening, ear: Ear, job: Job) -> None:
    speak_job(reading, job)
    ear.learn(folder_of(reading).read_takes())
    verify_job(reading, job, hears)


def folder_of(reading: Reading) -> ReadingFolder:
    return ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)


def climb(reading: Reading, hears: Listening, ear: Ear, rungs: int) -> list[list[Job]]:
    ear.garbles = {"harbour", "nine lamps", "every one", "came in"}  # of the one bad chunk, in whichever words
    work(reading, hears, ear, first_job(load_plan(reading).ranges[0]))
    freeze_reference(reading, hears)
    climbed = []
    for rung in range(1, rungs + 1):
        climbed.append(plan_rung(reading, hears, VERIFICATION, rung))
        for job in climbed[-1]:
            work(reading, hears, ear, job)
    return climbed


def test_every_rung_asks_otherwise_and_is_planned_again_alike(reading: Reading, hears: Listening, ear: Ear) -> None:
    climbed = climb(reading, hears, ear, 4)
    [slower, split, respelt, slowest] = [job.orders[0] for [job] in climbed]
    assert [order.take for order in (slower, split, respelt, slowest)] == [2, 3, 4, 5]
    assert slower.sampling and len(split.parts) == 2 and slowest.sampling
    assert respelt.text and respelt.text.startswith("In eighteen ninety nine") and "Mister Pott" in respelt.text
    assert [plan_rung(reading, hears, VERIFICATION, rung) for rung in (1, 2, 3, 4)] == climbed
    assert all(job_is_verified(reading, job, hears) for [job] in climbed)
    told = {row.take: manners_of(reading)[row.key] for row in folder_of(reading).read_takes() if row.round}
    assert told == {2: ("speed 0.95",), 3: ("in parts",), 4: ("respelt",), 5: ("speed 0.8145",)}
    elsewhere = manners_of(replace(reading, engine="maya1-hf"))
    assert elsewhere.keys() == manners_of(reading).keys() and all("by hibari" in told for told in elsewhere.values())


def test_the_backend_that_spoke_a_rung_is_told_by_its_takes(
    reading: Reading, hears: Listening, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[EngineName] = []

    def other_here(name: EngineName) -> EngineIdentity | None:
        asked.append(name)
        return None

    monkeypatch.setattr(verdicts, "stand_in", other_here)
    dice = replace(reading.sampling, temperature=0.4)
    climb(reading, hears, ear, 1)
    plan_rung(replace(reading, sampling=dice), hears, VERIFICATION, 5)
    assert asked == [EngineName.HIBARI]
    plan_rung(replace(reading, sampling=dice), hears, VERIFICATION, 4)
    assert len(asked) == 1, "another rung has no need of it"
    # Takes of that round are there now, by the engine of the reading: on whatever machine, no other is asked for.
    work(reading, hears, ear, replace(plan_rung(reading, hears, VERIFICATION, 1)[0], round=5))
    plan_rung(replace(reading, sampling=dice), hears, VERIFICATION, 5)
    assert len(asked) == 1


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def test_verdicts_are_the_same_by_many_workers_and_after_a_kill(
    reading: Reading, hears: Listening, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    climbed = climb(reading, hears, ear, 3)
    jobs = [first_job(load_plan(reading).ranges[0]), *(job for [job] in climbed)]
    usual = judge_takes(reading, hears, VERIFICATION.strictness)
    assert len(usual) == 6

    crowd = replace(hears, name="crowd")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(verify_job, reading, listening=crowd), reversed(jobs)))
    freeze_reference(reading, crowd)
    assert judge_takes(reading, crowd, VERIFICATION.strictness) == usual

    hear, heard = ear.hear, 0

    def killed(audio: Audio) -> Transcript:
        nonlocal heard
        heard += 1
        if heard == 3:
            raise Killed
        return hear(audio)

    ear.name, survivor = "ear@2", replace(hears, name="survivor")  # what the first has heard does not count
    monkeypatch.setattr(ear, "hear", killed)
    with pytest.raises(Killed):
        for job in jobs:
            verify_job(reading, job, survivor)
    for job in jobs:
        verify_job(reading, job, survivor)
    assert heard == 7, "one was being heard when the kill came, none is heard twice"
    freeze_reference(reading, survivor)
    judged = judge_takes(reading, survivor, VERIFICATION.strictness)
    assert [one.judgement for one in judged] == [one.judgement for one in usual]
