"""`workers` is how many sessions of an engine may be open at once, whatever Prefect runs beside each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.convert_book import convert_book
from rhapsode.engines.protocol import Session
from rhapsode.model import Job, Reading
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.stages import speak
from rhapsode.stages.jobs import JobReport
from rhapsode.stages.speak import speak_job
from tasks import synthesize_range
from tests.faulty import Watched, install

RANGES = 3
"""Of the story."""


class Counting(Watched):
    """Counts its open sessions. Each stays open until `jobs` jobs have begun, so that whoever may come in does."""

    def __init__(self, jobs: int) -> None:
        super().__init__()
        self.jobs = jobs
        self.lock = threading.Lock()
        self.begun = self.over = self.open = self.most = 0

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            with super().session() as session:
                yield session
                self._wait_for_another()
        finally:
            with self.lock:
                self.open -= 1
                self.over += 1

    def _wait_for_another(self) -> None:
        deadline = time.monotonic() + 60
        while self.begun < min(RANGES, self.over + self.jobs):
            assert time.monotonic() < deadline, "too few jobs have begun"
            time.sleep(0.01)
        time.sleep(0.3)  # from the door to a session is a matter of milliseconds

    def speak_job(self, reading: Reading, job: Job) -> JobReport:
        with self.lock:
            self.begun += 1
        return speak_job(reading, job)


def converted(story: Path, library: Path, workers: int, monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The engine after a conversion."""
    engine = Counting(jobs=workers + 1)  # one waits at the door
    install(monkeypatch, engine)
    monkeypatch.setattr(synthesize_range, "speak_job", engine.speak_job)
    plain = {"engine": EngineName.TONE, "verify": Verification(listen=Listen.NONE)}
    convert_book(ConvertRequest(epub=str(story), library=str(library), workers=workers, **plain))
    assert (engine.begun, engine.over, engine.open) == (RANGES, RANGES, 0)
    return engine


@pytest.mark.parametrize("workers", [1, 2])
def test_as_many_sessions_are_open_as_there_are_workers(
    workers: int, story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert converted(story, tmp_path, workers, monkeypatch).most == workers


def test_a_door_that_stands_open_is_noticed(story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job that waits for its turn goes in with the first."""
    turns = speak._Turns
    monkeypatch.setattr(speak, "_Turns", lambda jobs: turns(jobs + 1))
    assert converted(story, tmp_path, 1, monkeypatch).most == 2
