"""The page of the listening report, in a real browser: opened from a file, used by keyboard, mouse and finger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from rhapsode.report.listening import write_report
from tests.acceptance.report_page.hands import SOON_MS, button, current, listed, position, wait_until
from tests.unit.report.listening_sample import chunk, report, sound, take


def test_it_is_heard_by_keyboard_alone(opened: Callable[..., Page]) -> None:
    page = opened()
    page.keyboard.press("j")
    assert current(page) == "chunk-2"
    page.keyboard.press("j")
    assert current(page) == "chunk-4"
    page.keyboard.press("k")
    assert current(page) == "chunk-2"
    page.keyboard.press("j")
    page.keyboard.press("Space")
    heard = position(page, "take 2 of chunk 4")  # the one in the book
    expect(button(page, "Pause take 2 of chunk 4")).to_be_visible()
    wait_until(page, lambda: heard() > 0.3)
    page.keyboard.press("Space")
    expect(button(page, "Play take 2 of chunk 4")).to_be_visible()
    stopped = heard()
    page.wait_for_timeout(200)
    assert heard() == stopped
    page.keyboard.press("ArrowRight")
    wait_until(page, lambda: heard() == pytest.approx(min(stopped + 1, 2.0), abs=0.15))
    page.keyboard.press("t")
    other = position(page, "take 3 of chunk 4")
    wait_until(page, lambda: other() > 0.1)
    assert heard() == 0
    assert page.locator(".play.on").count() == 1


def test_a_take_ends_and_can_be_heard_again(opened: Callable[..., Page]) -> None:
    page = opened()
    play = button(page, "Play take 1 of chunk 5")
    play.click()
    assert current(page) == "chunk-5"
    pause = button(page, "Pause take 1 of chunk 5")
    expect(pause).to_be_visible()
    expect(play).to_be_visible(timeout=SOON_MS)
    play.click()
    expect(pause).to_be_visible()
    wait_until(page, lambda: 0 < position(page, "take 1 of chunk 5")() < 1.5)


def test_a_click_on_the_waveform_goes_there(opened: Callable[..., Page]) -> None:
    page = opened()
    wave = page.get_by_role("slider", name="Position in take 1 of chunk 3")
    box = wave.bounding_box()
    assert box is not None
    wave.click(position={"x": 0.75 * box["width"], "y": 10})
    wait_until(page, lambda: position(page, "take 1 of chunk 3")() == pytest.approx(1.5, abs=0.05))
    assert page.locator(".play.on").count() == 0


def test_the_list_is_narrowed_by_verdict_chapter_and_words(opened: Callable[..., Page]) -> None:
    page = opened()
    assert listed(page) == ["2", "4", "5", "6", "3", "1", "7", "8"]
    count = page.locator("output")
    expect(count).to_have_text("8 of 8 chunks")
    page.get_by_label("Failed").uncheck()
    expect(count).to_have_text("6 of 8 chunks")
    assert listed(page) == ["5", "6", "3", "1", "7", "8"]
    page.keyboard.press("j")
    assert current(page) == "chunk-5"
    page.get_by_label("Chapter").select_option("2")
    expect(count).to_have_text("4 of 8 chunks")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("a sample is heard,” j")  # in the search, j and quotes are letters
    expect(count).to_have_text("0 of 8 chunks")
    page.keyboard.press("Backspace")
    expect(count).to_have_text("1 of 8 chunks")
    assert listed(page) == ["7"]
    page.get_by_label("Words").fill("nowhere")
    button(page, "Show all").click()
    assert len(listed(page)) == 8


def test_a_point_of_a_plot_leads_to_its_chunk(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_label("Failed").uncheck()
    expect(page.locator("output")).to_have_text("6 of 8 chunks")
    field = page.locator("[data-plot=wer] .field")
    box = field.bounding_box()
    assert box is not None
    at = [float(part) for part in page.locator("#chunk-4").get_attribute("data-point").split()]
    x, y = box["x"] + at[0] / 1000 * box["width"] + 3, box["y"] + at[2] / 100 * box["height"] - 3
    page.mouse.move(x, y)
    expect(page.locator(".readout")).to_contain_text("Chunk 4")
    expect(page.locator(".readout")).to_contain_text(" · take 2 · ")
    page.mouse.click(x, y)
    assert current(page) == "chunk-4"
    assert page.locator("#chunk-4").is_visible()
    top = page.locator("#chunk-4").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < 450


def test_a_take_says_how_it_came_about(opened: Callable[..., Page]) -> None:
    page = opened()
    expect(page.locator("#chunk-3 summary")).to_contain_text("take 2, in parts, by maya1-gguf")
    takes = page.locator("#chunk-4 .take header")
    expect(takes.nth(2).get_by_text("respelt")).to_be_visible()
    assert takes.nth(0).locator(".manner").count() == 0, "other dice are nothing to tell of"
    assert page.locator("#chunk-1 .manner").count() == 0, "it is the first and only take"
    page.locator("[name=words]").fill("in parts")
    expect(page.locator("output")).to_have_text("1 of 8 chunks")


def test_a_named_exception_is_a_link_to_it(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("link", name="4", exact=True).click()
    wait_until(page, lambda: current(page) == "chunk-4")


def test_the_command_that_redoes_a_chunk_is_copied(opened: Callable[..., Page]) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.locator("#chunk-3 .copy").click()
    expect(page.locator("#chunk-3 .copy")).to_have_text("Copied")
    command = "rhapsode redo the-tide-clock-0123456789ab --chunks 3 --library 'my library'"
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_help_tells_the_keys(opened: Callable[..., Page]) -> None:
    page = opened()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")  # belongs to the dialog now
    assert page.locator(".chunk[aria-current]").count() == 0
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_book_of_six_thousand_chunks_stays_quick(opened: Callable[..., Page], tmp_path: Path) -> None:
    words = "The lamps were lit along the harbour wall, and nobody had yet asked who would pay for the oil. " * 2
    path = tmp_path / "long.html"
    write_report(
        path, report(tuple(chunk(n, take(said=words), text=words) for n in range(1, 6001))), lambda take: sound()
    )
    started = monotonic()
    page = opened(path)
    page.keyboard.press("j")
    assert current(page) == "chunk-1"
    assert monotonic() - started < 15
    started = monotonic()
    page.locator("[name=words]").fill("chunk 5999")  # by label would search 100,000 elements
    expect(page.locator("output")).to_have_text("1 of 6,000 chunks", timeout=10_000)
    page.locator("[data-plot=pace] .field").click()
    wait_until(page, lambda: current(page) in {f"chunk-{n}" for n in range(2990, 3011)})  # five a pixel
    page.keyboard.press("k")
    assert monotonic() - started < 10
