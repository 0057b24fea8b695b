"""What a worker's log says of each range: one line, whatever happened to it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.convert_book import convert_book
from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName, Policy, Verification
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.range_line import range_line
from rhapsode.stages.speak import speak_job
from rhapsode.stages.verify import Verified
from tests.faulty import Watched, install


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "range 0" in record.getMessage():
            self.records.append(record)


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """What the flow's own logger says of ranges."""
    kept, logger = _Kept(), logging.getLogger("prefect.flow_runs")
    logger.addHandler(kept)
    yield kept.records
    logger.removeHandler(kept)


def _request(booklet: Path, tmp_path: Path, policy: Policy = Policy.REPORT) -> ConvertRequest:
    verify = Verification(policy=policy)
    return ConvertRequest(epub=str(booklet), library=str(tmp_path / "l"), engine=EngineName.TONE, verify=verify)


def test_each_range_has_one_line(booklet: Path, tmp_path: Path, log: list[logging.LogRecord]) -> None:
    convert_book(_request(booklet, tmp_path))
    lines = sorted(record.getMessage() for record in log)
    assert {record.levelno for record in log} == {logging.INFO}
    found = [
        re.fullmatch(r"range (\d{5})-(\d{5}): (\d+) chunks, \d+\.\d s of audio at \d+\.\d times real time", line)
        for line in lines
    ]
    assert [match and match[1] for match in found] == ["00001", "00033"]
    assert all(match and int(match[3]) == int(match[2]) - int(match[1]) + 1 for match in found)


def test_a_range_that_fails_has_a_warning(
    booklet: Path, tmp_path: Path, log: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Watched(refuses=lambda text: "Martha lit the lamp on the quay" in text))
    state = convert_book(_request(booklet, tmp_path, Policy.STRICT), return_state=True)
    assert state.is_failed()
    told = sorted((record.levelno, record.getMessage()[:17]) for record in log)
    assert told == [(logging.INFO, "range 00033-00042"), (logging.WARNING, "range 00001-00032")]
    (warning,) = (record.getMessage() for record in log if record.levelno == logging.WARNING)
    assert "is not done" in warning
    assert "\n" not in warning


@pytest.fixture
def spoken(booklet: Path, tmp_path: Path) -> tuple[Reading, Job]:
    request = _request(booklet, tmp_path)
    reading = plan_chunks(request, parse_book(request))
    job = first_job(load_plan(reading).ranges[1])
    speak_job(reading, job)
    return reading, job


def test_what_was_heard_is_in_the_line(spoken: tuple[Reading, Job]) -> None:
    reading, job = spoken
    silent = range_line(reading, job, None)
    well = range_line(reading, job, Verified(job.name, 10, 2, (), ""))
    badly = range_line(reading, job, Verified(job.name, 10, 10, (34, 40), "nothing is heard"))
    assert well == f"{silent}, 2 listened to, 0 bad"
    assert badly == f"{silent}, 10 listened to, 2 bad (34, 40: nothing is heard)"
