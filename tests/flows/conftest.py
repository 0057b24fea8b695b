"""One Prefect server for all flow tests: it takes long to start, and a nested one would hide the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from tests.flows.pool import Pool


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    storage = {PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results")}
    with prefect_test_harness(server_startup_timeout=180), temporary_settings(storage):
        yield


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Nothing of it stays on the server, which is that of other tests too."""
    with get_client(sync_client=True) as client:
        pool = Pool(client)
        yield pool
        pool.remove()
