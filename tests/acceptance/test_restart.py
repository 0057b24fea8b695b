"""A machine dies in the middle of a book, floor and all, and is started much later: the book goes on by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient

from rhapsode.settings import ConvertRequest
from rhapsode.store.library import open_library
from tests.acceptance.killing import published, whole_objects
from tests.fixtures.s3 import free_port
from tests.integration.floor import await_
from tests.integration.running_up import end, start, wait_until_none_is_left
from tests.integration.shelf_of_books import long
from tests.plain import convert

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CHUNKS = 160
AWAY_S = 330.0
"""From the start of the run on. By default Prefect forgets after 60 s that it waits for a sign of life, and within five
minutes it lets the news of a crash wait a quarter of an hour for the event before it."""
GOES_ON_S = 300.0


def test_a_book_goes_on_after_the_whole_floor_was_away(tmp_path: Path) -> None:
    port, library = free_port(), open_library(str(tmp_path / "library"))
    request = {"epub": str(long(tmp_path / "quay.epub", CHUNKS)), "engine": "hibari", "verify": {"listen": "none"}}
    up = start(tmp_path, port)
    try:
        with SyncPrefectClient(up.url) as client:
            deployment = client.read_deployment_by_name("convert-book/convert-book")
            asked = {"request": {**request, "library": library.root}}
            run = client.create_flow_run_from_deployment(deployment.id, parameters=asked).id
            await_(lambda: len(library.list("objects")) >= CHUNKS // 2, 240, "the middle of the book")
        began, mark = time.monotonic(), up.mark()
    finally:
        up.process.kill()
        up.process.wait()
    wait_until_none_is_left(mark)
    before = whole_objects(library)
    assert before and not library.folders(f"books/{library.folders('books')[0]}/editions"), "the kill came too late"

    time.sleep(max(0.0, began + AWAY_S - time.monotonic()))
    up = start(tmp_path, port)
    try:
        with SyncPrefectClient(up.url) as client:

            def is_done() -> bool:
                state = client.read_flow_run(run).state
                return state is not None and state.is_completed()

            await_(is_done, GOES_ON_S, "the end of the book")
            assert client.read_flow_run(run).run_count == 2
    finally:
        end(up)
    assert before.items() <= whole_objects(library).items(), "a stored object was written again"
    plain = str(tmp_path / "plain")
    convert(ConvertRequest.model_validate({**request, "library": plain}))
    assert published(library) == published(open_library(plain))
