"""What becomes of a book whose voice spoils takes: mended, or named, or stopped at once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from flows.convert_book import convert_book
from rhapsode.errors import NotGoodEnough
from rhapsode.model import Sampling, Utterance, Verdict
from rhapsode.recipe import utterance
from rhapsode.settings import ConvertRequest, EngineName, Listen, Policy, Strictness, Verification
from rhapsode.stages import accept, doubtful, listening_report
from rhapsode.stages.verdicts import judge_takes
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import edition_path, latest_edition, load_chunks
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.objects import find_take
from rhapsode.store.readings import ReadingFolder, folder_of
from rhapsode.store.shelf import find_shelf
from tests.faulty import install
from tests.flows.saboteur import ALL, Saboteur

TITLE = "The Tide Clock"
STUBBORN = "Eat your"


def request_of(story: Path, library: Path, verification: Verification) -> ConvertRequest:
    return ConvertRequest(epub=str(story), library=str(library), engine=EngineName.TONE, verify=verification)


def judged_again(*_: object) -> None:
    raise AssertionError("publishing judges a book once")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_spoiled_is_mended_or_named(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoils(utterance: Utterance) -> Sequence[str]:
        if STUBBORN in utterance.text:
            return ["shuffled frames", "other text", "description spoken"]
        return ALL if int(utterance.key[:8], 16) < 0.3 * 2**32 else []

    engine = Saboteur(spoils)
    install(monkeypatch, engine)
    request = request_of(story, tmp_path, Verification(listen=Listen.ALL))
    edition = convert_book(request)
    shelf = find_shelf(open_library(str(tmp_path)), TITLE)
    folder = folder_of(shelf, edition.reading)
    takes: dict[int, list[str]] = {}
    for row in folder.read_takes():
        takes.setdefault(row.chunk, []).append(row.key)
    accepted = {row["chunk"]: row["key"] for row in load_chunks(shelf, edition.number).to_pylist()}
    log = {row.key: kind for row in folder.read_takes() if (kind := kind_of(row, engine, folder))}
    exhausted = {chunk for chunk, keys in takes.items() if len(keys) == 4 and log.keys() >= set(keys)}
    spoiled = {chunk: log[key] for chunk, key in accepted.items() if key in log}
    missed = {chunk: kind for chunk, kind in spoiled.items() if chunk not in exhausted}
    retaken = sum(len(keys) - 1 for keys in takes.values())
    with capsys.disabled():
        print(f"\n{len(engine.log)} of {engine.spoken} takes spoiled, {retaken} retakes; accepted though bad: {missed}")
    assert len(engine.log) >= 0.2 * engine.spoken and exhausted, "the saboteur has done too little"
    assert {flaw.chunk for flaw in edition.exceptions} == exhausted
    assert len(missed) <= 0.1 * len(engine.log)
    # On its own each verdict is the same again: judged from the evidence, whatever was judged beside it.
    listening = listening_of(folder.load()[0], request.verify)
    assert listening
    judged = judge_takes(folder.load()[0], listening, Strictness.NORMAL)
    bad = {one.row.key for one in judged if one.judgement.verdict is Verdict.FAIL}
    assert len(bad & log.keys()) >= 0.9 * len(log)


def kind_of(row: TakeRow, engine: Saboteur, folder: ReadingFolder) -> str | None:
    """How a take was spoiled; one that was spoken in parts is if one of them is."""
    stored = find_take(folder.shelf.library, row.key)
    assert stored
    sampling, voice = Sampling(**json.loads(row.sampling)), folder.load()[0].voice
    identity = (voice, sampling, row.weights_digest, row.precision, row.take)
    keys = [utterance(text, *identity).key for text in stored.provenance.get("parts", ())] or [row.key]
    return next((engine.log[key] for key in keys if key in engine.log), None)


def test_a_chunk_that_always_fails_stops_a_strict_book_and_is_named_in_another(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Saboteur(lambda utterance: ["silence"] if STUBBORN in utterance.text else [])
    install(monkeypatch, engine)
    strict = Verification(listen=Listen.SAMPLE, share=0.0, takes=3, policy=Policy.STRICT)
    with pytest.raises(NotGoodEnough, match=r"No take is good of 1 chunks; the first is chunk \d+") as refused:
        convert_book(request_of(story, tmp_path, strict))
    assert "rhapsode redo" in refused.value.remedy
    shelf = find_shelf(open_library(str(tmp_path)), TITLE)
    assert latest_edition(shelf) is None
    assert len(engine.log) == 3, "as many takes as are allowed, and no more"
    spoken = engine.spoken

    report = strict.model_copy(update={"policy": Policy.REPORT})
    with monkeypatch.context() as patch:
        for stage in (accept, doubtful, listening_report):
            patch.setattr(stage, "judge_takes", judged_again)
        edition = convert_book(request_of(story, tmp_path, report))
    [flaw] = edition.exceptions
    assert STUBBORN in flaw.text and flaw.reasons
    assert f"chunk {flaw.chunk} " in str(refused.value) or f"chunk {flaw.chunk}:" in str(refused.value)
    assert engine.spoken == spoken, "nothing that was heard is spoken again"
    # What was published from takes that were judged once is what each stage says that judges for itself.
    reading, _ = folder_of(shelf, edition.reading).load()
    accepted = accept.accept_takes(reading, report)
    assert (accepted.digest, accepted.exceptions) == (edition.accepted, edition.exceptions)
    page = shelf.library.read_bytes(edition_path(shelf, edition.number, listening_report.NAME))
    path = listening_report.publish_report(reading, edition, report)
    assert path and shelf.library.read_bytes(path) == page


def test_a_voice_that_spoils_everything_is_stopped_within_two_ranges(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Saboteur(lambda utterance: ALL)
    install(monkeypatch, engine)
    with pytest.raises(NotGoodEnough, match=r"Stopped: .* are bad, from chunk 1 on") as stopped:
        convert_book(request_of(story, tmp_path, Verification(listen=Listen.SAMPLE)))
    assert "rhapsode diagnose" in stopped.value.remedy
    shelf = find_shelf(open_library(str(tmp_path)), TITLE)
    heard = re.search(r"of the first (\d+) takes", str(stopped.value))
    assert heard and int(heard[1]) <= 2 * 32
    assert latest_edition(shelf) is None


def test_what_the_voice_cannot_say_at_once_is_said_in_parts(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoils(utterance: Utterance) -> Sequence[str]:
        return ["silence"] if STUBBORN in utterance.text and "twice a day" in utterance.text else []

    engine = Saboteur(spoils)
    install(monkeypatch, engine)
    edition = convert_book(request_of(story, tmp_path, Verification(listen=Listen.SAMPLE, share=0.0)))
    assert len(engine.log) == 2, "the first take, and a slower one"
    assert edition.exceptions == ()
    shelf = find_shelf(open_library(str(tmp_path)), TITLE)
    [mended] = [row for row in load_chunks(shelf, edition.number).to_pylist() if row["take"] > 1]
    assert STUBBORN in mended["source"] and (mended["round"], mended["take"]) == (2, 3)
    stored = find_take(open_library(str(tmp_path)), mended["key"])
    assert stored and len(stored.provenance["parts"]) == 2 and " ".join(stored.provenance["parts"]) == mended["spoken"]
