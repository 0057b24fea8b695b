"""A book is planned on a worker that does not have the lexicon's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.plan_book import plan_book
from rhapsode.settings import ConvertRequest, EngineName, FanOut
from rhapsode.stages.plan import Parsed, load_plan, parse_book
from rhapsode.store.library import open_library
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import Shelf
from tasks import on_workers
from tasks.children import Child


def test_a_worker_needs_no_file_of_the_parents(booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lexicon = tmp_path / "lexicon.toml"
    lexicon.write_text('Martha = "Mahta"\n"the quay" = "the key"\n')
    request = ConvertRequest(
        epub=str(booklet),
        library=str(tmp_path / "library"),
        engine=EngineName.TONE,
        lexicon=str(lexicon),
        fan_out=FanOut.WORKERS,
    )
    parsed = parse_book(request)
    sent: list[Child] = []

    def send(deployment: str, children: list[Child], at_once: int) -> list[object]:
        sent.extend(children)
        raise InterruptedError

    monkeypatch.setattr(on_workers, "run_children", send)
    with pytest.raises(InterruptedError):
        on_workers.plan_on_worker(request, parsed)
    lexicon.unlink()

    [child] = sent
    there = json.loads(json.dumps(child.parameters))
    state = plan_book(
        ConvertRequest.model_validate(there["request"]), Parsed(**there["parsed"]), there["lexicon"], return_state=True
    )
    shelf = Shelf(open_library(request.library), parsed.shelf)
    reading, _ = folder_of(shelf, state.message).load()
    said = " ".join(chunk.spoken for chunk in load_plan(reading).chunks)
    assert "Mahta lit the lamp on the key" in said and "Martha" not in said
