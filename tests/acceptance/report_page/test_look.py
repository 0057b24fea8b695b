"""The page for every reader: hostile text, day and night, a phone, no scripts, no mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.report_page.hands import button, position, wait_until
from tests.unit.report.listening_sample import HOSTILE

TEXTS = (
    "p, h1, h2, h3, h4, dt, dd, li, a, code, kbd, label, select, input, del, ins, .other, .badge, .manner, .figures, "
    "summary span, button:not(.play)"
)
PHONE = {"width": 360, "height": 740}

CONTRAST = """selector => {
  const rgba = text => text.match(/[\\d.]+/g).map(Number);
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    throw new Error("no background");
  };
  return [...document.querySelectorAll(selector)].map(element => {
    const pair = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""
"""WCAG 2.2, contrast (minimum): the ratio of each element's text to what is behind it."""


def test_hostile_text_is_text_and_markup_that_slipped_through_would_do_nothing(opened: Callable[..., Page]) -> None:
    page = opened()
    assert page.title() == f"The Tide Clock {' '.join(HOSTILE.split())}: listening report"
    assert HOSTILE in page.locator("#chunk-6 .words").text_content()
    assert page.locator("img").count() == 0


def test_the_policy_stops_what_would_slip_through(browser: Browser, file: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text))
        page.goto(file.as_uri())
        page.evaluate("hostile => document.querySelector('h1').innerHTML = hostile", HOSTILE)
        wait_until(page, lambda: len(refused) > 0)
        page.wait_for_timeout(100)
        assert page.locator("img").count() == 1
        assert page.title() != "owned"
        assert "Content Security Policy" in refused[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(opened: Callable[..., Page], scheme: str) -> None:
    page = opened(color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
    ratios = page.evaluate(CONTRAST, TEXTS)
    assert len(ratios) > 150
    assert min(ratios) >= 4.5


def test_it_fits_a_phone(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    right_edges = "[...document.querySelectorAll('body :not(.sr)')].map(one => one.getBoundingClientRect().right)"
    assert max(page.evaluate(right_edges)) <= PHONE["width"]
    play = button(page, "Play take 1 of chunk 5")
    box = play.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44  # a fingertip
    play.tap()
    wait_until(page, lambda: position(page, "take 1 of chunk 5")() > 0.1)


def test_without_scripts_it_is_read_and_heard_all_the_same(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    expect(page.locator("#chunk-4 .words").first).to_be_visible()
    assert page.locator("#chunk-4 audio[controls]:visible").count() == 3
    assert page.locator(".filters, .play, .copy").first.is_hidden()
    expect(page.locator("#chunk-8 .source")).to_be_hidden()
    page.locator("#chunk-8 summary").click()
    expect(page.locator("#chunk-8 .source")).to_be_visible()


def test_everything_that_can_be_used_has_a_name_and_shows_its_focus(opened: Callable[..., Page]) -> None:
    page = opened()
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    used = [
        (node["role"]["value"], node["name"]["value"])
        for node in tree
        if node.get("role", {}).get("value") in ("button", "slider", "checkbox", "combobox", "searchbox", "link")
    ]
    assert {role for role, _ in used} == {"button", "slider", "checkbox", "combobox", "searchbox", "link"}
    assert all(name for _, name in used)
    for _ in range(12):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "(() => { const at = document.activeElement, switched = at.closest('.switch');"
            " return getComputedStyle(switched ?? at).outlineStyle; })()"
        )
        assert shown == "solid"
