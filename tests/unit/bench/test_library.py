"""The bench of large libraries, on one of six short books: so that it does not rot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import library
from bench.library import Cost, Figure


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_each_question_is_answered_of_both_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    library.main(["--books", "6", "--chunks", "8", "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert [figure["question"] for figure in figures] == list(library.QUESTIONS)
    for figure in figures:
        assert figure["books"] == [2, 6]
        for cost in (figure["small"], figure["large"]):
            assert cost["wall_s"] > 0 and cost["cpu_s"] > 0 and 50 < cost["peak_mb"] < 600


def test_a_library_that_is_not_what_is_said_is_caught(tmp_path: Path) -> None:
    library._another_book(tmp_path, library._first_book(tmp_path, 4), 1, 4)
    for question in library.QUESTIONS.values():
        question(library._request(tmp_path), 2)
    (tmp_path / "epubs" / "2.epub").write_bytes(b"no book")
    with pytest.raises(AssertionError, match="failed"):
        library.a_night(library._request(tmp_path), 2)
    with pytest.raises(AssertionError, match="published"):
        library.status(library._request(tmp_path), 3)


def test_what_many_books_take_is_on_the_line_through_both() -> None:
    figure = Figure("status", (10, 30), Cost(1.0, 0.5, 100.0), Cost(2.0, 1.5, 100.0))
    assert [figure.seconds_at(books) for books in (10, 30, 50)] == [(1.0, 0.5), (2.0, 1.5), (3.0, 2.5)]
