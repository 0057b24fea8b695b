"""Libraries of both kinds that hold nothing yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest


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
