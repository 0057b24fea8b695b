"""Writers who race for one name of a store: one wins, whether the store honours conditions or not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from rhapsode.errors import LibraryUnreachable
from rhapsode.store import contested
from rhapsode.store.durable import PARTIAL, is_partial
from rhapsode.store.editions import claim_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.shelf import Shelf
from tests.fixtures import faults
from tests.fixtures.faults import Fault, FaultProxy, always
from tests.fixtures.races import race
from tests.fixtures.s3 import make_bucket, serve_s3, use_s3


@pytest.fixture
def heedless(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A store that takes no notice of If-None-Match."""
    monkeypatch.setattr(contested, "SETTLE_S", 1.2)  # the clocks of one machine agree: only the second is left
    with FaultProxy(s3_endpoint, heeds_conditions=False) as proxy:
        use_s3(monkeypatch, proxy.address)
        yield proxy


@pytest.fixture
def heedless_library(heedless: FaultProxy, s3_endpoint: str) -> Library:
    return open_library(f"{make_bucket(s3_endpoint)}/pre/fix")


def test_the_probe_tells_a_store_that_honours_conditions(s3_bucket: str, caplog: pytest.LogCaptureFixture) -> None:
    library = open_library(f"{s3_bucket}/x")
    assert library.honours_conditions()
    assert not caplog.records and not list(library.entries()), "and leaves nothing behind"


def test_the_probe_tells_a_store_that_does_not(
    heedless: FaultProxy, heedless_library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: heedless_library.honours_conditions(), range(8)))
        assert heedless_library.create_bytes("a", b"1")
        assert not heedless_library.create_bytes("a", b"2")
    assert [record.getMessage() for record in caplog.records if "does not honour If-None-Match" in record.getMessage()]
    asked = [request.path for request in heedless.requests if request.conditional]
    assert len(set(asked)) == 1 and len(asked) >= contested.WRITERS, (
        "asked once, in one round; a slow answer is asked anew"
    )
    assert heedless_library.list() == ["a"] and heedless_library.read_bytes("a") == b"1"


def test_a_store_that_refuses_the_header_is_such_a_store(
    heedless: FaultProxy, heedless_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(faults.CODES, Fault.REFUSED, (501, "NotImplemented"))
    heedless.plan = lambda request: Fault.REFUSED if request.conditional else None
    assert heedless_library.claim_bytes("a", b"1")
    assert len(heedless.fired) == contested.WRITERS
    assert heedless_library.read_bytes("a") == b"1"


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    """The address of a store that looks and then writes."""
    with serve_s3(2) as endpoint:
        yield endpoint


@pytest.fixture
def hasty_library(s3_endpoint: str, hasty: str, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Its second write to a name is refused, so only a race tells."""
    monkeypatch.setattr(contested, "SETTLE_S", 1.2)
    use_s3(monkeypatch, hasty)
    library = open_library(f"{make_bucket(hasty)}/x")
    assert contested.put_if_absent(library._fs, library._full("probe"), b"1")
    assert not contested.put_if_absent(library._fs, library._full("probe"), b"2")
    return library


def test_the_probe_tells_a_store_that_looks_and_then_writes(hasty_library: Library) -> None:
    fs, base = hasty_library._fs, hasty_library._base
    assert not any(contested._honours.__wrapped__(fs, base) for _ in range(20))
    assert [entry.path for entry in hasty_library.entries()] == ["probe"], "and leaves nothing behind"


def test_of_16_writers_one_wins_where_the_store_looks_and_then_writes(hasty_library: Library) -> None:
    with pytest.raises(AssertionError, match="winners"):
        race(hasty_library, writers=16, rounds=8, claim=lambda *of: _believing(hasty_library, *of))
    for path in hasty_library.list("books"):
        hasty_library.delete(path)
    race(hasty_library, writers=16, rounds=2)


def _believing(library: Library, path: str, data: bytes) -> bool:
    return contested.put_if_absent(library._fs, library._full(path), data)


class _Distant(MemoryFileSystem):  # type: ignore[misc]
    """Writes as fsspec lets all do that have no better way; between two calls there is a network."""

    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    pipe_file = AbstractFileSystem.pipe_file

    def exists(self, path: str, **more: Any) -> bool:
        there = bool(super().exists(path, **more))
        time.sleep(0.002)
        return there


def test_the_probe_tells_a_file_system_that_looks_and_then_writes() -> None:
    fs = _Distant()
    fs.pipe_file("/x/a", b"1")
    with pytest.raises(FileExistsError):
        fs.pipe_file("/x/a", b"2", mode="create")
    assert not contested.honours_conditions(fs, "/x")
    assert list(fs.store) == ["/x/a"]


def test_a_probe_that_fails_leaves_nothing_behind(
    s3_endpoint: str, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(s3_endpoint) as proxy:
        use_s3(monkeypatch, proxy.address)
        library = open_library(f"{s3_bucket}/x")
        monkeypatch.setitem(faults.CODES, Fault.REFUSED, (403, "AccessDenied"))
        proxy.plan = lambda request: Fault.REFUSED if request.number == 5 else None
        with pytest.raises(LibraryUnreachable, match="as planned"):
            library.honours_conditions()
        assert len(proxy.fired) == 1 and not list(library.entries())
        assert library.honours_conditions()


def test_a_probe_without_an_answer_decides_nothing(heedless: FaultProxy, heedless_library: Library) -> None:
    heedless.plan = always(Fault.REFUSED)
    with pytest.raises(LibraryUnreachable):
        heedless_library.create_bytes("a", b"1")
    heedless.forget()
    assert not heedless_library.honours_conditions()


def test_of_64_writers_one_wins_where_the_store_decides(s3_bucket: str) -> None:
    race(open_library(f"{s3_bucket}/x"), writers=64, rounds=4)


def test_of_64_writers_one_wins_where_only_the_clock_of_the_store_decides(heedless_library: Library) -> None:
    race(heedless_library, writers=64, rounds=2, at_once=2)
    left = [entry.path for entry in heedless_library.entries() if is_partial(entry.path.rpartition("/")[2])]
    assert not left


def test_without_that_all_of_them_would_have_won(heedless_library: Library) -> None:
    """The race is one: by looking first and writing then, as for what all would write alike, several win."""
    with pytest.raises(AssertionError, match="winners"):
        race(heedless_library, writers=64, rounds=8, claim=heedless_library.create_bytes)


class _Asleep:
    """A file system whose owner falls asleep before he writes to a name, until he is woken."""

    def __init__(self, fs: Any, name: str) -> None:
        self._fs, self._name = fs, name
        self.sleeps, self.woken = threading.Event(), threading.Event()

    def pipe_file(self, path: str, data: bytes) -> None:
        if path.endswith(self._name):
            self.sleeps.set()
            assert self.woken.wait(60)
        self._fs.pipe_file(path, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)


def test_a_zombie_that_wakes_over_the_name_writes_what_is_there(heedless_library: Library) -> None:
    path = heedless_library._full("books/a/manifest.json")
    zombie = _Asleep(heedless_library._fs, "manifest.json")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(contested.put_first, zombie, zombie._fs, path, b"the zombie's")
        assert zombie.sleeps.wait(60)
        assert not heedless_library.claim_bytes("books/a/manifest.json", b"the second's"), "the zombie came first"
        published = heedless_library.read_bytes("books/a/manifest.json")
        zombie.woken.set()
        assert late.result(60) is True
    assert heedless_library.read_bytes("books/a/manifest.json") == published == b"the zombie's"


def test_a_zombie_that_arrives_late_changes_nothing(heedless_library: Library) -> None:
    path = heedless_library._full("books/a/manifest.json")
    zombie = _Asleep(heedless_library._fs, ".rhapsode-partial")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(contested.put_first, zombie._fs, zombie, path, b"the zombie's")
        assert zombie.sleeps.wait(60), "it has seen that the name is free"
        assert heedless_library.claim_bytes("books/a/manifest.json", b"published")
        zombie.woken.set()
        assert late.result(60) is False
    assert heedless_library.read_bytes("books/a/manifest.json") == b"published"
    assert heedless_library.list() == ["books/a/manifest.json"]


def test_what_is_copied_to_the_name_is_what_lies_there(heedless: FaultProxy, heedless_library: Library) -> None:
    """The first has died before he could copy his bytes, and they arrive wrong at the one who does it for him."""
    assert not heedless_library.honours_conditions()
    path = heedless_library._full("books/a/manifest.json")
    heedless_library._fs.pipe_file(f"{contested._beside(path)}0{PARTIAL}", b"the first's")
    time.sleep(contested.SETTLE_S)
    heedless.forget()
    heedless.plan = lambda request: (
        Fault.FLICKER if f"0{PARTIAL}" in request.path and request.method == "GET" and not heedless.fired else None
    )
    assert not heedless_library.claim_bytes("books/a/manifest.json", b"the second's")
    assert len(heedless.fired) == 1
    assert heedless_library.read_bytes("books/a/manifest.json") == b"the first's"


def test_a_lost_answer_makes_nobody_win_twice(heedless: FaultProxy, heedless_library: Library) -> None:
    """Each try has a name of its own: a repeated write would look as if it had come later."""
    heedless_library.create_bytes("probe", b"")
    heedless.forget()
    heedless.plan = lambda request: (
        Fault.LOST_ERROR if "partial" in request.path and request.method == "PUT" and not heedless.fired else None
    )
    assert heedless_library.claim_bytes("a", b"mine")
    assert [fault for _, fault in heedless.fired] == [Fault.LOST_ERROR]
    tries = [request.path for request in heedless.requests if request.method == "PUT" and "partial" in request.path]
    assert len(tries) == len(set(tries)) == 2
    assert sorted(entry.path for entry in heedless_library.entries()) == ["a", "probe"]


def test_two_contents_get_two_numbers_and_one_content_gets_one(heedless_library: Library) -> None:
    shelf = Shelf(heedless_library, "a-book-c0ffeec0ffee")
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda content: claim_edition(shelf, 1, content), ["one", "other", "one", "other"]))
    assert sorted(claimed) == [False, False, True, True] and claimed[:2] == claimed[2:]
