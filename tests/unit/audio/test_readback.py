"""The read-back notices what an encoder, a full disk or another program may do to a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutagen.mp4 import MP4, MP4Cover

from rhapsode.audio import encode
from rhapsode.audio.cover import cover_jpeg
from rhapsode.audio.encode import Mark, encode_m4b
from rhapsode.audio.loudness import integrated_lufs
from rhapsode.audio.readback import Sent, excerpt, marks_of, read_back
from rhapsode.audio.titles import Tags
from rhapsode.errors import ReadBackMismatch
from rhapsode.model import Metadata
from rhapsode.settings import AudioSettings
from tests.unit.audio.conftest import RATE, sine

LENGTH = 30_011
MARKS = [Mark(f"Chapter {number}", (number - 1) * LENGTH, LENGTH) for number in range(1, 11)]
TAGS = Tags("A Book", artist="A. Writer", series="Series")
COVER = cover_jpeg(None, Metadata("A Book"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sent]:
    """A good file and what was sent."""
    kept: list[Sent] = []
    target = tmp_path_factory.mktemp("readback") / "good.m4b"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "read_back", lambda path, sent: kept.append(sent))
        pcm = (sine(200 + mark.start % 100, LENGTH / RATE) for mark in MARKS)
        encode_m4b(target, pcm, MARKS, TAGS, COVER, RATE, AudioSettings())
    read_back(target, kept[0])
    return target, kept[0]


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 3000)


def lose_the_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[1000:])


def damage_a_frame(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    path.write_bytes(data)


def edit(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def sabotage(path: Path) -> None:
        file = MP4(path)
        change(file.tags)
        file.save()

    return sabotage


def swap(old: bytes, new: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes().replace(old, new)) and None


@pytest.mark.parametrize(
    ("sabotage", "says"),
    [
        (truncate, "does not decode|samples were decoded"),
        (lose_the_head, "does not decode"),
        (damage_a_frame, "does not decode"),
        (lambda path: path.write_bytes(b""), "does not decode"),
        (edit(lambda tags: tags.pop("covr")), "cover"),
        (edit(lambda tags: tags.update(covr=[MP4Cover(COVER + b"\0")])), "cover"),
        (edit(lambda tags: tags.pop("\xa9ART")), "the tag artist is None"),
        (edit(lambda tags: tags.pop("----:com.apple.iTunes:SERIES")), "the tag series is None"),
        (swap(b"Chapter 7", b"Chapter 8"), "chapter 7 is called 'Chapter 8'"),
        (swap(b"M4B ", b"qt  "), None),
    ],
)
def test_a_file_that_was_changed_is_noticed(
    tmp_path: Path, finished: tuple[Path, Sent], sabotage: Callable[[Path], None], says: str | None
) -> None:
    good, sent = finished
    path = tmp_path / "book.m4b"
    path.write_bytes(good.read_bytes())
    sabotage(path)
    if says is None:  # nothing that was promised
        read_back(path, sent)
    else:
        with pytest.raises(ReadBackMismatch, match=rf"book\.m4b is not what was sent.*({says})"):
            read_back(path, sent)


def moved(number: int, samples: int) -> list[Mark]:
    return [replace(mark, start=mark.start + samples) if mark.title.endswith(f" {number}") else mark for mark in MARKS]


@pytest.mark.parametrize(
    ("difference", "says"),
    [
        ({"length": 10 * LENGTH - 2000}, "samples were decoded"),
        ({"length": 10 * LENGTH + 2048}, "samples were decoded"),
        ({"marks": MARKS[:-1]}, "10 chapters were read, 9 sent"),
        ({"marks": moved(3, RATE // 500)}, "chapter 3 starts at 2.500.* s, sent was 2.502"),
        ({"marks": [MARKS[1], MARKS[0], *MARKS[2:]]}, "chapter 1 is called"),
        ({"sample_rate_hz": 44_100, "marks": []}, "chapters were read"),
        ({"cover_jpeg": None}, "cover"),
        ({"tags": {"title": "Another Book"}}, "the tag title is 'A Book', sent was 'Another Book'"),
    ],
)
def test_what_differs_is_named(finished: tuple[Path, Sent], difference: dict[str, Any], says: str) -> None:
    good, sent = finished
    with pytest.raises(ReadBackMismatch, match=says):
        read_back(good, replace(sent, **difference))


def test_half_a_millisecond_is_within_the_tolerance(finished: tuple[Path, Sent]) -> None:
    good, sent = finished
    read_back(good, replace(sent, marks=moved(3, RATE // 2000)))


def test_a_file_that_fails_gets_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sabotaged(path: Path, sent: Sent) -> None:
        truncate(path)
        read_back(path, sent)

    monkeypatch.setattr(encode, "read_back", sabotaged)
    pcm = (sine(200, LENGTH / RATE) for _ in MARKS)
    with pytest.raises(ReadBackMismatch):
        encode_m4b(tmp_path / "book.m4b", pcm, MARKS, TAGS, COVER, RATE, AudioSettings())
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_hold_what_filter_graphs_treat_as_syntax(finished: tuple[Path, Sent], tmp_path: Path) -> None:
    strange = tmp_path / r"a [b],c;d'e:f\g=h %20 ä" / "x'y.m4b"
    strange.parent.mkdir()
    strange.write_bytes(finished[0].read_bytes())
    read_back(strange, finished[1])


def test_levels_are_those_of_the_file(finished: tuple[Path, Sent]) -> None:
    """A sine of 200 to 300 Hz that peaks at -12.2 dBFS: its power is 3 dB less, and the meter's offset is 0.7."""
    levels = read_back(*finished)
    assert 20 * np.log10(levels.true_peak) == pytest.approx(20 * np.log10(8000 / 32768), abs=0.3)
    assert integrated_lufs(levels.loudness_blocks) == pytest.approx(-15.9, abs=0.5)


def test_an_excerpt_begins_where_it_is_asked_for(finished: tuple[Path, Sent]) -> None:
    """Each chapter is a sine of its own pitch."""
    path = finished[0]
    for number, mark in enumerate(marks_of(path)):
        found = excerpt(path, mark.start / 1e6 + 0.1, 1.0, RATE)
        assert found.duration_s == pytest.approx(1.0, abs=0.05)
        loudest = np.abs(np.fft.rfft(found.samples)).argmax() / found.duration_s
        assert loudest == pytest.approx(200 + number * LENGTH % 100, abs=1.5)


def test_an_excerpt_ends_with_the_file(finished: tuple[Path, Sent], tmp_path: Path) -> None:
    path = finished[0]
    end_s = 10 * LENGTH / RATE
    assert excerpt(path, end_s - 0.5, 2.0, RATE).duration_s == pytest.approx(0.5, abs=0.1)
    assert excerpt(path, end_s + 5, 2.0, RATE).duration_s == 0
    (tmp_path / "none.m4b").write_bytes(b"")
    with pytest.raises(ReadBackMismatch, match=r"none\.m4b.* does not decode at 3\.0 s"):
        excerpt(tmp_path / "none.m4b", 3.0, 1.0, RATE)
