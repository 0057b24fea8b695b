"""What tiny.en cannot tell of real speech is heard by a second recogniser, and that one decides.

No larger model can be fetched here: the second is tiny.en again, from a folder, so that the real loading code runs, or
a stub that knows what was said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from rhapsode.errors import BadRequest, EngineUnavailable
from rhapsode.model import Job, Reading, Verdict
from rhapsode.quality import recogniser
from rhapsode.quality.judge import judge_take
from rhapsode.quality.whispers import TINY_EN, carried
from rhapsode.recipe import digest, first_job
from rhapsode.settings import ConvertRequest, EngineName, Listen, Strictness, Verification
from rhapsode.stages import verify
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import speak_job
from rhapsode.stages.verify import job_is_verified, listening_of, load_recognisers, verify_job
from rhapsode.store.hearings import HeardRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.fixtures.booklet import bind
from tests.fixtures.ear import Ear

PLAIN = "The clock on the tower struck four, and nobody had been inside for many years."
NAMES = ("Yggdrasil, Nidhogg, Ratatosk.", "Mxyzptlk! Tsk, tsk.", "Tsk, tsk, Llanfairpwll.")
"""What a small recogniser is not sure of, however well it is said."""

Spoken = tuple[Reading, list[Job]]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    folder = tmp_path_factory.mktemp("second")
    bind(folder / "names.epub", {"one": "".join(f"<p>{text}</p>" for text in (PLAIN, *NAMES, PLAIN))})
    request = ConvertRequest(epub=str(folder / "names.epub"), library=str(folder / "library"), engine=EngineName.HIBARI)
    reading = plan_chunks(request, parse_book(request))
    jobs = [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]
    for job in jobs:
        speak_job(reading, job)
    return reading, jobs


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[str]:
    """tiny.en in a folder of the user's own."""
    folder = tmp_path / "larger"
    folder.mkdir()
    for name in TINY_EN:
        (folder / name).symlink_to(carried({}) / name)
    yield str(folder)
    recogniser._loaded.pop(str(folder), None)


def heard(spoken: Spoken, second: str = "") -> dict[str, HeardRow]:
    reading, jobs = spoken
    listening = listening_of(reading, Verification(listen=Listen.ALL, second_opinion=second))
    assert listening
    for job in jobs:
        verify_job(reading, job, listening)
    folder = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)
    return {row.text: row for row in folder.read_heard(listening)}


def verdict(row: HeardRow) -> Verdict:
    return judge_take(row.text, row.measures, None, Strictness.NORMAL).verdict


def doubtful(rows: dict[str, HeardRow]) -> set[str]:
    return {text for text, row in rows.items() if verdict(row) is Verdict.INCONCLUSIVE}


def test_what_the_first_is_not_sure_of_is_heard_by_the_second_and_by_nothing_else(spoken: Spoken, copy: str) -> None:
    alone, both = heard(spoken), heard(spoken, copy)
    asked = {text for text, row in both.items() if row.measures.second}
    assert asked == doubtful(alone) and asked and PLAIN not in asked
    for text, row in both.items():
        assert replace(row, measures=replace(row.measures, second=None)) == alone[text]
    for text in asked:
        measures = both[text].measures
        assert measures.transcript and measures.second
        assert measures.second == replace(measures.transcript, recogniser=measures.second.recogniser)
        assert measures.second.recogniser.startswith("larger@")
        judged = judge_take(text, measures, None, Strictness.NORMAL)
        assert judged.verdict is Verdict.INCONCLUSIVE
        assert judged.reasons[-1] == "second opinion: larger cannot tell either"


def test_the_second_decides(spoken: Spoken, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, _ = spoken
    stub, real = Ear(), recogniser.load_recogniser()
    stub.learn(ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes())
    alone = heard(spoken)
    monkeypatch.setattr(verify, "load_recogniser", {"tiny.en": real, "stub": stub}.__getitem__)
    both = heard(spoken, "stub")
    assert set(stub.heard) == doubtful(alone) != set()
    assert {verdict(row) for row in both.values()} == {Verdict.PASS}
    for text in stub.heard:
        judged = judge_take(text, both[text].measures, None, Strictness.NORMAL)
        assert judged.reasons == ("second opinion: ear heard nothing wrong",)


def test_what_the_second_heard_is_kept_by_its_name(spoken: Spoken, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, _ = spoken
    stub, real = Ear(), recogniser.load_recogniser()
    stub.name = "keeper@1"
    stub.learn(ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes())
    names = {"tiny.en": real, "keeper": stub, "the keeper by another name": stub}
    monkeypatch.setattr(verify, "load_recogniser", names.__getitem__)
    first = heard(spoken, "keeper")
    asked = list(stub.heard)
    assert asked and heard(spoken, "the keeper by another name") == first
    assert stub.heard == asked
    assert not any(row.measures.second for row in heard(spoken).values())


def test_names_of_evidence_that_is_there_stay_as_they_are(spoken: Spoken) -> None:
    reading, _ = spoken
    plain = listening_of(reading, Verification())
    larger = listening_of(reading, Verification(second_opinion="small.en"))
    largest = listening_of(reading, Verification(second_opinion="large-v3-turbo"))
    assert plain and larger and largest
    assert plain.name == digest([1, 0.05, "tiny.en"])[:8]
    assert len({plain.name, larger.name, largest.name}) == 3
    assert (larger.recogniser, larger.second_opinion) == ("tiny.en", "small.en")


def test_a_second_that_is_not_here_is_told_before_anything_is_spoken(
    spoken: Spoken, copy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, jobs = spoken
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    for second, error, what in (
        ("small.en", EngineUnavailable, "rhapsode models fetch small.en"),
        ("huge", BadRequest, "no recogniser 'huge'"),
    ):
        listening = listening_of(reading, Verification(second_opinion=second))
        assert listening
        with pytest.raises(error, match=what):
            load_recognisers(reading, jobs, listening)
        assert not any(job_is_verified(reading, job, listening) for job in jobs)
    verification = Verification(listen=Listen.ALL, second_opinion=copy)
    listening = listening_of(reading, verification)
    assert listening
    heard(spoken, copy)
    monkeypatch.setattr(verify, "load_recogniser", {}.__getitem__)
    load_recognisers(reading, jobs, listening)  # all has been heard: nobody is needed


def test_nobody_gives_a_second_opinion_on_himself() -> None:
    with pytest.raises(ValidationError, match="the recogniser itself"):
        Verification(recogniser="base.en", second_opinion="base.en")
