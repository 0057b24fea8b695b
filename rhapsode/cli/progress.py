"""Where a run stands: the events of rhapsode/stages/progress.py as a live bar, or as a line every ten seconds.

What any part of Rhapsode warns of meanwhile is a line too: a run goes on without a cover, or with fewer slots, but not
in silence.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from rhapsode.audio.titles import clean
from rhapsode.cli.console import shown
from rhapsode.report.summary import clock
from rhapsode.stages.progress import Event, Phase, Spoken, Written, logger

EVERY_S = 10.0
"""Between two lines where there is no terminal."""


class Standing:
    """What the events add up to. Not thread-safe: its owner holds the lock.

    Args:
        expected_s: Chunk number -> seconds of speech expected, for every chunk of this run.
        there: Chunks that have their take already.
    """

    def __init__(self, expected_s: Mapping[int, float], there: set[int]) -> None:
        self.expected_s = expected_s
        self.spoken = there & set(expected_s)
        self.total_s = sum(expected_s.values())
        self.left_s = self.total_s - sum(expected_s[number] for number in self.spoken)
        self.chapter = 0
        self.fresh = 0  # chunks spoken in this run
        self.written = 0.0  # part of the book that is rendered, 0 to 1
        self._audio_s = 0.0  # spoken after the first event, and the time of that
        self._started: float | None = None
        self._last = 0.0

    def add(self, event: Event, now: float) -> None:
        self.chapter = event.chapter
        if isinstance(event, Written):
            self.written = event.samples / max(event.total, 1)
            return
        if event.chunk in self.expected_s and event.chunk not in self.spoken:
            self.spoken.add(event.chunk)
            self.left_s = max(0.0, self.left_s - self.expected_s[event.chunk])
        if not event.reused:
            self.fresh += 1
            if self._started is None:  # what came before includes the loading of the voice
                self._started = now
            else:
                self._audio_s += event.duration_s
            self._last = now

    @property
    def part(self) -> float:
        """Of the speaking, 0 to 1."""
        return 1.0 - self.left_s / self.total_s if self.total_s and len(self.spoken) < len(self.expected_s) else 1.0

    @property
    def speed(self) -> float:
        """Times real time, all workers together; 0 where it cannot be told yet."""
        elapsed = self._last - self._started if self._started is not None else 0.0
        return self._audio_s / elapsed if elapsed > 0 else 0.0


class Display(logging.Handler):
    """Shows a run while it is used as a context manager. Threads may log at the same time.

    Args:
        titles: Chapter number -> title.
        live: A bar that moves; else plain lines.
    """

    def __init__(self, console: Console, standing: Standing, titles: Mapping[int, str], live: bool) -> None:
        super().__init__(logging.DEBUG)
        self.standing = standing
        self._console = console
        self._titles = titles
        self._phase = ""
        self._lines_at = time.monotonic()
        self._watch = threading.RLock()
        self._bar = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TaskProgressColumn("{task.percentage:>3.0f} %", show_speed=False),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            TimeElapsedColumn(),
            console=console,
            disable=not live,
            expand=live,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._row = self._bar.add_task("", total=None, note="")

    def __enter__(self) -> Display:
        self._bar.start()
        self._level, self._propagate = logger.level, logger.propagate
        logger.setLevel(logging.DEBUG)
        logger.propagate = False  # the bar says it already
        logger.addHandler(self)
        logging.getLogger("rhapsode").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logger.removeHandler(self)
        logging.getLogger("rhapsode").removeHandler(self)
        logger.setLevel(self._level)
        logger.propagate = self._propagate
        self.finish()

    def finish(self) -> None:
        """Leaves the terminal as it was; may be called twice."""
        self._bar.stop()

    def phase(self, name: str, note: str = "") -> None:
        """Begins another part of the run, of unknown length until an event tells."""
        with self._watch:
            self._phase = name
            self._bar.update(self._row, description=name, total=None, completed=0, note=note)
            if self._bar.disable:
                self._line(note)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self._console.print(shown(record.getMessage()))
            return
        event = getattr(record, "event", None)
        if isinstance(event, Phase):
            self.phase(event.name)
        if not isinstance(event, Spoken | Written):
            return
        with self._watch:
            self.standing.add(event, time.monotonic())
            writing = isinstance(event, Written)
            part, note = (self.standing.written, self._chapter()) if writing else self._speaking()
            name = "Writing the book" if writing else "Speaking"
            due = name != self._phase or time.monotonic() - self._lines_at >= EVERY_S
            self._phase = name
            if part >= 1.0:
                self.phase("Reading it back" if writing else "Finishing the last takes")
            elif self._bar.disable and due:
                self._line(f"{part:.0%}, {note}")
            self._bar.update(self._row, description=self._phase, total=1.0, completed=part, note=note)

    def _speaking(self) -> tuple[float, str]:
        speed = self.standing.speed
        pace = f"{clock(self.standing.left_s / speed)} left, {speed:.0f}x real time, " if speed else ""
        return self.standing.part, pace + self._chapter()

    def _chapter(self) -> str:
        number, title = self.standing.chapter, clean(self._titles.get(self.standing.chapter, ""), 24)
        return f"chapter {number} of {len(self._titles)}" + (f" ({title})" if title else "")

    def _line(self, note: str) -> None:
        self._lines_at = time.monotonic()
        self._console.print(f"{self._phase}: {note}" if note else f"{self._phase} ...")
