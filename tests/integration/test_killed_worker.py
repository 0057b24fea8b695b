"""Kill -9 of a worker and all that it runs, in the middle of a book: another one finishes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rhapsode.store.library import open_library
from tests.acceptance.killing import published, whole_objects
from tests.integration.floor import Floor, await_, kill_tree
from tests.integration.shelf_of_books import long

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("workers")]

CHUNKS = 160
FINISHED_S = 180.0
"""The run is found dead, taken by another worker and at its end. The automations take 90 to 120 s of it."""
IN_FLIGHT = 2
"""The take in the engine, and the one before it, which is stored meanwhile."""


def test_a_book_whose_worker_is_killed_is_finished_by_another(floor: Floor, tmp_path: Path) -> None:
    book = long(tmp_path / "quay.epub", CHUNKS)
    killed, undisturbed = (open_library(str(tmp_path / name)) for name in ("killed", "undisturbed"))
    asked = {"epub": str(book), "engine": "hibari", "workers": 1, "fan_out": "inline", "verify": {"listen": "none"}}
    run = floor.submit("convert-book", request={**asked, "library": killed.root})
    await_(lambda: len(killed.list("objects")) >= CHUNKS // 2, 180, "the middle of the book")
    kill_tree(floor.worker_of(run))
    killed_at = time.monotonic()
    before = whole_objects(killed)
    assert CHUNKS // 3 <= len(before) < CHUNKS, "the kill came too late"
    assert not killed.folders(f"books/{killed.folders('books')[0]}/editions")

    beside = floor.submit("convert-book", request={**asked, "library": undisturbed.root})
    ended = floor.ended(run.id, FINISHED_S + 120)
    took_s = time.monotonic() - killed_at
    assert ended.state and ended.state.is_completed() and ended.run_count == 2, ended.state
    first, second = floor.accounts(run)
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
    assert not before.keys() & set(second.keys), "a stored chunk was spoken again"
    lost = first.keys[len(first.keys) - IN_FLIGHT :]
    assert before.keys() >= set(first.keys) - set(lost), "a kill lost takes that were finished"
    assert sorted(second.keys) == sorted(after.keys() - before.keys()), "what was not stored, each once"
    assert len(first.keys) == len(set(first.keys)) and second.keys, "no chunk was left when the kill came"
