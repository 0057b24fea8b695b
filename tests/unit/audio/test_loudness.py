from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from rhapsode.audio.encode import Mark, Tags, encode_m4b
from rhapsode.audio.ffmpeg import find_ffmpeg
from rhapsode.audio.joins import render
from rhapsode.audio.loudness import BLOCK_S, LIMITER_DB, Gain, Meter, integrated_lufs, static_gain
from rhapsode.errors import AudioError
from rhapsode.model import Samples, Timeline
from rhapsode.settings import AudioSettings
from tests.unit.audio.conftest import RATE, decode, laid_out, sine, takes_of


def book_of(waves: list[Samples], audio_settings: AudioSettings) -> tuple[list[Timeline], Gain, Samples]:
    """Each wave is a chapter of one take."""
    takes = takes_of(waves)
    timelines = [laid_out(number, "", [take], audio_settings) for number, take in enumerate(takes, start=1)]
    gain = static_gain(timelines, audio_settings)
    audio = {key: take for _, key, _, take in takes}
    blocks = [
        block
        for timeline in timelines
        for block in render(
            timeline, lambda places: (audio[place.key] for place in places), audio_settings, gain.gain_db
        )
    ]
    return timelines, gain, np.concatenate(blocks)


def pyloudnorm_lufs(samples: Samples) -> float:
    return float(pyloudnorm.Meter(RATE).integrated_loudness(samples / 32768))


def ffmpeg_lufs_and_peak(samples: Samples) -> tuple[float, float]:
    command = [find_ffmpeg().path, "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
    command += ["-af", "ebur128=peak=true:dualmono=false", "-f", "null", "-"]
    said = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=True).stderr.decode()
    summary = said[said.rindex("Summary:") :]
    loudness, peak = re.search(r"I:\s+(-?[\d.]+) LUFS", summary), re.search(r"Peak:\s+(-?[\d.]+) dBFS", summary)
    assert loudness and peak
    return float(loudness[1]), float(peak[1])


@pytest.mark.parametrize("piece", [777, 2400, 100_000])
def test_the_meter_agrees_with_pyloudnorm_whatever_the_pieces(speech: list[Samples], piece: int) -> None:
    signal = np.concatenate([*speech, np.zeros(RATE, np.int16), speech[0] // 8])
    meter = Meter(RATE)
    for start in range(0, len(signal), piece):
        meter.feed(signal[start : start + piece])
    assert integrated_lufs(meter.blocks) == pytest.approx(pyloudnorm_lufs(signal), abs=0.1)


@pytest.mark.parametrize("target_lufs", [-19.0, -24.0])
def test_a_book_of_speech_reaches_its_loudness_under_its_ceiling(speech: list[Samples], target_lufs: float) -> None:
    # One chapter is whispered: the gain is one for the book and not one a chapter.
    audio_settings = AudioSettings(loudness_lufs=target_lufs)
    timelines, gain, book = book_of([*speech, speech[1] // 6], audio_settings)
    assert not gain.limited_by_peak
    assert gain.loudness_lufs_after == pytest.approx(target_lufs, abs=0.05)
    assert gain.gain_db == pytest.approx(target_lufs - gain.loudness_lufs_before, abs=0.3)

    lufs, peak_dbtp = ffmpeg_lufs_and_peak(book)
    assert pyloudnorm_lufs(book) == pytest.approx(target_lufs, abs=0.3)
    assert lufs == pytest.approx(target_lufs, abs=0.4)
    assert peak_dbtp <= audio_settings.ceiling_dbtp
    assert gain.true_peak_dbtp_after <= audio_settings.ceiling_dbtp
    assert len(timelines) == 4


@pytest.mark.parametrize("bitrate_kbps", [32, 64])
def test_the_finished_file_keeps_loudness_and_ceiling(tmp_path: Path, speech: list[Samples], bitrate_kbps: int) -> None:
    audio_settings = AudioSettings(bitrate_kbps=bitrate_kbps)
    _, _, book = book_of(speech, audio_settings)
    mark = Mark("", 0, len(book))
    encode_m4b(tmp_path / "book.m4b", [book], [mark], Tags("T"), None, RATE, audio_settings)
    lufs, peak_dbtp = ffmpeg_lufs_and_peak(decode(tmp_path / "book.m4b"))
    assert lufs == pytest.approx(audio_settings.loudness_lufs, abs=0.5)
    assert peak_dbtp <= audio_settings.ceiling_dbtp


def test_without_the_limiter_at_work_the_prediction_is_exact(speech: list[Samples]) -> None:
    _, gain, book = book_of(speech, AudioSettings(loudness_lufs=-32))
    assert gain.limiter_db == 0
    assert pyloudnorm_lufs(book) == pytest.approx(-32, abs=0.1)
    assert ffmpeg_lufs_and_peak(book)[1] == pytest.approx(gain.true_peak_dbtp_after, abs=0.25)


def test_a_book_with_a_scream_gets_less_gain(speech: list[Samples]) -> None:
    scream = sine(1000, 0.002, amplitude=32_000)
    audio_settings = AudioSettings()
    _, gain, book = book_of([*(wave // 8 for wave in speech), np.concatenate([speech[0] // 8, scream])], audio_settings)
    assert gain.limited_by_peak
    assert gain.limiter_db == pytest.approx(LIMITER_DB)
    assert gain.loudness_lufs_after < audio_settings.loudness_lufs - 1
    assert ffmpeg_lufs_and_peak(book)[1] <= audio_settings.ceiling_dbtp


def test_the_histograms_of_chapters_add_up(speech: list[Samples]) -> None:
    audio_settings = AudioSettings()
    timelines = [laid_out(1, "", [take], audio_settings) for take in takes_of(speech)]
    together = laid_out(1, "", takes_of(speech), audio_settings)
    of_chapters, of_one = static_gain(timelines, audio_settings), static_gain([together], audio_settings)
    assert of_chapters.loudness_lufs_before == pytest.approx(of_one.loudness_lufs_before, abs=0.1)


def test_takes_that_were_measured_alone_add_up_to_their_chapter(speech: list[Samples]) -> None:
    """Pauses between sentences are shorter than a block: some blocks hold two takes, and are counted as two."""
    audio_settings = AudioSettings()
    assert audio_settings.pauses.sentence < BLOCK_S
    takes = takes_of([*speech, speech[0]])
    timeline = laid_out(1, "", takes, audio_settings)
    audio = {key: take for _, key, _, take in takes}
    chapter = np.concatenate(
        list(render(timeline, lambda places: (audio[place.key] for place in places), audio_settings, -20.0))
    )
    meter = Meter(RATE)
    meter.feed(chapter)
    assert integrated_lufs(timeline.loudness_blocks) - 20 == pytest.approx(integrated_lufs(meter.blocks), abs=0.1)


@pytest.mark.parametrize("wave", [np.zeros(RATE, np.int16), np.tile([1, -1], RATE).astype(np.int16)])
def test_a_silent_book_is_an_error(wave: Samples) -> None:
    timeline = laid_out(1, "", takes_of([wave]), AudioSettings())
    with pytest.raises(AudioError, match="silent"):
        static_gain([timeline], AudioSettings())


def test_no_chapters_are_a_silent_book() -> None:
    with pytest.raises(AudioError, match="silent"):
        static_gain([], AudioSettings())


def test_the_histogram_has_steps_of_a_tenth() -> None:
    meter = Meter(RATE)
    meter.feed(sine(997, 3.0, amplitude=32768 * 10 ** (-20 / 20)))
    assert all(level == round(level, 1) for level in meter.blocks)
    assert max(meter.blocks) == pytest.approx(-23, abs=0.2)  # mono: a sine of -20 dBFS peak has -23 LUFS (BS.1770-4)
