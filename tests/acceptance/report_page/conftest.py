"""A browser, a report as a file, and a page that may not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from rhapsode.report.listening import write_report
from tests.acceptance.report_page.hands import SOON_MS
from tests.fixtures.browser import browser
from tests.unit.report.listening_sample import sample, sound

__all__ = ["browser"]  # a fixture for all


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("listening") / "report.html"
    write_report(target, sample(), lambda take: sound(take.duration_s))
    return target


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    """Opens the report in a browser set like a person's; no page may complain or load anything but itself."""
    contexts, faults, loaded = [], [], []

    def call(path: Path = file, **person: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **person})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(path.as_uri())
        return page

    yield call
    for context in contexts:
        context.close()
    assert not faults
    assert {url.split(":")[0] for url in loaded} <= {"file", "data"}
    assert all(url.split("#")[0].endswith(".html") for url in loaded if url.startswith("file:"))
