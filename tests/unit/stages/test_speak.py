"""One job: what is stored is found, what fails is named, and the others are kept."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.engines.protocol import Session
from rhapsode.errors import RunIncomplete, SynthesisFailed, WeightsDamaged
from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.jobs import JobReport, OpenJob, job_is_done
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import speak_job, speaking_at_once
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.faulty import Watched
from tests.fixtures.booklet import REFRAIN


def planned(booklet: Path, library: Path) -> tuple[Reading, Job]:
    request = ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.TONE, speed=2.0)
    reading = plan_chunks(request, parse_book(request))
    return reading, first_job(load_plan(reading).ranges[0])


def texts(reading: Reading, job: Job) -> list[str]:
    plan = load_plan(reading)
    return [plan.chunks[order.chunk - 1].spoken for order in job.orders]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.randoms(use_true_random=False))
def test_what_fails_is_named_and_the_others_are_kept(
    draw: random.Random, engine: Watched, booklet: Path, tmp_path: Path
) -> None:
    reading, job = planned(booklet, tmp_path / f"library-{draw.getrandbits(64)}")
    wanted = texts(reading, job)
    refused = set(draw.sample(sorted(set(wanted)), draw.randint(1, 6)))
    engine.refuses = lambda text: text in refused
    engine.spoken.clear()
    with pytest.raises(SynthesisFailed) as caught:
        speak_job(reading, job)
    failed = [order.chunk for order, text in zip(job.orders, wanted, strict=True) if text in refused]
    assert caught.value.message.startswith(f"{len(failed)} of the chunks could not be spoken: {failed[0]}")
    assert set(engine.spoken) == set(wanted) - refused
    library = open_library(reading.library)
    folder = ReadingFolder(Shelf(library, reading.shelf), reading.key)
    assert not folder.read_takes()
    assert sorted(row.chunk for row in folder.read_failures()) == failed
    assert len(library.list("objects")) == len(engine.spoken)
    assert not job_is_done(reading, job)

    engine.refuses = lambda text: False
    engine.spoken.clear()
    report = speak_job(reading, job)
    assert sorted(engine.spoken) == sorted(refused)
    assert (report.spoken, report.reused) == (len(failed), len(wanted) - len(failed))
    assert [row.chunk for row in folder.read_takes()] == [order.chunk for order in job.orders]
    assert job_is_done(reading, job)


def test_chunks_that_say_the_same_are_spoken_once_and_have_a_row_each(
    engine: Watched, booklet: Path, tmp_path: Path
) -> None:
    reading, job = planned(booklet, tmp_path / "library")
    assert texts(reading, job).count(REFRAIN) == 2
    speak_job(reading, job)
    assert engine.spoken.count(REFRAIN) == 1
    rows = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes()
    assert len(rows) == len(job.orders)
    assert len({row.sha256 for row in rows if row.spoken == REFRAIN}) == 1


@pytest.mark.parametrize("turns", [1, 2])
def test_more_jobs_run_than_speak_and_none_speaks_what_another_has_spoken(
    turns: int, engine: Watched, booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, job = planned(booklet, tmp_path / "library")
    jobs = [Job(0, f"part {start}", job.orders[start : start + 8]) for start in range(0, len(job.orders), 8)]
    assert len(jobs) >= 3
    speaking, most = 0, 0
    begun, all_spoken = threading.Event(), threading.Event()

    @contextmanager
    def counted() -> Iterator[Session]:
        nonlocal speaking, most
        begun.set()
        speaking += 1
        most = max(most, speaking)
        with session() as opened:
            yield opened
        speaking -= 1

    def late(work: OpenJob, rows: Sequence[TakeRow]) -> JobReport:
        # The first job is not closed before all have spoken: they can only if evidence is written outside of a turn.
        if set(engine.spoken) == set(texts(reading, job)):
            all_spoken.set()
        assert work.job != jobs[0] or all_spoken.wait(60)
        return close(work, rows)

    session, close = engine.session, OpenJob.close
    monkeypatch.setattr(engine, "session", counted)
    monkeypatch.setattr(OpenJob, "close", late)
    with speaking_at_once(turns), ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(copy_context().run, speak_job, reading, jobs[0])]
        assert begun.wait(60)
        futures += [pool.submit(copy_context().run, speak_job, reading, one) for one in jobs[1:]]
        reports = [future.result(timeout=120) for future in futures]
    assert most <= turns
    assert sum(report.spoken + report.reused for report in reports) == len(job.orders)
    if turns == 1:
        assert len(engine.spoken) == len(set(texts(reading, job))), "the refrain stands in several of the jobs"


def test_a_job_that_waits_when_the_run_ends_does_not_begin(engine: Watched, booklet: Path, tmp_path: Path) -> None:
    reading, job = planned(booklet, tmp_path / "library")
    first, second = (Job(0, f"part {start}", job.orders[start : start + 3]) for start in (0, 20))
    begun, ended = threading.Event(), threading.Event()

    def speaks(text: str) -> bool:
        begun.set()
        assert ended.wait(60)
        return False

    engine.refuses = speaks
    with ThreadPoolExecutor(2) as pool:
        with speaking_at_once(1):
            speaking = pool.submit(copy_context().run, speak_job, reading, first)
            assert begun.wait(60)
            waiting = pool.submit(copy_context().run, speak_job, reading, second)
        ended.set()
        assert speaking.result(timeout=60).spoken == 3
        with pytest.raises(RunIncomplete, match="before this job had its turn"):
            waiting.result(timeout=60)
    assert len(engine.spoken) == 3


def test_an_engine_with_other_weights_is_refused(engine: Watched, booklet: Path, tmp_path: Path) -> None:
    reading, job = planned(booklet, tmp_path / "library")
    with pytest.raises(WeightsDamaged, match="was planned with 000000000000"):
        speak_job(replace(reading, weights_digest="0" * 64), job)
    assert not engine.spoken


def test_takes_are_on_the_disk_before_the_evidence_tells_of_them(
    engine: Watched, booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, job = planned(booklet, tmp_path / "library")
    library = open_library(reading.library)
    synced: list[Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    for run in ("spoken", "found"):
        synced.clear()
        speak_job(reading, job)
        evidence = ReadingFolder(Shelf(library, reading.shelf), reading.key).takes_path(job)
        written = next(i for i, path in enumerate(synced) if path.parent == Path(library.url(evidence)).parent)
        objects = {Path(library.url(path)) for path in library.list("objects")}
        assert objects
        assert objects <= set(synced[:written]), f"takes that were {run} are told of before they are safe"
        library.delete(evidence)
