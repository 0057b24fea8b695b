from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.audio import joins
from rhapsode.audio.joins import LEAD_IN_S, lay_out, outline, render, trim
from rhapsode.errors import AudioError
from rhapsode.model import Audio, Boundary, Placed, Samples
from rhapsode.settings import AudioSettings, Pauses
from tests.unit.audio.conftest import RATE, Take, chunk, laid_out, sine, takes_of

SETTINGS = AudioSettings()


def rendered(takes: list[Take], audio_settings: AudioSettings = SETTINGS, gain_db: float = 0.0) -> list[Samples]:
    timeline = laid_out(1, "One", iter(takes), audio_settings)
    audio = {key: take for _, key, _, take in takes}
    return list(render(timeline, lambda places: (audio[place.key] for place in places), audio_settings, gain_db))


@st.composite
def some_takes(draw: st.DrawFn) -> list[Take]:
    takes = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        silences = [np.zeros(draw(st.integers(0, 9000)), np.int16) for _ in range(2)]
        loud = draw(st.integers(0, 12_000))
        noise = np.random.default_rng(number).integers(-32768, 32767, loud, dtype=np.int16, endpoint=True)
        take = np.concatenate([silences[0], noise, silences[1]])
        takes.append((chunk(number, draw(st.sampled_from(Boundary))), f"k{number}", "", Audio(take, RATE)))
    return takes


@settings(max_examples=40, deadline=None)
@given(takes=some_takes(), gain_db=st.floats(-20, 20), pause=st.floats(0, 2))
def test_a_chapter_is_as_long_as_the_sum_of_its_parts(takes: list[Take], gain_db: float, pause: float) -> None:
    audio_settings = AudioSettings(pauses=Pauses(sentence=pause))
    timeline = laid_out(7, "Seven", iter(takes), audio_settings)
    blocks = rendered(takes, audio_settings, gain_db)

    parts = [place.trim_end - place.trim_start + place.pause for place in timeline.placed]
    assert timeline.length == timeline.lead_in + sum(parts) == sum(map(len, blocks))
    assert [len(block) for block in blocks] == [timeline.lead_in, *parts]
    starts = itertools.accumulate(parts[:-1], initial=timeline.lead_in)
    assert [place.start for place in timeline.placed] == list(starts)
    assert all(block.dtype == np.int16 for block in blocks)
    loudest = max(np.abs(block.astype(np.int32)).max(initial=0) for block in blocks)
    assert loudest <= 32768 * 10 ** (audio_settings.ceiling_dbtp / 20)  # full-scale noise, up to 20 dB louder
    for place, (asked, _, _, audio) in zip(timeline.placed, takes, strict=True):
        assert 0 <= place.trim_start <= place.trim_end <= len(audio.samples)
        assert place.pause == round(getattr(audio_settings.pauses, asked.boundary.value) * RATE)


def test_only_one_take_is_asked_for_at_a_time() -> None:
    timeline = laid_out(1, "One", takes_of([sine(200, 0.5)] * 3), SETTINGS)
    loaded: list[int] = []

    def load(places: Sequence[Placed]) -> Iterator[Audio]:
        for place in places:
            loaded.append(place.number)
            yield Audio(sine(200, 0.5), RATE)

    blocks = render(timeline, load, SETTINGS, 0.0)
    next(blocks)
    assert loaded == []
    next(blocks)
    assert loaded == [1]


def test_trimming_keeps_soft_consonants_and_a_margin() -> None:
    silence = np.zeros(RATE, np.int16)
    vowel = sine(200, 0.3)
    hiss = np.random.default_rng(0).normal(0, 32768 * 10 ** (-62 / 20), RATE // 5).astype(np.int16)  # peaks at -52 dBFS
    take = np.concatenate([silence, hiss, vowel, hiss, silence])
    start, end = trim(Audio(take, RATE))
    assert RATE - 0.06 * RATE < start < RATE - 0.03 * RATE
    spoken_end = RATE + len(vowel) + 2 * len(hiss)
    assert spoken_end + 0.06 * RATE < end < spoken_end + 0.1 * RATE


@pytest.mark.parametrize("length", [0, 1, 100, RATE])
def test_a_take_without_sound_is_kept_whole(length: int) -> None:
    assert trim(Audio(np.zeros(length, np.int16), RATE)) == (0, length)


def test_the_loudest_negative_sample_is_no_silence() -> None:
    assert trim(Audio(np.full(RATE, -32768, np.int16), RATE)) == (0, RATE)


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


def test_joins_do_not_click(monkeypatch: pytest.MonkeyPatch) -> None:
    # The takes begin and end in full swing, without silence to trim.
    wave = sine(200, 0.4)[30:-30]
    blocks = rendered(takes_of([wave] * 4))
    tone = steepest(blocks[0])
    assert steepest(np.concatenate(blocks)) <= steepest(wave) + tone

    monkeypatch.setattr(joins, "FADE_S", 0.0)
    assert steepest(np.concatenate(rendered(takes_of([wave] * 4)))) > 5 * steepest(wave)


def test_speech_in_the_middle_of_a_take_is_only_made_louder(speech: list[Samples]) -> None:
    gain_db = 3.0
    [take] = takes_of(speech[:1])
    timeline = laid_out(1, "One", [take], SETTINGS)
    place = timeline.placed[0]
    heard = take[3].samples[place.trim_start : place.trim_end] * 10 ** (gain_db / 20)
    got = rendered([take], gain_db=gain_db)[1][: len(heard)]
    soft = np.abs(heard) < 8000  # far from the limiter
    fade = round(joins.FADE_S * RATE)
    difference = np.abs(got - heard)[fade:-fade][soft[fade:-fade]]
    assert np.median(difference) < 12  # the room tone


@pytest.mark.parametrize("level_dbfs", [-72.0, -60.0])
def test_pauses_hold_room_tone_of_the_asked_level(level_dbfs: float) -> None:
    audio_settings = AudioSettings(room_tone_dbfs=level_dbfs, pauses=Pauses(sentence=10.0))
    block = rendered(takes_of([sine(200, 0.5)]), audio_settings, gain_db=12.0)[1]
    pause = block[-9 * RATE :].astype(np.float64)
    assert 20 * np.log10(np.sqrt(np.mean(pause**2)) / 32768) == pytest.approx(level_dbfs, abs=0.7)
    zeros = [len(list(run)) for value, run in itertools.groupby(pause == 0) if value]
    assert max(zeros, default=0) < 12  # samples: what a zero crossing of soft noise gives, half a millisecond


def test_chapters_follow_each_other_without_a_step() -> None:
    audio_settings = AudioSettings(room_tone_dbfs=-50.0)
    chapter = np.concatenate(rendered(takes_of([sine(200, 0.437)], Boundary.CHAPTER), audio_settings))
    tone = steepest(chapter[: RATE // 2])
    assert steepest(np.concatenate([chapter[-RATE:], chapter[: RATE // 2]])) <= tone * 1.1


def test_rendering_twice_gives_the_same_samples(speech: list[Samples]) -> None:
    first, second = (np.concatenate(rendered(takes_of(speech), gain_db=7.0)) for _ in range(2))
    assert np.array_equal(first, second)


def test_takes_of_two_sample_rates_do_not_make_a_chapter() -> None:
    takes = takes_of([sine(200, 0.5)] * 2)
    takes[1] = (*takes[1][:3], Audio(sine(200, 0.5), 44_100))
    with pytest.raises(AudioError, match="Chunk 2 has 44100 Hz"):
        laid_out(1, "One", takes, SETTINGS)


def test_a_chapter_without_takes_is_an_error() -> None:
    with pytest.raises(AudioError, match=r"Chapter 3 \(Three\) has no takes"):
        laid_out(3, "Three", [], SETTINGS)


def test_another_take_than_the_one_laid_out_is_noticed() -> None:
    timeline = laid_out(2, "Two", takes_of([sine(200, 0.5)]), SETTINGS)
    with pytest.raises(AudioError, match="chunk 1 is not the one that was laid out in chapter 2"):
        list(render(timeline, lambda places: (Audio(sine(200, 0.1), RATE) for _ in places), SETTINGS, 0.0))


def test_a_chunk_without_a_take_leaves_its_pause() -> None:
    takes = [(chunk, key, sha256, outline(audio)) for chunk, key, sha256, audio in takes_of([sine(200, 0.5)] * 5)]
    whole = lay_out(1, "One", takes, SETTINGS, RATE)
    gone = [(*take[:3], None if number in (1, 3, 5) else take[3]) for number, take in enumerate(takes, start=1)]
    timeline = lay_out(1, "One", gone, SETTINGS, RATE)
    pause = whole.placed[0].pause
    lost = sum(whole.placed[index].trim_end - whole.placed[index].trim_start for index in (0, 2, 4))
    assert [place.number for place in timeline.placed] == [2, 4]
    assert timeline.lead_in == timeline.placed[0].start == whole.lead_in + pause
    assert [place.pause for place in timeline.placed] == [2 * pause, 2 * pause]
    assert timeline.length == whole.length - lost
    assert timeline.length == timeline.lead_in + sum(p.trim_end - p.trim_start + p.pause for p in timeline.placed)


def test_a_chapter_without_any_take_is_silent() -> None:
    takes = [(chunk, "", "", None) for chunk, *_ in takes_of([sine(200, 0.5)] * 2)]
    timeline = lay_out(1, "One", takes, SETTINGS, RATE)
    assert timeline.placed == ()
    assert (
        sum(map(len, render(timeline, lambda places: map(pytest.fail, places), SETTINGS, 0.0)))
        == timeline.length
        == timeline.lead_in
    )
    assert timeline.length == round((LEAD_IN_S + 2 * SETTINGS.pauses.sentence) * RATE)
