"""Paths and URLs in requests: what holds credentials is refused, whoever asks, and is not repeated."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, create_model

from rhapsode import places
from rhapsode.errors import BadRequest
from rhapsode.settings import ConvertRequest, DiagnoseRequest, LibraryRequest, RedoRequest

SECRET = "hunter2"
WITH_SECRETS = [
    f"s3://key:{SECRET}@bucket/x",
    f"s3://key:a/{SECRET}@bucket/x",
    f"s3://key/{SECRET}@bucket/prefix",
    f"S3://key:{SECRET}",
    f"s3a://key:a/{SECRET}@bucket",
    f"simplecache::s3://key:a/{SECRET}@bucket/x",
    f"zip://inner.epub::https://me:{SECRET}@host/a.zip",
    f" s3://key:{SECRET}@bucket/x",
    f"https://me:{SECRET}@host/a.epub",
    f"https://{SECRET}@host/a.epub",
    f"sftp://me:a?{SECRET}@host/a.epub",
    f"https://host/a.epub?X-Amz-Signature={SECRET}",
    f"https://host/a.epub?id=7&sig={SECRET}",
    f"https://host/a.epub?AWSAccessKeyId={SECRET}",
    f"https://host/a.epub#access_token={SECRET}",
    f"abfs://container/a.epub?KEY={SECRET}",
]
WITHOUT = [
    "/books/a@b.epub",
    "/books/50% key=3?.epub",
    "C:\\books\\a.epub",
    "~/books",
    "The Lamps: a tale @ home",
    "s3://bucket/a@b.epub",
    "s3://bucket/pre fix/Ünï 日本.epub",
    "s3://bucket/a:b.epub",
    "simplecache::s3://bucket/a@b.epub",
    "zip://inner.epub::s3://bucket/a.zip",
    "zip://a/b.epub::http://host:80/a.zip",
    "http://127.0.0.1:8000/a@b.epub",
    "http://host:8000",
    "http://[::1]:8000/a.epub",
    "https://example.org/1342.epub?author=Austen&keyword=pride&monkey=1",
    "file:///books/a:b@c.epub",
    "memory:///intake/a.epub",
]
FIELDS: list[tuple[type[BaseModel], str, dict[str, str]]] = [
    (ConvertRequest, "epub", {}),
    (ConvertRequest, "library", {"epub": "a.epub"}),
    (ConvertRequest, "lexicon", {"epub": "a.epub"}),
    (LibraryRequest, "folder", {}),
    (LibraryRequest, "library", {}),
    (RedoRequest, "book", {"chunks": "1"}),
    (RedoRequest, "library", {"book": "a", "chunks": "1"}),
    (DiagnoseRequest, "book", {"chunks": "1"}),
    (DiagnoseRequest, "library", {"book": "a", "chunks": "1"}),
]


@pytest.mark.parametrize(("kind", "name", "others"), FIELDS)
def test_every_place_refuses_credentials_and_says_so_in_its_schema(
    kind: type[BaseModel], name: str, others: dict[str, str]
) -> None:
    # Prefect builds a model around the request and shows the input of what that refuses.
    around: type[BaseModel] = create_model("around", request=(kind, ...))
    pattern: str = around.model_json_schema()["$defs"][kind.__name__]["properties"][name]["pattern"]
    for place in WITH_SECRETS:
        with pytest.raises(BadRequest, match="must not hold credentials") as refused:
            around.model_validate({"request": {**others, name: place}})
        assert SECRET not in str(refused.value)
        assert not re.search(pattern, place), place
    for place in WITHOUT:
        assert getattr(kind.model_validate({**others, name: place}), name) == place
        assert re.search(pattern, place), place


def test_the_pattern_takes_no_longer_than_the_place_is_worth() -> None:
    began = time.monotonic()
    with pytest.raises(BadRequest):
        places.refuse_secrets("://" * 500 + "a?" * 500 + "sig=1")
    assert time.monotonic() - began < 2


def test_what_is_refused_for_another_reason_is_not_repeated_either() -> None:
    misspelt: dict[str, Any] = {"epub": "a.epub", "libary": f"s3://key:{SECRET}@bucket"}
    with pytest.raises(ValidationError) as refused:
        ConvertRequest.model_validate(misspelt)
    assert "libary" in str(refused.value) and SECRET not in str(refused.value)
