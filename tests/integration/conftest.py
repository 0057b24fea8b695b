"""One floor for all: server and database take long to start. Its environment is that of all that the tests start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.floor import Floor, open_floor


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    before = dict(os.environ)
    try:
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


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"
