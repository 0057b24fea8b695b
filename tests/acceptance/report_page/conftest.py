"""A browser, a report as a file, and a page that may not complain."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from rhapsode.report.listening import write_report
from tests.acceptance.report_page.hands import SOON_MS
from tests.unit.report.listening_sample import sample, sound

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = [path for name in (os.environ.get("CHROMIUM"), *NAMES) if name and (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium: install one, or name it in $CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0])
        yield chromium
        chromium.close()


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
