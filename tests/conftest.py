"""Fixtures that every room uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.build_epub import build_epub
from tests.faulty import Watched, install
from tests.fixtures.booklet import build_booklet
from tests.fixtures.s3 import s3_bucket, s3_endpoint

__all__ = ["s3_bucket", "s3_endpoint"]  # fixtures for all

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real books and test EPUBs that stand beside the checkout; they are read there and never copied into the repo."""


os.environ["RHAPSODE_MODELS"] = str(Path(__file__).parent / "no-models")
"""Whatever models this machine has, the tests find those that they make themselves."""
os.environ["XDG_STATE_HOME"] = str(Path(__file__).parent / "no-state")
"""So do they with a `rhapsode up` that runs here."""


def shared_files(folder: str) -> list[Path]:
    """The EPUBs of `shared/<folder>`, sorted; empty where they are absent (then the tests skip and say so)."""
    return sorted((SHARED / folder).rglob("*.epub"))


@pytest.fixture(scope="session")
def books() -> list[Path]:
    found = shared_files("books")
    if not found:
        pytest.skip(f"no real books in {SHARED / 'books'}")
    return found


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """`tone`, whose takes are counted, in its own place."""
    watched = Watched()
    install(monkeypatch, watched)
    return watched


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The EPUB of the example story."""
    target = tmp_path_factory.mktemp("example") / "the-tide-clock.epub"
    build_epub(target)
    return target


@pytest.fixture(scope="session")
def booklet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The EPUB of a book of 42 very short paragraphs, for tests that convert often."""
    target = tmp_path_factory.mktemp("booklet") / "the-lamps.epub"
    build_booklet(target)
    return target
