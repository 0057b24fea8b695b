"""A finished book that is not what it should be is refused: real speech, real files, and a recogniser that listens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.audio.encode import Encoded, encode_m4b
from rhapsode.audio.joins import render
from rhapsode.audio.titles import Mark
from rhapsode.errors import GateFailed
from rhapsode.model import Audio, Flaw, Placed, Reading, Samples, Timeline, Verdict
from rhapsode.recipe import first_job
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, Format
from rhapsode.stages import publish
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.publish import publish_edition
from rhapsode.stages.speak import speak_job
from rhapsode.store.editions import Edition, load_edition
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

RATE = 24_000
Load = Callable[[Placed], Audio]


@dataclass(frozen=True, slots=True)
class Spoken:
    """The example story, spoken and laid out, ready to be published any number of times."""

    reading: Reading
    accepted: str
    timelines: tuple[str, ...]

    @property
    def shelf(self) -> Shelf:
        return Shelf(open_library(self.reading.library), self.reading.shelf)

    def publish(self, bitrate_kbps: int, **options: Any) -> Edition:
        """Another bitrate is another edition."""
        settings = AudioSettings(bitrate_kbps=bitrate_kbps)
        return publish_edition(self.reading, self.accepted, self.timelines, settings, **options)

    def without(self, *missing: int) -> Spoken:
        """The same without the takes of some chunks."""
        folder = ReadingFolder(self.shelf, self.reading.key)
        rows = [row for row in folder.load_accepted(self.accepted) if row.chunk not in missing]
        return laid_out(self.reading, folder.save_accepted(rows))


def laid_out(reading: Reading, accepted: str) -> Spoken:
    timelines = tuple(assemble_chapter(reading, accepted, n, AudioSettings()) for n in chapters_of(reading))
    return Spoken(reading, accepted, timelines)


@pytest.fixture(scope="module")
def spoken(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    library = str(tmp_path_factory.mktemp("library"))
    request = ConvertRequest(epub=str(story), library=library, engine=EngineName.HIBARI)
    reading = plan_chunks(request, parse_book(request))
    for chunk_range in load_plan(reading).ranges:
        speak_job(reading, first_job(chunk_range))
    folder = ReadingFolder(Shelf(open_library(library), reading.shelf), reading.key)
    return laid_out(reading, folder.save_accepted(folder.read_takes()))


@pytest.fixture(scope="module")
def edition(spoken: Spoken) -> Edition:
    return spoken.publish(64)


def test_a_good_book_is_heard_at_every_mark_and_published(spoken: Spoken, edition: Edition) -> None:
    assert edition.gate is not None
    for check in edition.gate.checks:
        print(check)
    assert [check.verdict for check in edition.gate.checks] == [Verdict.PASS] * 7
    chapters = len(edition.chapters)
    summary = f"{chapters} of {chapters} chapters begin with their first take; {chapters} were listened to"
    assert edition.gate.checks[-1].summary == summary
    assert edition.gate.loudness_lufs == pytest.approx(-19, abs=0.5)
    assert -6 < edition.gate.true_peak_dbtp <= -2.9
    assert load_edition(spoken.shelf, edition.number) == edition


def shifted(target: Path, pcm: Iterator[Samples], marks: Sequence[Mark], *rest: Any) -> Encoded:
    """All marks but the first stand 5 s too late."""
    late = 5 * RATE
    first, *middle, last = marks
    moved = [replace(mark, start=mark.start + late) for mark in middle]
    last = replace(last, start=last.start + late, length=last.length - late)
    return encode_m4b(target, pcm, [replace(first, length=first.length + late), *moved, last], *rest)


def cut_short(target: Path, pcm: Iterator[Samples], marks: Sequence[Mark], *rest: Any) -> Encoded:
    encoded = encode_m4b(target, pcm, marks, *rest)
    os.truncate(target, encoded.size_bytes * 9 // 10)
    return encoded


def quiet(timeline: Timeline, load: Load, settings: AudioSettings, gain_db: float) -> Iterator[Samples]:
    yield from render(timeline, load, settings, gain_db - 6)


def silenced(timeline: Timeline, load: Load, settings: AudioSettings, gain_db: float) -> Iterator[Samples]:
    """The last chapter says nothing."""
    for block in render(timeline, load, settings, gain_db):
        yield block * np.int16(timeline.chapter < 3)


def exchanged(spoken: Spoken) -> Callable[..., Iterator[Samples]]:
    """Chapter 3 sounds like chapter 2, which is as long or made so."""
    other = spoken.shelf.load_timeline(spoken.timelines[1])

    def rendered(timeline: Timeline, *rest: Any) -> Iterator[Samples]:
        if timeline.chapter != 3:
            yield from render(timeline, *rest)
        else:
            wave = np.concatenate(list(render(other, *rest)))
            yield np.resize(wave, timeline.length)

    return rendered


@pytest.mark.parametrize(
    ("name", "sabotage", "says"),
    [
        (
            "encode_m4b",
            lambda _: shifted,
            r"its chapter marks: chapter 2 \(.+\), at .* s: its mark is off by \+5\.00 s",
        ),
        ("encode_m4b", lambda _: cut_short, r"its files: .*\.m4b had \d+ bytes when it was read back, and has \d+"),
        (
            "render",
            lambda _: quiet,
            r"its chapter openings: chapter 1 \(.+\).* it begins -[56]\.\d dB off the level of its take; 3 more",
        ),
        ("render", lambda _: silenced, r"its chapter openings: chapter 3 \(.+\).* are not at its mark"),
        (
            "render",
            exchanged,
            r"its chapter openings: chapter 3 \(.+\).* are not at its mark \(a recogniser heard '\w+",
        ),
    ],
    ids=["marks shifted", "cut short", "too quiet", "a chapter is silent", "another chapter"],
)
def test_a_wrong_file_is_refused(
    spoken: Spoken,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    sabotage: Callable[[Spoken], Callable[..., Any]],
    says: str,
) -> None:
    fault, done = sabotage(spoken), []

    def fired(*arguments: Any) -> Any:
        done.append(name)
        return fault(*arguments)

    monkeypatch.setattr(publish, name, fired)
    with pytest.raises(GateFailed, match=says) as refused:
        spoken.publish(72)
    print(refused.value)
    assert done
    assert "Nothing is published" in refused.value.remedy
    assert all(edition is None or edition.audio.bitrate_kbps != 72 for edition in editions(spoken))


def editions(spoken: Spoken) -> list[Edition | None]:
    return [load_edition(spoken.shelf, number) for number in range(1, 10)]


def test_a_chunk_without_a_take_must_be_named(spoken: Spoken) -> None:
    """The first chunk of the second chapter, all of the third, and one in between are missing."""
    chunks = load_plan(spoken.reading).chunks
    first = next(chunk for chunk in chunks if chunk.chapter == 2)
    third = [chunk for chunk in chunks if chunk.chapter == 3]
    missing = [first, chunks[first.number + 2], *third]
    book = spoken.without(*(chunk.number for chunk in missing))
    flaws = [Flaw(chunk.number, chunk.source, ("it could not be spoken",)) for chunk in missing]
    with pytest.raises(GateFailed, match=rf"chunk {missing[1].number} has no accepted take and is no named exception"):
        book.publish(56, exceptions=[flaws[0], *flaws[2:]])
    edition = book.publish(56, exceptions=flaws)
    assert edition.exceptions == tuple(flaws)
    assert load_edition(spoken.shelf, edition.number) == edition
    assert len(edition.chapters) == len(spoken.timelines)
    assert edition.gate is not None
    findings = [finding for check in edition.gate.checks for finding in check.findings]
    assert [(finding.chapter, finding.verdict) for finding in findings] == [(3, Verdict.INCONCLUSIVE)]
    assert 0.5 < edition.chapters[2].duration_s < spoken.shelf.load_timeline(spoken.timelines[2]).length / RATE


def test_a_file_a_chapter_is_heard_as_well(spoken: Spoken) -> None:
    """At the lowest bitrate there is."""
    settings = AudioSettings(format=Format.MP3, bitrate_kbps=24)
    edition = publish_edition(spoken.reading, spoken.accepted, spoken.timelines, settings)
    assert edition.gate is not None
    assert [check.verdict for check in edition.gate.checks] == [Verdict.PASS] * 7


def test_nobody_needs_to_listen(spoken: Spoken) -> None:
    edition = spoken.publish(48, recogniser=None)
    assert edition.gate is not None
    assert edition.gate.checks[-1].summary.endswith(
        "begin with their first take; nobody listened: it was not asked for"
    )
    assert edition.gate.checks[-1].verdict is Verdict.PASS
