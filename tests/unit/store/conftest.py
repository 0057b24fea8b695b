"""A library of each kind, and takes, rows and books to put into it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import numpy as np
import pytest

from rhapsode.model import Audio, Block, BlockKind, Book, Chapter, Cover, LedgerLine, Metadata, Skip
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from tests.fixtures.faults import FaultProxy
from tests.fixtures.races import hasten_probe
from tests.fixtures.s3 import serve_s3
from tests.unit.store import failing
from tests.unit.store.failing import Store, stock


@pytest.fixture(params=["folder", "memory", "s3"])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    if request.param == "s3":
        hasten_probe(request.getfixturevalue("monkeypatch"))
        yield open_library(f"{request.getfixturevalue('s3_bucket')}/pre/fix")
        return
    if request.param == "folder":
        yield open_library(str(tmp_path / "library"))
        return
    root = f"memory://test-{uuid.uuid4().hex}"
    yield open_library(root)
    fs, base = fsspec.url_to_fs(root)
    if fs.exists(base):
        fs.rm(base, recursive=True)


@pytest.fixture
def folder(tmp_path: Path) -> Library:
    return open_library(str(tmp_path / "library"))


def noise(seconds: float, seed: int = 0, rate: int = 24_000) -> Audio:
    """Something as hard to compress as speech: noise under a slow envelope."""
    n = int(seconds * rate)
    envelope = np.abs(np.sin(np.arange(n) / rate * 4))
    samples = np.random.default_rng(seed).normal(size=n) * 3000 * envelope
    return Audio(samples.astype(np.int16), rate)


def make_row(chunk: int = 1, **changed: object) -> TakeRow:
    given: dict[str, object] = {
        "book": "a-book-c0ffeec0ffee",
        "chapter": 1,
        "chunk": chunk,
        "key": f"{chunk:064x}",
        "range": "00001-00032",
        "round": 0,
        "take": 1,
        "source": "“So it was,” he said.",
        "spoken": "So it was, he said.",
        "words": 5,
        "characters": 19,
        "char_start": 100 * chunk,
        "char_end": 100 * chunk + 21,
        "boundary": "paragraph",
        "voice": "sora",
        "engine": "tone",
        "weights_digest": "f" * 64,
        "precision": "fp32",
        "recipe_version": 1,
        "sampling": '{"speed":1.0}',
        "seed": 2**63 - 1,
        "slots": 1,
        "threads": 1,
        "finish_reason": "end",
        "token_count": 0,
        "legal_mass": None,
        "duration_s": 2.5,
        "sample_rate_hz": 24_000,
        "rms_dbfs": -20.5,
        "peak_dbfs": -3.25,
        "leading_silence_s": 0.1,
        "trailing_silence_s": 0.2,
        "elapsed_s": 0.25,
        "speed": 10.0,
        "sha256": "a" * 64,
        "reused": False,
        "error": None,
        "started_at": datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "host": "here",
        "libraries": '{"numpy":"2"}',
    }
    return TakeRow(**{**given, **changed})  # type: ignore[arg-type]


def make_book(title: str = "The Lamp", digest: str = "c0ffee" * 10 + "abcd", cover: Cover | None = None) -> Book:
    blocks = (
        Block(BlockKind.HEADING, "One", "one.xhtml", 0),
        Block(BlockKind.PARAGRAPH, "Élan & 灯り — “yes”.", "one.xhtml", 4),
    )
    return Book(
        digest,
        Metadata(title, ("A. Writer", "B. Other"), series="Lights", series_index="2"),
        (Chapter(1, "One\nof = ; # \\", blocks),),
        (Skip("nav.xhtml", "toc", 3, "Contents One"),),
        (LedgerLine("one.xhtml", 4, 4, 0), LedgerLine("nav.xhtml", 3, 0, 3)),
        cover,
    )


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """The address of a store that tells of few files in one answer, and takes small parts of a large one."""
    with serve_s3(**failing.LIMITS) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def proxy(small: str) -> Iterator[FaultProxy]:
    """One for all tests, so that they share a client, too."""
    with FaultProxy(small) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def heedless_proxy(small: str) -> Iterator[FaultProxy]:
    with FaultProxy(small, heeds_conditions=False) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return stock(proxy, tmp_path, monkeypatch)


@pytest.fixture
def heedless_store(heedless_proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return stock(heedless_proxy, tmp_path, monkeypatch)
