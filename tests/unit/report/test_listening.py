from __future__ import annotations

import io
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import lxml.html
import numpy as np
import pytest
import soundfile as sf

from rhapsode.model import Audio, Verdict
from rhapsode.report.listening import ListeningReport, ReportTake, write_report
from rhapsode.report.listening.clips import BARS, bars_of, clip_of
from rhapsode.report.listening.plots import HEIGHT, pace_y, wer_y
from rhapsode.report.listening.report import runs_of
from tests.unit.report.listening_sample import HOSTILE, chunk, report, sample, sound, take


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> lxml.html.HtmlElement:
    return written(tmp_path_factory.mktemp("page"), sample())


def written(folder: Path, listening: ListeningReport, **bound: int) -> lxml.html.HtmlElement:
    target = folder / "report.html"
    write_report(target, listening, lambda take: sound(), **bound)
    return lxml.html.fromstring(target.read_text("utf-8"))


def text_of(page: lxml.html.HtmlElement, path: str) -> str:
    (found,) = page.xpath(path)
    return " ".join(found.text_content().split())


def test_the_worst_chunks_are_first_and_those_that_want_attention_are_open(page: lxml.html.HtmlElement) -> None:
    chunks = page.xpath("//article")
    assert [(part.get("data-number"), part.get("data-group")) for part in chunks] == [
        ("2", "fail"),
        ("4", "fail"),
        ("5", "inconclusive"),
        ("6", "inconclusive"),
        ("3", "retaken"),
        ("1", "pass"),
        ("7", "pass"),
        ("8", "pass"),
    ]
    assert [bool(part.xpath("details[@open]")) for part in chunks] == [True] * 5 + [False] * 3


def test_the_top_counts_and_names_the_exceptions(page: lxml.html.HtmlElement) -> None:
    facts = [
        (" ".join(fact.xpath("dt")[0].text_content().split()), fact.xpath("dd")[0].text_content())
        for fact in page.xpath("//dl[@class='facts']/div")
    ]
    assert facts == [
        ("chunks", "8"),
        ("passed", "4"),
        ("inconclusive", "2"),
        ("failed", "2"),
        ("spoken again", "2"),
        ("transcribed", "6"),
        ("loudness", "−19.0 LUFS"),
        ("true peak", "−3.1 dBTP"),
    ]
    assert text_of(page, "//p[contains(@class, 'outcome')][1]").startswith("2 of 8 chunks failed")
    named = [[link.get("href") for link in part.xpath(".//a")] for part in page.xpath("//ul[@class='named']")]
    assert named == [["#chunk-2", "#chunk-4"], ["#chunk-5", "#chunk-6"]]
    second = "//p[contains(@class, 'outcome')][2]"
    assert text_of(page, second) == "2 of 8 chunks are inconclusive: worth a listen. By chunk:"
    assert (
        text_of(page, "//header//code")
        == "rhapsode redo the-tide-clock-0123456789ab --chunks 2,4 --library 'my library'"
    )


def test_every_chunk_says_where_it_is_and_how_to_redo_it(page: lxml.html.HtmlElement) -> None:
    for part in page.xpath("//article"):
        number = part.get("data-number")
        assert f"--chunks {number} " in part.xpath(".//code")[0].text_content()
        assert part.xpath(".//span[@class='start']")[0].text_content() == f"0:0{int(number) // 6}:{int(number) % 6}0"
    silent = page.xpath("//p[@class='silent']/text()")
    assert "No audio of it in this page; in the book it is heard at 0:01:10." in silent


def test_takes_stand_side_by_side_with_reasons_and_the_words_that_differ(page: lxml.html.HtmlElement) -> None:
    takes = page.xpath("//article[@id='chunk-4']//section")
    assert [len(part.xpath(".//audio")) for part in takes] == [1, 1, 1]
    assert ["accepted" in part.get("class") for part in takes] == [False, True, False]
    assert takes[1].xpath(".//ul[@class='reasons']/li/text()") == ["1 word is missing"]
    words = takes[1].xpath("p[@class='words']")[0]
    assert words.xpath("string(del)") == "missing: he said."
    assert words.xpath("string(ins)") == "added: and again"
    assert words.xpath("string(span[@class='other'])") == "came heard as game"
    assert words.xpath("string(span[@class='alike'])") == "in,"
    assert words.xpath("span[@class='alike']")[0].get("title") == "heard as: inn"


def test_a_second_opinion_is_shown_as_it_was_heard(tmp_path: Path) -> None:
    page = written(tmp_path, report((chunk(1, take(1, second=HOSTILE)), chunk(2, take(1, second="")))))
    assert text_of(page, "//article[@id='chunk-1']//p[@class='source']") == f"Second opinion {HOSTILE}"
    assert text_of(page, "//article[@id='chunk-2']//p[@class='source']") == "Second opinion nothing"


def test_the_book_is_quoted_where_other_words_were_said(page: lxml.html.HtmlElement) -> None:
    assert text_of(page, "//article[@id='chunk-8']//p[@class='source']") == "In the book It cost £3."
    assert not page.xpath("//article[@id='chunk-7']//p[@class='source']")  # only its quotation marks differ


def test_a_take_that_nobody_listened_to_says_so(page: lxml.html.HtmlElement) -> None:
    assert "not transcribed" in text_of(page, "//article[@id='chunk-7']//summary")


def test_a_chunk_without_a_take_has_failed(page: lxml.html.HtmlElement) -> None:
    assert "There is no take of it." in text_of(page, "//article[@id='chunk-2']")


def test_what_comes_from_a_book_is_never_markup(page: lxml.html.HtmlElement) -> None:
    assert page.xpath("//title/text()") == [f"The Tide Clock {HOSTILE}: listening report"]
    assert page.xpath("string(//h1)") == f"The Tide Clock {HOSTILE}"
    assert HOSTILE in page.xpath("string(//article[@id='chunk-6']//p[@class='words'])")
    assert page.xpath("//article[@id='chunk-6']//ul[@class='reasons']/li/text()") == [HOSTILE]
    assert page.xpath("//select/option[@value='2']/text()") == [f"2. Two {HOSTILE}"]
    assert len(page.xpath("//script")) == 1
    assert not page.xpath("//img")
    assert not [name for element in page.iter() for name in element.attrib if name.startswith("on") or name == "style"]


def test_the_policy_allows_the_one_style_and_script_of_the_page_and_no_network(page: lxml.html.HtmlElement) -> None:
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    for element in ("style", "script"):
        texts = page.xpath(f"//{element}/text()")
        digests = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]
        assert f"; {element}-src {' '.join(digests)}; " in policy
        assert not re.search(r"https?:|url\(|@import", "".join(texts))
    assert policy.startswith("default-src 'none'; media-src data:; ")
    assert "unsafe" not in policy
    loaded = [*page.xpath("//@src"), *page.xpath("//@href")]
    assert loaded
    assert all(link.startswith(("data:audio/mpeg;base64,", "#chunk-")) for link in loaded)


@pytest.mark.parametrize(
    ("verdict", "says"), [(Verdict.PASS, "No defect was found"), (Verdict.INCONCLUSIVE, "Nothing")]
)
def test_the_outcome_is_said_first(tmp_path: Path, verdict: Verdict, says: str) -> None:
    page = written(tmp_path, report((chunk(1, take(1, verdict)), chunk(2, take()))))
    assert text_of(page, "//p[contains(@class, 'outcome')]").startswith(says)


def test_audio_is_carried_for_the_worst_up_to_the_bound(tmp_path: Path) -> None:
    one = len(clip_of(sound()).uri)
    listening = sample()
    asked: list[ReportTake] = []

    def load(take: ReportTake) -> Audio:
        asked.append(take)
        return sound()

    target = tmp_path / "report.html"
    write_report(target, listening, load, audio_bytes=4 * one)
    page = lxml.html.fromstring(target.read_text("utf-8"))
    # All three takes of chunk 4, and that of 5; then there is no room, and nothing better is heard instead.
    assert [part.get("data-number") for part in page.xpath("//article[.//audio]")] == ["4", "5"]
    assert sum(map(len, page.xpath("//audio/@src"))) == 4 * one
    assert "the worst 2 of 5" in page.text_content()
    assert len(asked) == 5
    assert not written(tmp_path, listening, audio_bytes=0).xpath("//audio")


def test_nothing_is_encoded_for_chunks_that_passed_at_once(tmp_path: Path) -> None:
    def load(take: ReportTake) -> Audio:
        raise AssertionError(take)

    write_report(tmp_path / "report.html", report((chunk(1, take()),)), load)
    assert "carries no audio" in (tmp_path / "report.html").read_text("utf-8")


def test_a_clip_is_the_take_in_small() -> None:
    audio = sound(3.0)
    kind, data = clip_of(audio).uri.split(",")
    samples, rate_hz = sf.read(io.BytesIO(b64decode(data)))
    assert kind == "data:audio/mpeg;base64"
    assert len(samples) / rate_hz == pytest.approx(3.0, abs=0.1)
    assert np.abs(samples).max() == pytest.approx(9000 / 32768, rel=0.2)
    assert len(data) < 3.0 * 8000


@pytest.mark.parametrize("length", [0, 1, 100, BARS, 10_007])
def test_a_waveform_has_a_bar_for_every_stretch(length: int) -> None:
    bars = re.findall(r"M([\d.]+) ([\d.]+)v([\d.]+)", bars_of(Audio(np.full(length, -32768, np.int16), 24_000)))
    assert len(bars) == min(BARS, max(1, length))
    assert all(0 <= float(x) <= BARS for x, _, _ in bars)
    assert {float(height) for _, _, height in bars} == ({40.0} if length else {0.8})


def test_plots_keep_every_figure_inside() -> None:
    assert [pace_y(pace) for pace in (9.0, 4.0, 2.0, 1.0, 0.5, 0.0, None)] == [0, 0, 25, 50, 75, 100, None]
    assert [wer_y(wer) for wer in (0.0, 0.25, 1.0, 3.0, None)] == [HEIGHT, HEIGHT / 2, 0, 0, None]


def test_every_chunk_in_the_book_is_a_point(page: lxml.html.HtmlElement) -> None:
    points = dict(zip(page.xpath("//article/@data-number"), page.xpath("//article/@data-point"), strict=True))
    assert points["2"] == ""  # it has no take
    assert points["1"] == "111.1 50.0 100.0"
    assert points["7"] == "777.8 50.0 -"
    dots = page.xpath("//figure[@data-plot='wer']//path[@class='dots fail']/@d")
    assert dots == [f"M444.4 {wer_y(0.67):.1f}h0"]


def test_six_thousand_chunks_are_a_page_that_opens(tmp_path: Path) -> None:
    words = "The lamps were lit along the harbour wall, and nobody had yet asked who would pay for the oil. " * 2
    write_report(
        tmp_path / "report.html", report(tuple(chunk(n, take(said=words), text=words) for n in range(1, 6001))), sound
    )
    assert (tmp_path / "report.html").stat().st_size < 10_000_000


def test_numbers_are_written_as_redo_reads_them() -> None:
    assert runs_of([3, 17, 18, 19, 21]) == "3,17-19,21"
    assert runs_of([]) == ""
