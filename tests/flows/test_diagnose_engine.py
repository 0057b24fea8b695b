"""`diagnose-engine` as people run it: conditions in processes of their own, artifacts, JSON, audio, exit codes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile as sf
from prefect.states import State

from flows.diagnose_engine import diagnose_engine
from rhapsode.cli import stopping
from rhapsode.cli.app import run
from rhapsode.engines import registry
from rhapsode.engines.maya1.weights import Models
from rhapsode.quality.diagnosis import Verdict
from rhapsode.settings import ConvertRequest, DiagnoseRequest, EngineName
from rhapsode.stages import diagnose
from rhapsode.stages.diagnose import Report
from rhapsode.stages.plan import parse_book, plan_chunks
from tests.contract.leaky import echoing
from tests.fixtures import models
from tests.flows.test_convert_book import artifacts

WAYS = ("alone", "again in another process", "at its place", "in another slot", "beside others", "after a reload")


def planned(epub: Path, folder: Path, engine: EngineName) -> str:
    """A library in which the book is planned and nothing is spoken."""
    request = ConvertRequest(epub=str(epub), library=str(folder / "library"), engine=engine)
    plan_chunks(request, parse_book(request))
    return request.library


def test_an_engine_in_order_leaves_a_clean_verdict_and_everything_to_check_it(booklet: Path, tmp_path: Path) -> None:
    library = planned(booklet, tmp_path, EngineName.TONE)
    state: State[Report] = diagnose_engine(
        DiagnoseRequest(book="lamps", library=library, chunks="2,5", before=1), return_state=True
    )
    report = state.result()
    assert isinstance(report, Report) and report.finding.verdict is Verdict.CLEAN
    assert {(row["chunk"], row["spoken"]) for row in report.rows} == {(n, way) for n in "25" for way in WAYS}
    assert {row["as alone"] for row in report.rows} == {"yes"}

    kinds = {artifact.type: artifact for artifact in artifacts(state)}
    assert json.loads(str(kinds["table"].data)) == list(report.rows)
    assert str(kinds["markdown"].data).startswith("**clean**: ") and report.path in str(kinds["markdown"].data)

    file = Path(library) / report.path
    told = json.loads(file.read_text())
    assert told["finding"]["verdict"] == "clean"
    assert [outcome["condition"] for outcome in told["outcomes"]] == list(WAYS)
    for outcome in told["outcomes"]:
        assert outcome["stack"]["engine"] == "tone"
        for heard in outcome["heard"]:
            assert heard["measures"]["duration_s"] > 1
            take = file.parent / f"{heard['chunk']:05d}-{outcome['condition'].replace(' ', '-')}.flac"
            assert sf.info(str(take)).duration == pytest.approx(heard["measures"]["duration_s"])


def test_the_command_convicts_with_a_table_and_exit_code_1(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library = planned(booklet, tmp_path, EngineName.TONE)
    monkeypatch.setattr(diagnose, "load_anew", echoing)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and a narrow screen would wrap the table
    monkeypatch.setattr(stopping, "stop_on_signals", lambda *_: None)  # it would take the signals of the test run
    code = run(["diagnose", "lamps", "--chunks", "5", "--before", "2", "--library", library])
    said = capsys.readouterr()
    assert code == 1, said
    assert "1 chunk, spoken by tone in 6 ways." in said.out
    (row,) = [line for line in said.out.splitlines() if "at its place" in line and "NO" in line]
    assert row.split()[0] == "5" and "NO: other in its audio" in row
    assert "history-dependent: Chunk 5 is another in its audio where it is spoken at its place." in said.out
    assert (Path(library) / "books").is_dir() and "diagnosis.json" in said.out
    assert said.err == ""


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    made = models.voice_models(tmp_path_factory.mktemp("voice"))
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in {"MODELS": str(made.folder), "SLOTS": "2", "THREADS": "1", "DEVICE": "cpu"}.items():
            patch.setenv(f"RHAPSODE_{variable}", value)
        patch.setattr(registry, "_loaded", {})
        yield made


def test_weights_that_rotted_are_a_verdict_of_the_flow(
    voice: Models, booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copy(voice.find("maya1-gguf").path(".gguf"), tmp_path / "mine.gguf"))
    mine = Models(tmp_path / "models")
    mine.add("snac", voice.find("snac").folder)
    mine.add("maya1-gguf", file)
    monkeypatch.setenv("RHAPSODE_MODELS", str(mine.folder))
    monkeypatch.setattr(registry, "_loaded", {})
    library = planned(booklet, tmp_path, EngineName.MAYA1_GGUF)
    before = file.stat()
    models.spoil(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # only who hashes it can know
    report = diagnose_engine(DiagnoseRequest(book="lamps", library=library, chunks="2"))
    assert report.finding.verdict is Verdict.DEFECTIVE_ALONE
    (row,) = report.rows
    assert str(file) in row["defects"] and "rhapsode models fetch maya1-gguf" in row["defects"]
    assert not list(Path(library).rglob("*.flac"))


@pytest.mark.slow
@pytest.mark.timeout(1500)  # every condition loads torch in a process of its own
@pytest.mark.parametrize("engine", [EngineName.MAYA1_HF, EngineName.MAYA1_GGUF])
def test_both_backends_are_acquitted_in_processes_of_their_own(
    engine: EngineName, voice: Models, booklet: Path, tmp_path: Path
) -> None:
    library = planned(booklet, tmp_path, engine)
    report = diagnose_engine(DiagnoseRequest(book="lamps", library=library, chunks="2,3", before=1))
    same = [row for row in report.rows if row["spoken"] in WAYS]
    assert len(same) == 2 * len(WAYS) and {row["as alone"] for row in same} == {"yes"}
    others = {row["spoken"] for row in report.rows} - {*WAYS}
    precisions = {"in bf16", "in fp16", "in nf4", "in int8"}
    assert others == (precisions | {"on maya1-gguf"} if engine is EngineName.MAYA1_HF else {"on maya1-hf"})
    assert all(row["tokens"] for row in report.rows), "every condition was at hand"
    assert report.finding.verdict is Verdict.CLEAN, report
