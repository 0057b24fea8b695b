"""What a person does with the page, and sees of it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from playwright.sync_api import Locator, Page

SOON_MS = 5000  # on a busy machine; what is waited for takes milliseconds


def current(page: Page) -> str | None:
    return page.locator(".chunk[aria-current]").get_attribute("id")


def position(page: Page, name: str) -> Callable[[], float]:
    wave = page.get_by_role("slider", name=f"Position in {name}", exact=True)
    return lambda: float(wave.get_attribute("aria-valuenow") or "nan")


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    end = monotonic() + SOON_MS / 1000
    while not condition():
        assert monotonic() < end
        page.wait_for_timeout(20)


def listed(page: Page) -> list[str]:
    return [text.removeprefix("Chunk ") for text in page.locator(".chunk:visible h3").all_text_contents()]


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)
