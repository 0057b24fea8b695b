"""The flows on a real Prefect server, spoken by `tone`."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import Artifact, State

from flows.convert_book import convert_book
from flows.resynthesize_range import resynthesize_range
from rhapsode.errors import BadRequest, NotAnEpub, RunIncomplete
from rhapsode.recipe import FIRST_REDO
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, Format, Policy, RedoRequest, Verification
from rhapsode.store.editions import Edition, edition_path, latest_edition, load_chunks
from rhapsode.store.library import open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf, find_shelf
from tests.faulty import Watched

TITLE = "The Tide Clock"


@pytest.fixture
def request_(story: Path, tmp_path: Path) -> ConvertRequest:
    return ConvertRequest(epub=str(story), library=str(tmp_path / "library"), engine=EngineName.TONE, workers=2)


def shelf_of(request: ConvertRequest) -> Shelf:
    return find_shelf(open_library(request.library), TITLE)


def published(state: State[Edition]) -> Edition:
    edition = state.result()
    assert isinstance(edition, Edition)
    return edition


def run_id(state: State[Edition]) -> UUID:
    assert state.state_details.flow_run_id
    return state.state_details.flow_run_id


def task_states(state: State[Edition]) -> Counter[tuple[str, str]]:
    """(task, final state) -> how many, of a flow run; the server hears of them late, of the last one last."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id(state)]))
    with get_client(sync_client=True) as client:
        for _ in range(120):
            runs = client.read_task_runs(flow_run_filter=of_run)
            published = any(run.name.startswith("publish-edition") for run in runs)
            if published and all(run.state and run.state.is_final() for run in runs):
                break
            time.sleep(0.25)
    return Counter((run.name.rpartition("-")[0] or run.name, run.state.name) for run in runs if run.state)


def artifacts(state: State[Edition]) -> list[Artifact]:
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilterFlowRunId(any_=[run_id(state)])
        return client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))


def test_a_second_run_is_served_from_the_cache_and_speaks_nothing(engine: Watched, request_: ConvertRequest) -> None:
    first = convert_book(request_, return_state=True)
    spoken = len(engine.spoken)
    assert spoken == len(set(engine.spoken)) > 30
    second = convert_book(request_, return_state=True)
    assert published(second) == published(first)
    assert len(engine.spoken) == spoken
    states = task_states(second)
    assert {state for _, state in states} == {"Cached"}
    verbs = {name.split("-")[0].split()[0] for name, _ in states}
    assert verbs == {"parse", "plan", "synthesize", "assemble", "publish"}


def test_the_run_leaves_artifacts_that_people_can_read(engine: Watched, request_: ConvertRequest) -> None:
    state = convert_book(request_, return_state=True)
    edition = published(state)
    kinds = {artifact.type: artifact for artifact in artifacts(state)}
    assert set(kinds) == {"progress", "table", "markdown"}
    assert float(str(kinds["progress"].data)) == 100.0
    assert "The Clock with One Hand" in str(kinds["table"].data)
    summary = str(kinds["markdown"].data)
    assert f"{edition.files[0].name}".replace(" ", "%20") in summary
    assert "words narrated" in summary


def test_a_failed_range_stops_neither_the_others_nor_the_rerun(engine: Watched, request_: ConvertRequest) -> None:
    engine.refuses = lambda text: "Eat your fish" in text
    request_ = request_.model_copy(update={"verify": Verification(policy=Policy.STRICT)})
    state = convert_book(request_, return_state=True)
    assert state.is_failed()
    with pytest.raises(RunIncomplete, match=r"1 of 3 ranges failed: 000\d\d-000\d\d"):
        state.result()
    assert len(engine.refused) == 1, "bad input is met once and never retried"
    shelf = shelf_of(request_)
    assert latest_edition(shelf) is None, "nothing may be published"
    before = list(engine.spoken)

    engine.refuses = lambda text: False
    edition = convert_book(request_)
    assert engine.spoken[len(before) :] == engine.refused[:1], "only what was missing is spoken"
    assert edition.number == 1


def test_a_chunk_that_cannot_be_spoken_is_left_out_and_a_redo_takes_it_up(
    engine: Watched, request_: ConvertRequest
) -> None:
    engine.refuses = lambda text: "Eat your fish" in text
    edition = convert_book(request_)
    shelf = shelf_of(request_)
    rows = load_chunks(shelf, edition.number).to_pylist()
    assert len(engine.refused) >= 1 and not any("Eat your fish" in row["spoken"] for row in rows)
    [excepted] = edition.exceptions
    assert "Eat your" in excepted.text and "It will not be said." in excepted.reasons[0]

    engine.refuses = lambda text: False
    spoken = len(engine.spoken)
    assert convert_book(request_) == edition, "what was given up stays so until it is asked for"
    assert len(engine.spoken) == spoken
    mended = resynthesize_range(RedoRequest(book=TITLE, library=request_.library, chunks="failed"))
    assert mended.exceptions == () and len(engine.spoken) == spoken + 1
    assert any("Eat your fish" in row["spoken"] for row in load_chunks(shelf, mended.number).to_pylist())


def test_trouble_with_the_disk_is_retried(engine: Watched, request_: ConvertRequest) -> None:
    troubles = [OSError(28, "No space left on device")]

    def stumble(text: str) -> bool:
        if troubles:
            raise troubles.pop()
        return False

    engine.refuses = stumble
    assert convert_book(request_).number == 1
    assert not troubles, "the fault was never met"
    assert len(engine.spoken) == len(set(engine.spoken)), "what was stored before the trouble is not spoken again"


def test_the_failure_is_kept_in_the_evidence_and_mended_by_a_redo(engine: Watched, request_: ConvertRequest) -> None:
    engine.refuses = lambda text: "Eat your fish" in text
    request_ = request_.model_copy(update={"verify": Verification(policy=Policy.STRICT)})
    convert_book(request_, return_state=True)
    shelf = shelf_of(request_)
    failures = [path for path in shelf.library.list(shelf.path("evidence")) if path.endswith(".failed.parquet")]
    assert len(failures) == 1

    redo = RedoRequest(book=TITLE, library=request_.library, chunks="failed", text="Have some fish.")
    state = resynthesize_range(redo, return_state=True)
    edition = published(state)
    rows = load_chunks(shelf, edition.number).to_pylist()
    mended = [row for row in rows if row["spoken"] == "Have some fish."]
    assert len(mended) == 1
    assert mended[0]["round"] == FIRST_REDO
    assert "Eat your" in mended[0]["source"]
    assert [row["chunk"] for row in rows] == list(range(1, len(rows) + 1))


def test_a_redo_makes_new_takes_and_a_new_edition(engine: Watched, request_: ConvertRequest) -> None:
    first = convert_book(request_)
    spoken = len(engine.spoken)
    second = resynthesize_range(RedoRequest(book=TITLE, library=request_.library, chunks="2,4-5"))
    assert len(engine.spoken) == spoken + 3
    assert (first.number, second.number) == (1, 2)
    shelf = shelf_of(request_)
    before, after = (load_chunks(shelf, edition.number).to_pylist() for edition in (first, second))
    changed = [new["chunk"] for old, new in zip(before, after, strict=True) if old["key"] != new["key"]]
    assert changed == [2, 4, 5]
    assert {row["take"] for row in after if row["chunk"] in changed} == {2}
    # A later conversion keeps what was redone, and finds the second edition.
    assert convert_book(request_) == second
    assert len(engine.spoken) == spoken + 3


def test_a_cached_result_counts_only_while_its_artifact_is_there(engine: Watched, request_: ConvertRequest) -> None:
    edition = convert_book(request_)
    shelf = shelf_of(request_)
    folder = ReadingFolder(shelf, edition.reading)
    lost = folder.load_accepted(edition.accepted)[6]
    shelf.library.delete(object_path(lost.key))
    shelf.library.delete(edition_path(shelf, 1, edition.files[0].name))
    spoken = len(engine.spoken)
    again = convert_book(request_)
    assert engine.spoken[spoken:] == [lost.spoken]
    assert (edition.number, again.number) == (1, 2)
    assert shelf.library.exists(edition_path(shelf, again.number, again.files[0].name))


def test_another_format_is_another_edition_of_the_same_takes(engine: Watched, request_: ConvertRequest) -> None:
    convert_book(request_)
    spoken = len(engine.spoken)
    edition = convert_book(request_.model_copy(update={"audio": AudioSettings(format=Format.FLAC)}))
    assert len(engine.spoken) == spoken
    assert edition.number == 2
    assert len(edition.files) == len(edition.chapters)


def test_bad_input_fails_the_run_with_its_own_error(engine: Watched, request_: ConvertRequest, tmp_path: Path) -> None:
    torn = tmp_path / "torn.epub"
    torn.write_bytes(Path(request_.epub).read_bytes()[:5000])
    with pytest.raises(NotAnEpub):
        convert_book(request_.model_copy(update={"epub": str(torn)}))
    with pytest.raises(BadRequest, match="has no voice 'nobody'"):
        convert_book(request_.model_copy(update={"voice": "nobody"}))
