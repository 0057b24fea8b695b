"""Bytes that are others on their way to a store, or from it."""

from __future__ import annotations

from hashlib import sha256

import pytest

from rhapsode.errors import EvidenceDamaged, LibraryUnreachable, ObjectDamaged
from rhapsode.model import Audio
from rhapsode.store import remote
from rhapsode.store.library import READS
from rhapsode.store.objects import find_take, get_audio, object_path, put_take
from tests.fixtures import faults
from tests.fixtures.faults import Fault, Request, always, once
from tests.unit.store.conftest import noise
from tests.unit.store.failing import CALLS, LARGE, Store, contents, put_large


@pytest.mark.parametrize("name", ["read_bytes", "read"])
@pytest.mark.parametrize(
    "fault", [Fault.CUT, Fault.WRONG, Fault.WRONG_THOUGH_TOLD], ids=lambda fault: fault.name.lower()
)
def test_half_an_answer_is_asked_for_again_and_a_wrong_one_by_those_who_know(
    store: Store, name: str, fault: Fault
) -> None:
    expected = CALLS[name](store)
    requests = store.proxy.requests[:]
    store.proxy.forget()
    store.proxy.plan = lambda request: fault if request.method == "GET" and not store.proxy.fired else None
    said = CALLS[name](store)
    assert len(store.proxy.fired) == 1 and len(store.proxy.requests) > len(requests) - (fault is Fault.WRONG)
    if fault is not Fault.WRONG or name == "read":
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


def test_bytes_that_stay_other_than_their_checksum_says_are_an_error(store: Store) -> None:
    store.proxy.plan = always(Fault.WRONG_THOUGH_TOLD)
    with pytest.raises(LibraryUnreachable, match="checksum"):
        CALLS["read_bytes"](store)
    assert len(store.proxy.fired) == remote.BODY_ATTEMPTS


def test_a_file_that_goes_wrong_on_its_way_is_sent_again(store: Store) -> None:
    assert put_large(store) == sha256(LARGE).hexdigest()
    writes = [request.number for request in store.proxy.requests if request.method == "PUT"]
    assert len(writes) == 2, "the parts"
    for at in writes:
        store.proxy.forget()
        store.proxy.plan = once(Fault.WRONG_REQUEST, at)
        assert put_large(store) == sha256(LARGE).hexdigest()
        assert [fault for _, fault in store.proxy.fired] == [Fault.WRONG_REQUEST]
        assert store.library.read_bytes("large/new.bin") == LARGE


def test_a_file_that_always_goes_wrong_is_an_error(store: Store) -> None:
    store.proxy.plan = lambda request: Fault.WRONG_REQUEST if request.method == "PUT" else None
    with pytest.raises(LibraryUnreachable, match=r"^s3://test-.*/large/new.bin was sent 3 times") as caught:
        put_large(store)
    assert "what lies between" in caught.value.remedy
    assert len(store.proxy.fired) == 2 * remote.PUTS


def test_an_upload_whose_end_was_not_answered_is_told_by_what_lies_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 forgets an upload with its end, so the repeat hears that there is none; moto answers it once more."""
    monkeypatch.setitem(faults.CODES, Fault.REFUSED, (404, "NoSuchUpload"))
    store.proxy.plan = lambda request: (
        (Fault.REFUSED if store.proxy.fired else Fault.LOST_ERROR) if _ends_upload(request) else None
    )
    assert put_large(store) == sha256(LARGE).hexdigest()
    assert [fault for _, fault in store.proxy.fired] == [Fault.LOST_ERROR, Fault.REFUSED]
    assert len([request for request in store.proxy.requests if request.method == "PUT"]) == 2, "nothing was sent again"
    assert store.library.read_bytes("large/new.bin") == LARGE


def test_an_upload_that_the_store_has_forgotten_is_begun_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(faults.CODES, Fault.REFUSED, (404, "NoSuchUpload"))
    store.proxy.plan = lambda request: Fault.REFUSED if _ends_upload(request) and not store.proxy.fired else None
    assert put_large(store) == sha256(LARGE).hexdigest()
    assert len(store.proxy.fired) == 1 and contents(store.library)["large/new.bin"] == LARGE


def _ends_upload(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.path
