"""Two who publish under one number."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rhapsode.errors import LibraryUnreachable
from rhapsode.settings import AudioSettings
from rhapsode.store.editions import Edition, load_edition, save_edition
from rhapsode.store.library import Library
from rhapsode.store.shelf import Shelf

EDITION = Edition(
    number=1,
    content="c" * 64,
    reading="r" * 64,
    accepted="a" * 64,
    title="The Lamp",
    files=(),
    chapters=(),
    audio=AudioSettings(),
    duration_s=1.0,
    gain_db=0.0,
    loudness_lufs=-19.0,
    true_peak_dbtp=-3.0,
    limited_by_peak=False,
    published_at=datetime(2030, 1, 2, tzinfo=UTC),
    version="0",
)


def test_who_says_the_same_later_gets_what_is_published(folder: Library) -> None:
    shelf = Shelf(folder, "a-book-c0ffeec0ffee")
    assert save_edition(shelf, EDITION) == EDITION
    assert save_edition(shelf, replace(EDITION, published_at=datetime(2031, 1, 2, tzinfo=UTC))) == EDITION


def test_an_edition_of_another_content_is_never_taken_for_ours(folder: Library) -> None:
    shelf = Shelf(folder, "a-book-c0ffeec0ffee")
    save_edition(shelf, EDITION)
    with pytest.raises(LibraryUnreachable, match=r"editions/0001/manifest.json was written by somebody else") as caught:
        save_edition(shelf, replace(EDITION, content="d" * 64))
    assert "Run again" in caught.value.remedy
    assert load_edition(shelf, 1) == EDITION
