"""Libraries that hold nothing yet, and one with a past."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from rhapsode.store.library import Library, open_library
from tests.unit.stages import history


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The root of an empty library, a folder or `memory://`."""
    if request.param == "folder":
        yield str(tmp_path / "library")
        return
    root = f"memory://test-{uuid.uuid4().hex}"
    yield root
    fs, base = fsspec.url_to_fs(root)
    if fs.exists(base):
        fs.rm(base, recursive=True)


@pytest.fixture(scope="session")
def past(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of `history`, to be copied."""
    root = tmp_path_factory.mktemp("clean") / "library"
    history.build(booklet, str(root))
    return root


@pytest.fixture
def library(past: Path, tmp_path: Path) -> Library:
    shutil.copytree(past, tmp_path / "library")  # with its times
    return open_library(str(tmp_path / "library"))
