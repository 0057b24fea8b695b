"""One floor for all: server and database take long to start. Its environment is that of all that the tests start."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fixtures.browser import browser
from tests.fixtures.s3 import use_s3
from tests.integration.floor import Floor, open_floor

__all__ = ["browser"]  # a fixture for all


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[Floor]:
    """Its libraries may be on S3, and who asks for nothing else has books spoken by the pool gpu, as both forms do."""
    before = dict(os.environ)
    try:
        use_s3(pytest.MonkeyPatch(), s3_endpoint)
        os.environ["RHAPSODE_FAN_OUT"] = "workers"
        with open_floor(tmp_path_factory.mktemp("floor")) as floor:
            yield floor
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def workers(floor: Floor) -> None:
    """Two for books and two that speak."""
    for number in (1, 2):
        floor.start_worker("cpu", f"cpu-{number}", limit=3)
        floor.start_worker("gpu", f"gpu-{number}")
