"""What a store is asked, with every fault, at every request that this makes: nothing lost, nothing doubled."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from itertools import product

import pytest

from rhapsode.errors import LibraryUnreachable
from rhapsode.store import remote
from tests.fixtures import faults
from tests.fixtures.faults import Fault, always, once
from tests.unit.store.failing import CALLS, HEEDLESS, Store, contents, put_back

PASSING = (
    Fault.ERROR,
    Fault.LOST_ERROR,
    Fault.SLOW_DOWN,
    Fault.RESET,
    Fault.LOST_RESET,
    Fault.TIMEOUT,
    Fault.LOST_TIMEOUT,
    Fault.CUT,
    Fault.LATENCY,
)
ANSWERED = ("GET", "POST")  # with a body, of which half can be missing
HEEDLESS_FAULTS = (Fault.ERROR, Fault.LOST_RESET, Fault.LOST_TIMEOUT, Fault.CUT)  # the rest is no other matter there
STAYING = (Fault.ERROR, Fault.SLOW_DOWN, Fault.RESET)


@pytest.mark.parametrize("name", CALLS)
def test_a_fault_that_passes_changes_nothing(store: Store, name: str) -> None:
    _at_every_request(store, CALLS[name], PASSING)


@pytest.mark.parametrize("name", HEEDLESS)
def test_nor_does_it_where_the_store_takes_no_notice_of_conditions(heedless_store: Store, name: str) -> None:
    _at_every_request(heedless_store, HEEDLESS[name], HEEDLESS_FAULTS)


def _at_every_request(store: Store, call: Callable[[Store], object], passing: Sequence[Fault]) -> None:
    before = contents(store.library)
    store.proxy.forget()
    expected = call(store)
    requests = store.proxy.requests[:]
    after = contents(store.library)
    assert requests, "no request, no fault"
    for request, fault in product(requests, passing):
        if fault is Fault.CUT and request.method not in ANSWERED:
            continue
        put_back(store, after, before)
        store.proxy.forget()
        store.proxy.plan = once(fault, request.number)
        assert call(store) == expected, f"{fault.name} at request {request.number} of {len(requests)}"
        assert [fired for _, fired in store.proxy.fired] == [fault]
        store.proxy.forget()
        assert contents(store.library) == after, f"{fault.name} at request {request.number} of {len(requests)}"


def test_listings_have_several_pages(store: Store) -> None:
    """Or a fault would never meet the second one."""
    for name in ("list", "entries", "folders"):
        store.proxy.forget()
        CALLS[name](store)
        assert len(store.proxy.requests) > 1, name


@pytest.mark.parametrize("name", CALLS)
def test_a_fault_that_stays_is_a_clear_error_after_bounded_tries(store: Store, name: str) -> None:
    before = contents(store.library)
    for fault in STAYING:
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


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can tell")
@pytest.mark.parametrize("in_parts", [True, False], ids=["put_file", "write_bytes"])
def test_a_store_that_takes_nothing_in_is_given_up(
    store: Store, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is sent is more than the buffers on its way hold."""
    monkeypatch.setattr(remote, "PART_BYTES", 8 << 20)
    source = store.scratch / "large.bin"
    source.write_bytes(bytes(2 * remote.PART_BYTES))
    store.proxy.plan = lambda request: Fault.STUCK if request.method == "PUT" else None
    begun = time.monotonic()
    with pytest.raises(LibraryUnreachable, match=r"^s3://test-"):
        store.library.put_file(source, "new") if in_parts else store.library.write_bytes("new", source.read_bytes())
    assert time.monotonic() - begun < 30
    assert remote.ATTEMPTS <= len(store.proxy.fired) <= remote.ATTEMPTS * remote.BODY_ATTEMPTS**2


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
