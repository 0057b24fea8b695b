"""A conversion that can be killed: the parent's side.

A trial kills the process group of a conversion at a moment, looks at what lies in the library, lets the conversion run
again and compares the result with that of a run which nobody disturbed.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rhapsode.audio.ffmpeg import find_ffmpeg
from rhapsode.settings import ConvertRequest
from rhapsode.store.editions import edition_path, load_edition
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import find_take
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from tests.acceptance.killable import DONE, PHASES

ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """The begin of a phase ("encode") or its end ("/encode"), by the child's clock; `key` is what is spoken.

    Phases overlap: a take is stored while the next one is spoken, and two ranges are spoken at once.
    """

    phase: str
    at: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """So many seconds after a phase has begun for the `index`-th time (from 0)."""

    phase: str
    index: int
    delay_s: float

    def after(self, part: float) -> Moment:
        """The same mark, but only this part of the delay."""
        return replace(self, delay_s=self.delay_s * part)

    def has_come(self, marks: Sequence[Mark]) -> bool:
        return sum(mark.phase == self.phase for mark in marks) > self.index


class Child(Protocol):
    """A started conversion; it leads a process group of its own once its first mark is heard."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...


Start = Callable[[ConvertRequest, int], Child]
"""Starts a conversion that writes its marks to this end of a pipe."""


@dataclass(frozen=True, slots=True)
class Run:
    marks: list[Mark]
    exit_code: int

    @property
    def spoken(self) -> list[str]:
        return [mark.key for mark in self.marks if mark.key]

    @property
    def finished(self) -> bool:
        return bool(self.marks) and self.marks[-1].phase == DONE

    def times(self, phase: str) -> list[float]:
        return [mark.at for mark in self.marks if mark.phase == phase]

    def landed_in(self, phase: str) -> bool:
        """It was alive, at work in this phase, and died of the kill."""
        return self.exit_code == -signal.SIGKILL and len(self.times(phase)) > len(self.times(f"/{phase}"))


def run(start: Start, request: ConvertRequest, moment: Moment | None = None) -> Run:
    """Runs a conversion to its end, or kills its process group at the moment. No process of it is left."""
    reader, writer = os.pipe()
    child = start(request, writer)
    os.close(writer)
    marks: list[Mark] = []
    try:
        with os.fdopen(reader) as lines:
            for line in lines:
                at, phase, *key = line.split()
                marks.append(Mark(phase, float(at), *key))
                if moment and moment.has_come(marks):
                    time.sleep(moment.delay_s)
                    _kill(child.pid)
                    moment = None
        exit_code = child.wait()
        _expect_gone(child.pid)
    except BaseException:
        _kill(child.pid)
        raise
    assert exit_code in {0, -signal.SIGKILL}, f"the conversion ended by itself, with exit code {exit_code}"
    return Run(marks, exit_code)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):  # it was faster than the kill, which then counts for nothing
        os.killpg(group, signal.SIGKILL)


def _expect_gone(group: int) -> None:
    """The dead of a group are reaped by others, so they get a moment."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError(f"processes of the group {group} are still there")


# -- what lies in a library --------------------------------------------------------------------------------------------


def whole_objects(library: Library) -> dict[str, tuple[int, int]]:
    """Key -> inode and time of change of every audio object; one that is not whole fails the test."""
    found = {}
    for path in library.list("objects"):
        if not path.endswith(".flac"):
            continue
        key = Path(path).stem
        assert find_take(library, key) is not None, f"{path} is not whole"
        status = Path(library.url(path)).stat()
        found[key] = (status.st_ino, status.st_mtime_ns)
    return found


@dataclass(frozen=True, slots=True)
class Published:
    """What must not depend on how often a conversion was killed."""

    file_sha256: str
    samples_sha256: str
    chapters: tuple[object, ...]
    accepted: tuple[tuple[int, str, str], ...]  # chunk, key, sha256


def published(library: Library) -> Published:
    """The one edition of the one book of a library."""
    (name,) = library.folders("books")
    shelf = Shelf(library, name)
    assert library.folders(shelf.path("editions")) == ["0001"]
    edition = load_edition(shelf, 1)
    assert edition is not None
    (file,) = edition.files
    audio = Path(library.url(edition_path(shelf, 1, file.name)))
    digest = hashlib.sha256(audio.read_bytes()).hexdigest()
    assert digest == file.sha256
    rows = ReadingFolder(shelf, edition.reading).load_accepted(edition.accepted)
    accepted = tuple((row.chunk, row.key, row.sha256) for row in rows)
    return Published(digest, hashlib.sha256(decoded(audio)).hexdigest(), edition.chapters, accepted)


def decoded(audio: Path) -> bytes:
    """The samples of an audio file as ffmpeg decodes them: 16 bit, little endian."""
    command = [find_ffmpeg().path, "-v", "error", "-nostdin", "-i", f"file:{audio}", "-map", "0:a", "-f", "s16le", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


# -- trials ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reference:
    """An uninterrupted run: its marks and what it published."""

    run: Run
    published: Published

    def moment(self, phase: str, draw: random.Random) -> Moment:
        """A random moment of a phase: one of the times that it was entered, and a part of the time that it took."""
        lasted = [end - begin for begin, end in zip(self.run.times(phase), self.run.times(f"/{phase}"), strict=True)]
        index = draw.randrange(len(lasted))
        return Moment(phase, index, draw.random() * lasted[index])


def undisturbed(start: Start, request: ConvertRequest, at_once: int) -> Reference:
    """The run to compare with. Every phase is in it, or a test that aims at it would aim at nothing."""
    reference = _attempt(start, request, None, at_once)
    assert reference.finished
    assert all(reference.times(phase) for phase in PHASES)
    return Reference(reference, published(open_library(request.library)))


def killed(
    start: Start, fresh: Callable[[], ConvertRequest], moments: Sequence[Moment], at_once: int
) -> ConvertRequest:
    """Kills a conversion of a fresh library at each of the moments, one after the other, and returns its request.

    A kill counts if the conversion was in the phase that was aimed at; else all is repeated with earlier moments: a
    fault test that fired no fault must fail.

    Args:
        at_once: How many ranges are spoken at a time.
    """
    for attempt in range(ATTEMPTS):
        earlier = 0.5**attempt if attempt < ATTEMPTS - 1 else 0.0
        request = fresh()
        if all(_attempt(start, request, moment.after(earlier), at_once).landed_in(moment.phase) for moment in moments):
            return request
    raise AssertionError(f"{ATTEMPTS} times no kill met {moments}")


def completed(start: Start, reference: Reference, request: ConvertRequest, at_once: int) -> None:
    """Runs a killed conversion again and compares what it publishes with the reference."""
    assert _attempt(start, request, None, at_once).finished
    assert published(open_library(request.library)) == reference.published


def _attempt(start: Start, request: ConvertRequest, moment: Moment | None, at_once: int) -> Run:
    """One run, killed or not. What it spoke is held against what was stored before and after."""
    library = open_library(request.library)
    before = whole_objects(library)
    done = run(start, request, moment)
    after = whole_objects(library)
    # A line that stands in two ranges may be in the engine twice when both are spoken at once.
    assert max(Counter(done.spoken).values(), default=0) <= at_once, "a chunk was spoken twice in one run"
    assert not before.keys() & set(done.spoken), "a stored chunk was spoken again"
    assert before.items() <= after.items(), "a stored object was written again"
    # Of each range the take in the engine, and the one before it, which is stored meanwhile.
    lost = set(done.spoken) - after.keys()
    assert len(lost) <= (0 if done.finished else 2 * at_once), "a kill lost takes that were finished"
    return done
