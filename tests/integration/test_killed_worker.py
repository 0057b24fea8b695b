"""Kill -9 of a worker and all that it runs, in the middle of a book that it converts or speaks: another one goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prefect.client.schemas.objects import FlowRun

from rhapsode.store.library import Library, open_library
from tests.acceptance.killing import published, whole_objects
from tests.integration.floor import Floor, await_, kill_tree
from tests.integration.shelf_of_books import long
from tests.integration.test_library import runs_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]

CHUNKS = 160
FINISHED_S = 180.0
"""The run is found dead, taken by another worker and at its end. The automations take 90 to 120 s of it."""
IN_FLIGHT = 2
"""The take in the engine, and the one before it, which is stored meanwhile."""


@pytest.mark.parametrize("fan_out", ["inline", "workers"])
def test_a_book_whose_worker_is_killed_is_finished_by_another(floor: Floor, tmp_path: Path, fan_out: str) -> None:
    book = long(tmp_path / "quay.epub", CHUNKS)
    killed, undisturbed = (open_library(str(tmp_path / name)) for name in ("killed", "undisturbed"))
    asked = {"epub": str(book), "engine": "hibari", "workers": 1, "verify": {"listen": "none"}}
    run = floor.submit("convert-book", request={**asked, "library": killed.root, "fan_out": fan_out})
    await_(lambda: len(killed.list("objects")) >= CHUNKS // 2, 180, "the middle of the book")
    hit = run if fan_out == "inline" else block_at_work(floor, killed)
    worker = floor.worker_of(hit)
    kill_tree(worker)
    killed_at = time.monotonic()
    before = whole_objects(killed)
    assert CHUNKS // 3 <= len(before) < CHUNKS, "the kill came too late"
    assert not killed.folders(f"books/{killed.folders('books')[0]}/editions")

    beside = floor.submit("convert-book", request={**asked, "library": undisturbed.root, "fan_out": "inline"})
    ended = floor.ended(run.id, FINISHED_S + 120)
    took_s = time.monotonic() - killed_at
    assert ended.state and ended.state.is_completed(), ended.state
    assert floor.client.read_flow_run(hit.id).run_count == 2
    first, second = floor.accounts(hit)
    found_s = second.began - killed_at
    print(f"\n{found_s:.0f} s after the kill another worker was at work, after {took_s:.0f} s the book was finished")
    assert took_s <= FINISHED_S, f"{took_s:.0f} s until it was finished, {found_s:.0f} s until another worker had it"
    assert first.worker != second.worker

    reference = floor.ended(beside.id, 120)
    assert reference.state and reference.state.is_completed() and reference.run_count == 1, reference.state
    assert published(killed) == published(undisturbed)
    after = whole_objects(killed)
    assert before.items() <= after.items(), "a stored object was written again"
    [alone] = floor.accounts(beside)
    assert sorted(alone.keys) == sorted(after), "each chunk once"
    assert first.keys and second.keys, "no chunk was left when the kill came"
    assert not before.keys() & set(second.keys), "a stored chunk was spoken again"
    assert set(first.keys) & set(second.keys) <= set(first.keys[-IN_FLIGHT:]), "a kill lost takes that were finished"
    others = [key for block in blocks_of(floor, killed) if block.id != hit.id for key in spoken_by(floor, block)]
    assert sorted({*first.keys, *second.keys}) == sorted(after.keys() - set(others)), "all chunks"
    for keys in (first.keys, second.keys, others):
        assert len(keys) == len(set(keys)), "a chunk was spoken twice"
    floor.replace(worker)


def blocks_of(floor: Floor, library: Library) -> list[FlowRun]:
    return [run for run in runs_of(floor, "synthesize-ranges") if run.parameters["library"] == library.root]


def block_at_work(floor: Floor, library: Library) -> FlowRun:
    """Of the blocks of ranges that are at work, one whose worker has said something."""
    return next(
        run for run in blocks_of(floor, library) if run.state and run.state.is_running() and spoken_by(floor, run)
    )


def spoken_by(floor: Floor, run: FlowRun) -> list[str]:
    return [key for account in floor.accounts(run) for key in account.keys]
