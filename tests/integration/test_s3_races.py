"""64 writers of one manifest, many times over: one winner each time, whatever the store makes of conditions."""

from __future__ import annotations

import pytest

from rhapsode.store import contested
from rhapsode.store.library import open_library
from tests.fixtures.faults import FaultProxy
from tests.fixtures.races import race
from tests.fixtures.s3 import make_bucket, use_s3

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_200_races_on_a_store_that_honours_conditions(s3_bucket: str) -> None:
    race(open_library(f"{s3_bucket}/x"), writers=64, rounds=200)


def test_races_on_a_store_that_does_not(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer, for each takes the seconds in which the arrivals settle, and ten requests a writer."""
    monkeypatch.setattr(contested, "SETTLE_S", 1.5)  # the server's clock is one, and tells seconds
    with FaultProxy(s3_endpoint, heeds_conditions=False) as proxy:
        use_s3(monkeypatch, proxy.address)
        library = open_library(f"{make_bucket(s3_endpoint)}/x")
        race(library, writers=64, rounds=20, at_once=2)
        assert not library.honours_conditions(), "the probe says so"
