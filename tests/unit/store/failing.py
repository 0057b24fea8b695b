"""A library on a store that fails, and what is asked of it.

CALLS, HEEDLESS                  what a store is asked, by name; the second where it takes no notice of conditions
contents(library)                all its bytes, those of unfinished writes too
put_back(store, found, there)    makes it hold again what was there before
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rhapsode.errors import NotInLibrary
from rhapsode.settings import ConvertRequest
from rhapsode.stages.plan import epub_digest
from rhapsode.store import contested, remote, sealed
from rhapsode.store.durable import PARTIAL
from rhapsode.store.library import Library, open_library
from tests.fixtures.faults import FaultProxy
from tests.fixtures.races import hasten_probe
from tests.fixtures.s3 import make_bucket, use_s3

PART = 64 << 10
LARGE = bytes(range(256)) * (2 * PART // 256)  # two parts
LIMITS = {"MOTO_S3_DEFAULT_MAX_KEYS": "2", "S3_UPLOAD_PART_MIN_SIZE": str(PART)}
"""All listings have several pages, and no upload takes so long that it looks like a fault on a busy machine."""
KIND = "test/1"


@dataclass
class Store:
    library: Library
    proxy: FaultProxy
    scratch: Path


def stock(proxy: FaultProxy, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A library with some files behind the proxy; the client is in a hurry."""
    from botocore.retries.standard import ExponentialBackoff
    from s3fs import S3FileSystem

    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 0.4)
    monkeypatch.setattr(remote, "PART_BYTES", PART)
    monkeypatch.setattr(contested, "SETTLE_S", 0.05)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    hasten_probe(monkeypatch)
    use_s3(monkeypatch, proxy.address)
    S3FileSystem.clear_instance_cache()  # botocore gives up sooner where much was in vain before
    proxy.forget()
    library = open_library(f"{make_bucket(proxy.endpoint)}/pre/fix")
    assert library.honours_conditions() is proxy.heeds_conditions, "so that this is not counted where others are asked"
    for path in ("books/a/there", "books/b/there", "books/c/there"):
        library.write_bytes(path, sealed.write_json(KIND, {"words": ["many"] * 500}))
    library.write_bytes("inbox/a book.epub", 3 * LARGE)
    proxy.forget()
    return Store(library, proxy, scratch)


def contents(library: Library) -> dict[str, bytes]:
    return {entry.path: library.read_bytes(entry.path) for entry in library.entries()}


def put_back(store: Store, found: dict[str, bytes], there: dict[str, bytes]) -> None:
    for path in found.keys() - there.keys():
        store.library.delete(path)
    for path, data in there.items() - found.items():
        store.library.write_bytes(path, data)
    store.proxy.forget()


def put_large(store: Store) -> str:
    source = store.scratch / "large.bin"
    source.write_bytes(LARGE)
    return store.library.put_file(source, "large/new.bin")


def put_small(store: Store) -> str:
    source = store.scratch / "small.bin"
    source.write_bytes(b"small")
    return store.library.put_file(source, "large/small.bin")


def read_nothing(store: Store) -> None:
    with pytest.raises(NotInLibrary):
        store.library.read_bytes("books/a/nothing")


def probe(store: Store) -> bool:
    """As if nobody had asked before."""
    contested._honours.cache_clear()
    return store.library.honours_conditions()


def claim_after_another(store: Store) -> bool:
    """Who arrived there first, and died before he could copy his bytes to the name."""
    store.library.write_bytes(f"books/a/.new.0{PARTIAL}", b"the first's")
    assert not store.library.claim_bytes("books/a/new", b"the second's")
    return store.library.read_bytes("books/a/new") == b"the first's"


CALLS: dict[str, Callable[[Store], object]] = {
    "exists": lambda store: store.library.exists("books/a/there"),
    "exists, nothing there": lambda store: store.library.exists("books/a/nothing"),
    "size": lambda store: store.library.size("books/a/there"),
    "read_bytes": lambda store: store.library.read_bytes("books/a/there"),
    "read_bytes, nothing there": read_nothing,
    "read": lambda store: store.library.read("books/a/there", lambda data: sealed.read_json(KIND, data, "it")),
    "write_bytes": lambda store: store.library.write_bytes("new", b"written"),
    "create_bytes": lambda store: store.library.create_bytes("new", b"created"),
    "create_bytes, taken": lambda store: store.library.create_bytes("books/a/there", b"too late"),
    "claim_bytes": lambda store: store.library.claim_bytes("new", b"claimed"),
    "put_file": put_large,
    "put_file, small": put_small,
    "list": lambda store: store.library.list(),
    "list, nothing there": lambda store: store.library.list("nowhere"),
    "folders": lambda store: store.library.folders("books"),
    "folders, nothing there": lambda store: store.library.folders("nowhere"),
    "entries": lambda store: sorted((entry.path, entry.size_bytes) for entry in store.library.entries()),
    "delete": lambda store: store.library.delete("books/a/there"),
    "delete, nothing there": lambda store: store.library.delete("books/a/nothing"),
    "honours_conditions": probe,
    "an EPUB": lambda store: epub_digest(
        ConvertRequest(epub=store.library.url("inbox/a book.epub"), library=store.library.root)
    ),
}
HEEDLESS: dict[str, Callable[[Store], object]] = {
    "create_bytes": CALLS["create_bytes"],
    "create_bytes, taken": CALLS["create_bytes, taken"],
    "claim_bytes": lambda store: store.library.claim_bytes("books/a/new", b"claimed"),
    "claim_bytes, taken": lambda store: store.library.claim_bytes("books/a/there", b"too late"),
    "claim_bytes, second": claim_after_another,
    "honours_conditions": probe,
}
