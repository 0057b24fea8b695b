"""The command `clean`, as people run it; what it deletes is tried in tests/unit/stages."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rhapsode.model import Audio
from rhapsode.store.library import open_library
from rhapsode.store.objects import has_take, object_path, put_take
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]
ORPHAN = "a" * 64


def test_it_counts_and_deletes_only_when_asked(rhapsode: Rhapsode, library: Path, tmp_path: Path) -> None:
    copy = open_library(str(shutil.copytree(library, tmp_path / "library")))
    put_take(copy, ORPHAN, Audio(np.zeros(100, np.int16), 24_000), {})
    young = rhapsode("clean", "--library", copy.root)
    assert young.code == 0, young.err
    assert "There is nothing to delete" in young.out
    dry = rhapsode("clean", "--library", copy.root, "--grace", "0")
    refused = rhapsode("clean", "--library", copy.root, "--grace", "0", "--delete")
    assert_one_line(refused, 2, "a grace period of 0 days", "1 day and more")
    assert has_take(copy, ORPHAN)
    yesterday = time.time() - 25 * 3600
    os.utime(copy.url(object_path(ORPHAN)), (yesterday, yesterday))
    assert "1 file (" in dry.out and "Nothing was deleted" in dry.out
    assert has_take(copy, ORPHAN)
    done = rhapsode("clean", "--library", copy.root, "--grace", "1", "--delete")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1].endswith("deleted.")
    assert not has_take(copy, ORPHAN)
    assert set(copy.list()) == set(open_library(str(library)).list())


@pytest.mark.parametrize("grace", ["-1", "nan", "1e9"])
def test_a_grace_period_that_is_none(rhapsode: Rhapsode, library: Path, grace: str) -> None:
    assert_one_line(rhapsode("clean", "--library", library, "--grace", grace), 2, "--grace", "0 to 36500")


def test_an_empty_library_is_clean(rhapsode: Rhapsode, tmp_path: Path) -> None:
    assert "nothing to delete" in rhapsode("clean", "--library", tmp_path / "none").out
