"""Every method of Library, with every fault, at every request that it makes: nothing lost, nothing doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rhapsode.errors import EvidenceDamaged, LibraryUnreachable, ObjectDamaged
from rhapsode.model import Audio
from rhapsode.store import remote, sealed
from rhapsode.store.library import READS, Library, open_library
from rhapsode.store.objects import find_take, get_audio, object_path, put_take
from tests.fixtures import faults
from tests.fixtures.faults import Fault, FaultProxy, always, once
from tests.fixtures.s3 import make_bucket, use_s3
from tests.unit.store.conftest import noise

LARGE = bytes(range(256)) * (41 * 1024)  # three parts, of which S3 wants 5 MiB at least
KIND = "test/1"


@dataclass
class Store:
    library: Library
    proxy: FaultProxy
    scratch: Path


@pytest.fixture(scope="module")
def proxy(s3_endpoint: str) -> Iterator[FaultProxy]:
    """One for all tests, so that they share a client, too."""
    with FaultProxy(s3_endpoint) as proxy:
        yield proxy


@pytest.fixture
def store(s3_endpoint: str, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A library with some files behind the proxy; the client is in a hurry."""
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr(remote, "PART_BYTES", 5 << 20)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    use_s3(monkeypatch, proxy.address)
    proxy.forget()
    library = open_library(f"{make_bucket(s3_endpoint)}/pre/fix")
    assert library.create_bytes("probe", b"")  # the probe of the store is not what is counted here
    library.write_bytes("books/a/there", sealed.write_json(KIND, {"words": ["many"] * 500}))
    proxy.forget()
    return Store(library, proxy, tmp_path)


def put_large(store: Store) -> None:
    source = store.scratch / "large.bin"
    source.write_bytes(LARGE)
    store.library.put_file(source, "large/new.bin")


CALLS: dict[str, Callable[[Store], object]] = {
    "exists": lambda store: store.library.exists("books/a/there"),
    "size": lambda store: store.library.size("books/a/there"),
    "read_bytes": lambda store: store.library.read_bytes("books/a/there"),
    "read": lambda store: store.library.read("books/a/there", lambda data: sealed.read_json(KIND, data, "it")),
    "write_bytes": lambda store: store.library.write_bytes("new", b"written"),
    "create_bytes": lambda store: store.library.create_bytes("new", b"created"),
    "create_bytes, taken": lambda store: store.library.create_bytes("books/a/there", b"too late"),
    "claim_bytes": lambda store: store.library.claim_bytes("new", b"claimed"),
    "put_file": put_large,
    "list": lambda store: store.library.list(),
    "folders": lambda store: store.library.folders("books"),
    "entries": lambda store: [(entry.path, entry.size_bytes) for entry in store.library.entries()],
    "delete": lambda store: store.library.delete("books/a/there"),
}
PASSING = (
    Fault.ERROR,
    Fault.LOST_ERROR,
    Fault.SLOW_DOWN,
    Fault.RESET,
    Fault.LOST_RESET,
    Fault.TIMEOUT,
    Fault.LATENCY,
)


def contents(library: Library) -> dict[str, bytes]:
    return {path: library.read_bytes(path) for path in library.list()}


def put_back(store: Store, there: dict[str, bytes]) -> None:
    store.proxy.forget()
    for path in store.library.list():
        store.library.delete(path)
    for path, data in there.items():
        store.library.write_bytes(path, data)
    store.proxy.forget()


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("name", CALLS)
def test_a_fault_that_passes_changes_nothing(store: Store, name: str, fault: Fault) -> None:
    before = contents(store.library)
    store.proxy.forget()
    expected = CALLS[name](store)
    requests = len(store.proxy.requests)
    after = contents(store.library)
    for at in range(requests):
        put_back(store, before)
        store.proxy.plan = once(fault, at)
        assert CALLS[name](store) == expected, f"after a fault at request {at} of {requests}"
        assert [fired for _, fired in store.proxy.fired] == [fault]
        store.proxy.forget()
        assert contents(store.library) == after
    assert requests, "no request, no fault"


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.SLOW_DOWN, Fault.RESET], ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("name", CALLS)
def test_a_fault_that_stays_is_a_clear_error_after_bounded_tries(store: Store, name: str, fault: Fault) -> None:
    before = contents(store.library)
    store.proxy.forget()
    store.proxy.plan = always(fault)
    begun = time.monotonic()
    with pytest.raises(LibraryUnreachable, match=r"^s3://test-") as caught:
        CALLS[name](store)
    assert time.monotonic() - begun < 20
    assert remote.ATTEMPTS <= len(store.proxy.fired) <= remote.ATTEMPTS * remote.BODY_ATTEMPTS**2 * 2
    assert "Run again: what is done is kept." in caught.value.remedy and "\n" not in caught.value.message
    store.proxy.forget()
    assert contents(store.library) == before


@pytest.mark.parametrize("name", ["read_bytes", "write_bytes"])
def test_a_store_that_says_nothing_is_given_up(store: Store, name: str) -> None:
    store.proxy.plan = always(Fault.TIMEOUT)
    with pytest.raises(LibraryUnreachable, match=r"[Tt]imeout"):
        CALLS[name](store)
    assert len(store.proxy.fired) <= remote.ATTEMPTS * remote.BODY_ATTEMPTS**2


@pytest.mark.parametrize("name", ["read_bytes", "write_bytes", "list", "put_file"])
def test_412_is_an_answer_and_is_not_asked_for_again(store: Store, name: str) -> None:
    store.proxy.plan = once(Fault.REFUSED, 0)
    with pytest.raises(LibraryUnreachable, match="as planned"):
        CALLS[name](store)
    assert len(store.proxy.requests) == 1


def test_a_412_without_anybody_there_is_tried_again(store: Store) -> None:
    store.proxy.plan = once(Fault.REFUSED, 0)
    assert store.library.create_bytes("new", b"mine")
    assert [fault for _, fault in store.proxy.fired] == [Fault.REFUSED]
    assert store.library.read_bytes("new") == b"mine"


def test_two_conditional_writes_that_meet_are_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(faults.CODES, Fault.REFUSED, (409, "ConditionalRequestConflict"))
    store.proxy.plan = lambda request: Fault.REFUSED if request.number < 2 else None
    assert store.library.create_bytes("new", b"mine")
    assert len(store.proxy.fired) == 2 and store.library.read_bytes("new") == b"mine"


@pytest.mark.parametrize("name", ["read_bytes", "read"])
@pytest.mark.parametrize("fault", [Fault.CUT, Fault.WRONG], ids=lambda fault: fault.name.lower())
def test_half_an_answer_is_asked_for_again_and_a_wrong_one_by_those_who_know(
    store: Store, name: str, fault: Fault
) -> None:
    expected = CALLS[name](store)
    requests = store.proxy.requests[:]
    store.proxy.forget()
    store.proxy.plan = lambda request: fault if request.method == "GET" and not store.proxy.fired else None
    said = CALLS[name](store)
    assert len(store.proxy.fired) == 1 and len(store.proxy.requests) > len(requests) - (fault is Fault.WRONG)
    if fault is Fault.CUT or name == "read":
        assert said == expected
    else:
        assert said != expected, "read_bytes cannot know: whoever reads what he understands calls `read`"


def test_bytes_that_stay_wrong_are_damage(store: Store) -> None:
    store.proxy.plan = always(Fault.WRONG)
    with pytest.raises(EvidenceDamaged, match="it"):
        CALLS["read"](store)
    assert len(store.proxy.fired) == 2, "read, and read once more"


def test_a_take_is_not_removed_because_it_arrived_wrong(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    key, audio = "ab" * 32, noise(1.0)
    stored = put_take(store.library, key, audio, {"finish": "end"})
    store.proxy.forget()
    store.proxy.plan = once(Fault.WRONG, 0)
    again = get_audio(store.library, key, stored.sha256)
    assert isinstance(again, Audio) and (again.samples == audio.samples).all()
    assert len(store.proxy.fired) == 1 and not caplog.records
    store.proxy.plan = None
    assert find_take(store.library, key) is not None


def test_a_take_is_not_removed_because_it_arrives_wrong_in_many_ways(store: Store) -> None:
    """Two reads of which each is damaged in a way of its own tell nothing of what lies there."""
    key, audio = "ab" * 32, noise(1.0)
    stored = put_take(store.library, key, audio, {"finish": "end"})
    store.proxy.forget()
    store.proxy.plan = lambda request: Fault.FLICKER if len(store.proxy.fired) < READS - 1 else None
    assert (get_audio(store.library, key, stored.sha256).samples == audio.samples).all()
    assert len(store.proxy.fired) == READS - 1
    store.proxy.plan = always(Fault.FLICKER)
    for ask in (find_take, lambda *of: get_audio(*of, stored.sha256)):
        with pytest.raises(LibraryUnreachable, match=f"{key}.flac: {READS} reads gave other bytes") as unknown:
            ask(store.library, key)
        assert "Nothing was removed" in unknown.value.remedy
    assert not [request for request in store.proxy.requests if request.method == "DELETE"]
    store.proxy.forget()
    assert find_take(store.library, key) == stored


def test_a_take_that_lies_there_damaged_is(store: Store) -> None:
    key = "ab" * 32
    stored = put_take(store.library, key, noise(1.0), {})
    data = store.library.read_bytes(object_path(key))
    store.library.write_bytes(object_path(key), data[:-100])
    with pytest.raises(ObjectDamaged):
        get_audio(store.library, key, stored.sha256)
    assert not store.library.exists(object_path(key))
