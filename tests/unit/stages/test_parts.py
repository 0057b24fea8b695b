"""Takes that are spoken in parts: one object, made of what each part is when it is spoken alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode.engines import registry
from rhapsode.errors import SynthesisFailed, WeightsDamaged
from rhapsode.model import EngineIdentity, Order, Reading, Stack, Take
from rhapsode.recipe import later_job, utterance
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.decode import decode_job
from rhapsode.stages.jobs import OpenJob, job_is_done
from rhapsode.stages.parts import PAUSE_S
from rhapsode.stages.plan import parse_book, plan_chunks
from rhapsode.stages.speak import job_is_spoken, speak_job
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.objects import find_take
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from rhapsode.store.tokens import find_tokens
from tests.coded import Coded
from tests.faulty import Watched, install

ONE, TWO, THREE = "The lamps went out.", "Nobody spoke.", "It rained."
JOB = later_job(1, [Order(3, 2, parts=(ONE, TWO)), Order(5, 2, parts=(TWO, THREE)), Order(8, 2)])
"""Two chunks share a part."""


class Elsewhere(Watched):
    @property
    def stack(self) -> Stack:
        return replace(super().stack, precision="elsewhere")


def planned(booklet: Path, library: Path) -> Reading:
    return plan_chunks(
        request := ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.TONE), parse_book(request)
    )


def rows_of(reading: Reading) -> dict[int, TakeRow]:
    folder = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)
    return {row.chunk: row for row in folder.read_takes()}


def alone(engine: Watched, text: str) -> Take:
    one = utterance(text, engine.voices[0], engine.sampling, engine.stack.weights_digest, engine.stack.precision, 2)
    with engine.session() as session:
        [take] = session.speak([one])
    return take


def test_parts_are_joined_into_one_take(booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    reading = planned(booklet, tmp_path)
    report = speak_job(reading, JOB)
    assert (report.spoken, report.reused, report.undecoded) == (3, 0, 0)
    assert engine.spoken.count(TWO) == 1, "a part that two chunks share is spoken once"
    library, rows = open_library(reading.library), rows_of(reading)
    assert len(library.list("objects")) == 3 and job_is_done(reading, JOB)
    stored = find_take(library, rows[3].key)
    assert stored and stored.provenance["parts"] == [ONE, TWO]
    first, second = (alone(engine, text).audio for text in (ONE, TWO))
    assert first and second
    samples, rate = stored.audio.samples, stored.sample_rate_hz
    assert np.array_equal(samples[: rate // 2], first.samples[: rate // 2])
    assert np.array_equal(samples[-rate // 2 :], second.samples[-rate // 2 :])
    assert stored.audio.duration_s == pytest.approx(first.duration_s + second.duration_s + PAUSE_S, abs=0.5)

    engine.spoken.clear()
    again = speak_job(reading, JOB)
    assert (again.spoken, again.reused, engine.spoken) == (0, 3, [])


def test_a_take_in_parts_does_not_depend_on_its_company(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Watched())
    together, by_itself = planned(booklet, tmp_path / "one"), planned(booklet, tmp_path / "two")
    speak_job(together, JOB)
    speak_job(by_itself, later_job(1, [JOB.orders[1]]))
    assert rows_of(together)[5].sha256 == rows_of(by_itself)[5].sha256


def test_a_part_may_be_a_chunk_of_its_own(booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    reading = planned(booklet, tmp_path)
    job = later_job(1, [Order(3, 2, parts=(ONE, TWO)), Order(8, 2, text=TWO)])
    assert speak_job(reading, job).spoken == 2 and sorted(engine.spoken) == sorted([ONE, TWO])
    assert {chunk: row.spoken for chunk, row in rows_of(reading).items()}[8] == TWO


def test_a_part_that_cannot_be_spoken_fails_its_chunks_and_no_others(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched(refuses=lambda text: text == ONE)
    install(monkeypatch, engine)
    reading = planned(booklet, tmp_path)
    with pytest.raises(SynthesisFailed) as failed:
        speak_job(reading, JOB)
    assert failed.value.chunks == (3,) and engine.refused == [ONE]
    assert len(open_library(reading.library).list("objects")) == 2
    engine.refuses = lambda text: False
    assert speak_job(reading, JOB).reused == 2
    assert set(rows_of(reading)) == {3, 5, 8}


def test_parts_that_are_tokens_are_decoded_by_themselves(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Coded()
    install(monkeypatch, engine)
    reading = planned(booklet, tmp_path)
    assert speak_job(reading, JOB).undecoded == 3
    assert job_is_spoken(reading, JOB) and not job_is_done(reading, JOB)
    decode_job(reading, JOB)
    row = rows_of(reading)[3]
    tokens = find_tokens(open_library(reading.library), row.key)
    assert tokens and tokens.ids == tuple(map(ord, ONE + TWO)) and row.token_count == len(tokens.ids)
    assert engine.decoded[:2] == [ONE, TWO] and len(engine.decoded) == 5
    first, second = (engine.codec.decode(tuple(map(ord, text)), 0) for text in (ONE, TWO))
    assert row.duration_s == pytest.approx(first.duration_s + second.duration_s + PAUSE_S, abs=0.5)


def test_another_engine_speaks_where_an_order_names_one(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, other = Watched(), Elsewhere()
    install(monkeypatch, usual)
    monkeypatch.setitem(registry.ENGINES, EngineName.HIBARI, lambda: other)
    reading = planned(booklet, tmp_path)
    identity = EngineIdentity("hibari", other.stack.weights_digest, other.stack.precision)
    job = later_job(5, [Order(3, 6, engine=identity)])
    speak_job(reading, job)
    assert usual.spoken == [] and len(other.spoken) == 1
    row = rows_of(reading)[3]
    assert (row.engine, row.precision) == ("hibari", "elsewhere")
    with pytest.raises(WeightsDamaged, match="in elsewhere here"):
        speak_job(reading, later_job(5, [Order(3, 6, engine=replace(identity, precision="int16"))]))
    [usually] = OpenJob(reading, later_job(5, [Order(3, 6)])).utterances
    assert row.key != usually
