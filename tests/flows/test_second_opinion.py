"""Who cannot listen is told before anything is spoken, and what nobody can tell is left to a person, by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.convert_book import convert_book
from rhapsode.errors import EngineUnavailable
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.stages.doubtful import doubtful_chunks, open_chunks
from rhapsode.store.library import open_library
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import find_shelf
from tests.faulty import Watched, install
from tests.fixtures.booklet import bind


def test_a_second_opinion_that_is_not_here_ends_the_run_at_its_start(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    monkeypatch.setenv("RHAPSODE_MODELS", str(tmp_path / "models"))
    verification = Verification(listen=Listen.ALL, second_opinion="small.en")
    request = ConvertRequest(
        epub=str(story), library=str(tmp_path / "library"), engine=EngineName.TONE, verify=verification
    )
    with pytest.raises(EngineUnavailable, match=r"rhapsode models fetch small\.en"):
        convert_book(request)
    assert engine.spoken == []


def test_what_nobody_can_tell_is_a_list_for_a_person(tmp_path: Path) -> None:
    """Real speech, real tiny.en: names that it is not sure of."""
    names = ("Yggdrasil, Nidhogg, Ratatosk.", "Mxyzptlk! Tsk, tsk.", "Tsk, tsk, Llanfairpwll.")
    plain = "The clock on the tower struck four, and nobody had been inside for many years."
    bind(tmp_path / "names.epub", {"one": "".join(f"<p>{text}</p>" for text in (plain, *names, plain))})
    verification = Verification(listen=Listen.ALL)
    request = ConvertRequest(
        epub=str(tmp_path / "names.epub"),
        library=str(tmp_path / "library"),
        engine=EngineName.HIBARI,
        verify=verification,
    )
    edition = convert_book(request)
    shelf = find_shelf(open_library(request.library), edition.title)
    reading, _ = folder_of(shelf, edition.reading).load()
    found = open_chunks(doubtful_chunks(reading, edition.accepted, verification))
    assert found and not edition.exceptions
    with get_client(sync_client=True) as client:
        keys = [f"worst-{shelf.name}", f"summary-{shelf.name}"]
        artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=keys)))
    said = {artifact.key: artifact.data for artifact in artifacts}
    rows = json.loads(str(said[keys[0]]))
    assert sorted(row["chunk"] for row in rows if row["verdict"] == "inconclusive") == found
    assert (
        f"worth a listen\n\nNo defect is proven, and none is excluded. By chunk: {', '.join(map(str, found))}"
        in str(said[keys[1]])
    )
