"""What was heard: kept under its object, and in the evidence of its job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rhapsode.errors import EvidenceDamaged
from rhapsode.model import FinishReason, Measures, ShapeMeasures, SignalMeasures, TokenMeasures, Transcript
from rhapsode.store import hearings, sealed
from rhapsode.store.hearings import KIND, SCHEMA, HeardRow, find_heard, put_heard, read_heard, read_table, write_heard
from rhapsode.store.library import Library, open_library

KEY = "ab" * 32
MEASURES = Measures(
    FinishReason.END,
    SignalMeasures(1.5, -20.0, -3.0, 0.1, 0.2),
    ShapeMeasures(1, 0.0, 0.2, -80.0, -70.0, -75.0, 0.1, 0.0, 12.0, 190.5),
    TokenMeasures(18, 0, 2, 0, 0.75, None),
    Transcript("The lamp went out.", -0.25, 0.01, 0.9, "ear@1"),
    (0.6, 0.8),
)
ROW = HeardRow(
    chapter=1, chunk=1, round=0, take=1, key=KEY, sha256="samples", text="The lamp went out.", measures=MEASURES
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return open_library(str(tmp_path / "library"))


def test_what_was_heard_is_found_by_who_heard_it_and_of_which_samples(library: Library) -> None:
    put_heard(library, KEY, "samples", MEASURES)
    put_heard(library, KEY, "samples", MEASURES)
    assert find_heard(library, KEY, "samples", "ear@1") == MEASURES
    assert find_heard(library, KEY, "samples", "ear@2") is None
    assert find_heard(library, KEY, "other samples", "ear@1") is None


def test_what_was_heard_of_other_samples_is_replaced(library: Library) -> None:
    put_heard(library, KEY, "lost samples", MEASURES)
    put_heard(library, KEY, "samples", MEASURES)
    assert find_heard(library, KEY, "samples", "ear@1") == MEASURES


def test_a_torn_file_counts_as_unheard_and_the_log_says_so(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    put_heard(library, KEY, "samples", MEASURES)
    [path] = [path for path in library.list("objects") if path.endswith(".heard.json")]
    library.write_bytes(path, library.read_bytes(path)[:-20])
    assert find_heard(library, KEY, "samples", "ear@1") is None
    assert "listened to again" in caplog.text
    put_heard(library, KEY, "samples", MEASURES)
    assert find_heard(library, KEY, "samples", "ear@1") == MEASURES


def test_rows_come_back_as_they_were(library: Library) -> None:
    unheard = replace(MEASURES, transcript=None, voice=None, tokens=None)
    pitchless = replace(unheard, shape=replace(MEASURES.shape, pitch_hz=None))
    twice = replace(MEASURES, second=Transcript("The lamb went out.", -0.5, 0.02, 0.8, "larger@1"))
    rows = [
        ROW,
        replace(ROW, chunk=2, measures=unheard),
        replace(ROW, chunk=3, measures=pitchless),
        replace(ROW, chunk=4, measures=twice),
    ]
    write_heard(library, "range.verify.parquet", rows)
    write_heard(library, "range.verify.parquet", rows)
    assert read_heard(library, "range.verify.parquet") == rows
    write_heard(library, "empty.verify.parquet", [])
    assert read_heard(library, "empty.verify.parquet") == []


def test_evidence_of_other_takes_is_not_replaced(library: Library) -> None:
    write_heard(library, "range.verify.parquet", [ROW])
    with pytest.raises(EvidenceDamaged, match="was measured of other takes"):
        write_heard(library, "range.verify.parquet", [replace(ROW, sha256="other samples")])
    assert read_heard(library, "range.verify.parquet") == [ROW]


def test_evidence_from_before_there_were_second_opinions_is_read(library: Library) -> None:
    write_heard(library, "new.verify.parquet", [ROW])
    old = read_table(library, "new.verify.parquet").drop_columns(["second"])
    library.write_bytes("old.verify.parquet", sealed.write_table(KIND, old))
    assert read_heard(library, "old.verify.parquet") == [ROW]
    assert read_table(library, "old.verify.parquet").schema.equals(SCHEMA)
    fewer = old.drop_columns(["voice"])
    library.write_bytes("odd.verify.parquet", sealed.write_table(KIND, fewer))
    with pytest.raises(EvidenceDamaged, match="does not have the columns"):
        read_heard(library, "odd.verify.parquet")


def test_what_another_version_heard_is_heard_anew_without_a_word(
    library: Library, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_heard(library, KEY, "samples", MEASURES)
    monkeypatch.setattr(hearings, "KIND", "heard/1000")
    assert find_heard(library, KEY, "samples", "ear@1") is None
    assert not caplog.text
    put_heard(library, KEY, "samples", MEASURES)
    assert find_heard(library, KEY, "samples", "ear@1") == MEASURES


def test_a_second_opinion_is_never_kept_as_what_the_first_heard(library: Library) -> None:
    second = Transcript("The lamb went out.", -0.5, 0.02, 0.8, "larger@1")
    with pytest.raises(AssertionError, match="kept apart"):
        put_heard(library, KEY, "samples", replace(MEASURES, second=second))
    put_heard(library, KEY, "samples", MEASURES)
    put_heard(library, KEY, "samples", replace(MEASURES, transcript=second))
    assert find_heard(library, KEY, "samples", "ear@1") == MEASURES
    assert find_heard(library, KEY, "samples", "larger@1") == replace(MEASURES, transcript=second)
