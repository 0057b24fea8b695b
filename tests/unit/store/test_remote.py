"""What is peculiar to S3."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from rhapsode.cli.checks import check_library
from rhapsode.errors import BadRequest
from rhapsode.store import remote
from rhapsode.store.library import open_library

MIB = 1 << 20


def test_objects_that_stand_for_folders_are_no_files(s3_endpoint: str, s3_bucket: str) -> None:
    library = open_library(f"{s3_bucket}/x")
    library.write_bytes("books/a/file", b"1")
    for key in ("x/", "x/books/", "x/books/a/", "x/books/empty/"):
        address = f"{s3_endpoint}/{s3_bucket.removeprefix('s3://')}/{key}"
        with urlopen(Request(address, data=b"", method="PUT"), timeout=30) as answer:
            assert answer.status == 200
    assert library.list() == ["books/a/file"]
    assert [entry.path for entry in library.entries()] == ["books/a/file"]
    assert library.folders("books") == ["a", "empty"] and library.list("books/empty") == []


def test_a_large_file_is_never_in_memory_whole(s3_bucket: str, tmp_path: Path) -> None:
    """And it comes in parts, for which S3 has a limit that no audiobook reaches."""
    library, source = open_library(f"{s3_bucket}/x"), tmp_path / "large"
    with source.open("wb") as file:
        for number in range(48):
            file.write(bytes([number]) * MIB)
    library.create_bytes("probe", b"")  # the client is there
    tracemalloc.start()
    library.put_file(source, "large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert library.read_bytes("large") == source.read_bytes()
    assert peak < 4 * remote.PART_BYTES, f"{peak / MIB:.0f} MiB at once"
    assert 10_000 * remote.PART_BYTES > 1000 * 3600 * 16_000, "a thousand hours at 128 kbit/s"


def test_doctor_says_what_the_store_honours(s3_bucket: str) -> None:
    finding = check_library(f"{s3_bucket}/x")
    assert f"{s3_bucket}/x, 0 books; its store honours If-None-Match" in finding.fact


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:very-secret@bucket/prefix",
        "s3://key:a/very-secret@bucket/prefix",
        "s3://key/very-secret@bucket/prefix",
        "simplecache::s3://key:very-secret@bucket/prefix",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadRequest, match="must not hold credentials") as caught:
        open_library(url)
    assert "very-secret" not in str(caught.value)
