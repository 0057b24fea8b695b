"""The task `parse-book`."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.settings import ConvertRequest
from rhapsode.stages import plan
from rhapsode.stages.plan import Parsed
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    request: ConvertRequest = parameters["request"]
    return cache_key("parse", plan.epub_digest(request), request.library, request.footnotes)


@task(name="parse-book", cache_key_fn=key, **SETTINGS)
def parse_book(request: ConvertRequest) -> Parsed:
    """Reads the EPUB and lays the book into the library."""
    return plan.parse_book(request)
