"""Kill -9 of a worker and all that it runs, in the middle of a book: another one finishes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.store.library import open_library
from rhapsode.store.readings import readings_of
from rhapsode.store.shelf import Shelf
from tests.acceptance.killing import published, whole_objects
from tests.integration.floor import Floor, await_, kill_tree
from tests.integration.shelf_of_books import long
from tests.plain import convert

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]

CHUNKS = 160
FOUND_S = 180.0
"""The run is found dead, taken by another worker and at work again."""


def test_a_book_whose_worker_is_killed_is_finished_by_another(floor: Floor, tmp_path: Path) -> None:
    book = long(tmp_path / "quay.epub", CHUNKS)
    reference = ConvertRequest(epub=str(book), library=str(tmp_path / "undisturbed"), engine=EngineName.HIBARI)
    convert(reference)
    library = open_library(str(tmp_path / "killed"))
    asked = {"epub": str(book), "library": library.root, "engine": "hibari", "verify": {"listen": "none"}}
    run = floor.submit("convert-book", request={**asked, "workers": 1})
    await_(lambda: len(library.list("objects")) >= CHUNKS // 10, 180, "the middle of the book")
    kill_tree(floor.worker_of(run))
    killed_at = time.monotonic()
    before = whole_objects(library)
    assert CHUNKS // 10 <= len(before) < CHUNKS, "the kill came too late"
    assert not library.folders(f"books/{library.folders('books')[0]}/editions")

    again = await_(lambda: taken_up(floor, run), FOUND_S + 60, "another worker")
    waited_s = time.monotonic() - killed_at
    assert waited_s <= FOUND_S, f"{waited_s:.0f} s until another worker had it"
    ended = floor.ended(run.id, 300)
    assert ended.state and ended.state.is_completed(), ended.state
    assert again.id == ended.id and ended.run_count == 2

    assert published(library) == published(open_library(reference.library))
    after = whole_objects(library)
    assert before.items() <= after.items(), "a stored object was written again"
    [reading] = readings_of(Shelf(library, library.folders("books")[0]))
    rows = reading.read_takes()
    ranges_of_before = {row.range for row in rows if row.key in before and not row.reused}
    mixed = {row.range for row in rows if row.key not in before} & ranges_of_before
    assert not mixed, "a stored chunk was spoken again"
    assert any(row.reused for row in rows), "no range was under way when the kill came"


def taken_up(floor: Floor, run: FlowRun) -> FlowRun | None:
    found = floor.client.read_flow_run(run.id)
    running = found.state and (found.state.is_running() or found.state.is_completed())
    return found if running and found.run_count == 2 else None
