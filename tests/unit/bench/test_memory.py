"""The peak of a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.memory import peak_mb
from rhapsode.settings import EngineName


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_peak_is_that_of_the_conversion_and_not_of_its_parent(story: Path) -> None:
    ballast = bytearray(b"x") * 1_000_000_000
    assert 100 < peak_mb(story, EngineName.TONE) < 800
    del ballast
