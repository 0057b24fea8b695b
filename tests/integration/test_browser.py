"""A book is asked for in a browser: the form, its refusal, the run, and what that leaves for people.

The pictures that it takes are those of the README: they lie in the folder of the test, below pytest's `--basetemp`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.floor import Floor

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.usefixtures("workers")]

SOON_MS = 30_000
FIRST = ["EPUB", "Library", "Engine", "Voice", "Speed", "Footnotes", "Lexicon"]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(SOON_MS)
    yield context.new_page()
    context.close()


def field(page: Page, name: str) -> Locator:
    """A field of the form; what is inside of another one comes last."""
    named = page.get_by_text(re.compile(rf"^{re.escape(name)}( \(Optional\))?$"))
    return page.locator(".schema-form-property").filter(has=named).last


def test_a_book_is_asked_for_in_the_form_and_its_run_shows_what_came_of_it(
    floor: Floor, page: Page, tmp_path: Path, story: Path
) -> None:
    asked = floor.client.read_deployment_by_name("convert-book/convert-book")
    page.goto(f"{floor.ui}/deployments/deployment/{asked.id}/run")
    field(page, "EPUB").locator("textarea").fill(str(story))
    labels = page.locator(".schema-form-property__label").all_inner_texts()
    assert [label.removesuffix(" (Optional)") for label in labels[1:8]] == FIRST, "in this order, on PostgreSQL too"
    field(page, "Library").locator("textarea").fill(str(tmp_path / "library"))
    page.screenshot(path=tmp_path / "prefect-form.png")

    field(page, "Bitrate (kbit/s)").locator("input").fill("1000")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(re.compile(r"bitrate_kbps.*1000 is greater than the maximum of 320")).first).to_be_visible()
    field(page, "Bitrate (kbit/s)").locator("input").fill("96")
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="View run").last.click()
    page.wait_for_url("**/runs/flow-run/**")
    [run] = re.findall(r"flow-run/([0-9a-f-]+)", page.url)
    ended = floor.ended(UUID(run), 300)
    assert ended.state and ended.state.is_completed(), ended.state
    assert ended.parameters["request"]["audio"]["bitrate_kbps"] == 96
    assert list(tmp_path.glob("library/books/*/editions/0001/The Tide Clock.m4b"))

    page.reload()
    page.get_by_role("tablist").get_by_text("Artifacts").click()
    for kind, what in (("progress", "Ranges spoken of"), ("table", "Chapters of"), ("markdown", "What came of")):
        left = page.get_by_role("link", name=re.compile(f"^{kind} ")).filter(has_text=what)
        expect(left).to_be_visible(timeout=SOON_MS)
    page.screenshot(path=tmp_path / "prefect-run.png")
