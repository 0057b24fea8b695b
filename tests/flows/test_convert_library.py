"""A folder of books, converted without deployments; spoken by `tone`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.convert_library import convert_library
from rhapsode.errors import EngineUnavailable
from rhapsode.settings import EngineName, LibraryRequest, Listen, Policy, Strictness, Verification
from rhapsode.stages.intake import Found
from rhapsode.store.library import open_library
from tests.faulty import Watched, install
from tests.flows.test_convert_book import artifacts


@pytest.fixture
def request_(booklet: Path, story: Path, tmp_path: Path) -> LibraryRequest:
    folder = tmp_path / "books"
    folder.mkdir()
    shutil.copy(booklet, folder / "a-lamps.epub")
    (folder / "b-torn.epub").write_bytes(story.read_bytes()[:5000])
    shutil.copy(story, folder / "c-clock.epub")
    return LibraryRequest(folder=str(folder), library=str(tmp_path / "library"), engine=EngineName.TONE, workers=2)


def told(found: list[Found]) -> list[tuple[str, str, str]]:
    return [(Path(book.url).name, book.state.value, book.note) for book in found]


def test_two_schedules_of_one_folder_leave_each_other_nothing_to_do(
    request_: LibraryRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    once = request_.model_copy(update={"verify": Verification(listen=Listen.NONE)})
    again = request_.model_copy(update={"verify": Verification(listen=Listen.NONE, strictness=Strictness.HIGH)})
    first, spoken = told(convert_library(once)), len(engine.spoken)
    nights = [[first, told(convert_library(again))]]
    nights += [[told(convert_library(request)) for request in (once, again)] for _ in range(2)]
    states = [[[state for _, state, _ in found] for found in night] for night in nights]
    assert states[0] == [["converted", "failed", "converted"]] * 2
    assert states[1] == states[2] == [["nothing to do", "failed", "nothing to do"]] * 2
    assert len(engine.spoken) == spoken > 0
    library = open_library(request_.library)
    assert [library.folders(f"books/{name}/editions") for name in library.folders("books")] == [["0001"]] * 2


def test_one_bad_book_stops_no_other_and_a_second_night_converts_nothing(
    request_: LibraryRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched(refuses=lambda text: "Eat your fish" in text)
    install(monkeypatch, engine)
    strict = request_.model_copy(update={"verify": Verification(policy=Policy.STRICT)})
    first = told(convert_library(strict))
    assert first[0] == ("a-lamps.epub", "converted", "edition 1")
    assert [line[1] for line in first] == ["converted", "failed", "failed"]
    assert "is no EPUB" in first[1][2] or "zip" in first[1][2]
    assert first[2][2].startswith("1 of 3 ranges failed: ") and first[2][2].endswith("run again for what is missing.")

    engine.refuses = lambda text: False
    spoken = len(engine.spoken)
    second = told(convert_library(strict))
    assert [line[1] for line in second] == ["nothing to do", "failed", "converted"]
    assert len(engine.spoken) == spoken + 1, "only what was missing is spoken"

    def no_engine() -> Watched:
        raise EngineUnavailable("An engine was loaded.")

    monkeypatch.setattr("rhapsode.engines.registry.ENGINES", {EngineName.TONE: no_engine})
    monkeypatch.setattr("rhapsode.engines.registry._loaded", {})
    state = convert_library(strict, return_state=True)
    assert [line[1] for line in told(state.result())] == ["nothing to do", "failed", "nothing to do"]
    said = {artifact.type: str(artifact.data) for artifact in artifacts(state)}  # type: ignore[arg-type]
    assert set(said) == {"table", "markdown"}
    assert "| nothing to do | 2 |" in said["markdown"] and "| failed | 1 |" in said["markdown"]
    assert "The Lamps" in said["table"] and "c-clock.epub" in said["table"]
    assert len(open_library(request_.library).folders("books")) == 2
