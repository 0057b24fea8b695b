"""How jobs are parted for workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job, later_job
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages import blocks
from rhapsode.stages.blocks import blocks_of
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.text.pace import estimate_s


@pytest.fixture(scope="module")
def reading(booklet: Path, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    library = tmp_path_factory.mktemp("blocks") / "library"
    request = ConvertRequest(epub=str(booklet), library=str(library), engine=EngineName.TONE)
    return plan_chunks(request, parse_book(request))


def small_jobs(reading: Reading) -> list[Job]:
    """One job a chunk."""
    [*jobs] = map(first_job, load_plan(reading).ranges)
    return [later_job(1, [order]) for job in jobs for order in job.orders]


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 40), least=st.integers(1, 50), block_s=st.floats(1e-4, 10))
def test_every_job_is_in_one_block_in_order(reading: Reading, count: int, least: int, block_s: float) -> None:
    jobs = small_jobs(reading)[:count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_S", block_s)
        parted = blocks_of(reading, jobs, least)
    assert [job for block in parted for job in block] == jobs
    assert all(parted) and min(least, count) <= len(parted) <= count


def test_a_block_is_about_ten_minutes_of_work(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = small_jobs(reading)
    plan = load_plan(reading)
    speech_s = sum(estimate_s(chunk.spoken) for chunk in plan.chunks)
    # A voice so slow that the book is an hour of work.
    monkeypatch.setitem(blocks.TIMES_REAL_TIME, EngineName.TONE, speech_s / 3600)
    parted = blocks_of(reading, jobs, least=1)
    assert len(parted) in (6, 7)
    sizes = [sum(estimate_s(plan.chunks[job.orders[0].chunk - 1].spoken) for job in block) for block in parted]
    assert max(sizes) < 1.5 * min(sizes)


def test_one_block_is_enough_for_little_work(reading: Reading) -> None:
    jobs = small_jobs(reading)
    assert blocks_of(reading, jobs, least=1) == [jobs]
    assert [len(block) for block in blocks_of(reading, jobs[:3], least=2)] in ([1, 2], [2, 1])
