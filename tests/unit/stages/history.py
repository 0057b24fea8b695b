"""A library with a past: editions, a redo, readings that came to nothing, and what killed writers left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import fsspec
import numpy as np
import pytest

from rhapsode.model import Audio, Job, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import (
    AudioSettings,
    ConvertRequest,
    EngineName,
    Format,
    Listen,
    RedoRequest,
    Verification,
)
from rhapsode.stages import verify
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.listening_report import publish_report
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.publish import publish_edition
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.speak import speak_job
from rhapsode.store.editions import edition_path
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path, put_take
from rhapsode.store.readings import ReadingFolder, readings_of
from rhapsode.store.shelf import Shelf, find_shelf
from rhapsode.store.tokens import StoredTokens, put_tokens
from tests.fixtures.ear import Ear

CHECKED = Verification(listen=Listen.ALL)
MP3 = AudioSettings(format=Format.MP3)
ORPHANS = ("a" * 64, "b" * 64)
FOREIGN = ("objects/aa/readme.txt", "books/notes.txt", "mine/too.txt")
AGE = timedelta(days=30)


def published_request(epub: Path, root: str) -> ConvertRequest:
    return ConvertRequest(epub=str(epub), library=root, engine=EngineName.HIBARI, audio=MP3, verify=CHECKED)


def abandoned_request(epub: Path, root: str) -> ConvertRequest:
    """With a name said otherwise, so with a plan of its own."""
    lexicon = epub.with_name("respellings.toml")
    lexicon.write_text('Anna = "Hannah"')
    return published_request(epub, root).model_copy(update={"speed": 0.8, "lexicon": str(lexicon)})


def latest_request(epub: Path, root: str) -> ConvertRequest:
    return published_request(epub, root).model_copy(update={"speed": 1.5})


def build(epub: Path, root: str) -> None:
    """Everything in it is of the same age, a month, but for the order in which it was written."""
    library = open_library(root)
    with listening() as ear:
        reading = _planned(published_request(epub, root))
        _speak(ear, reading, list(map(first_job, load_plan(reading).ranges)))
        _publish(reading)
        redo = plan_redo(RedoRequest(book=reading.shelf, library=root, chunks="3,7"))
        _speak(ear, reading, list(redo.jobs))
        _publish(reading)
    abandoned = _planned(abandoned_request(epub, root))
    speak_job(abandoned, first_job(load_plan(abandoned).ranges[0]))
    latest = _planned(latest_request(epub, root))
    first, second = map(first_job, load_plan(latest).ranges)
    speak_job(latest, first)
    speak_job(latest, second)
    shelf = Shelf(library, reading.shelf)
    library.delete(ReadingFolder(shelf, latest.key).takes_path(second))  # killed before it could write it
    for key in ORPHANS:
        put_take(library, key, Audio(np.zeros(100, np.int16), 24_000), {})
        put_tokens(library, StoredTokens(key, (1, 2), 0.1, {}))
    library.write_bytes(f"objects/{ORPHANS[0][:2]}/{ORPHANS[0]}.01234567.heard.json", b"{}")
    for folder in ("objects/aa", shelf.folder, shelf.path("evidence", reading.key[:12])):
        library.write_bytes(f"{folder}/.0123.rhapsode-partial", b"half")
    library.create_bytes(shelf.path("editions", "0003", "claim"), b"other")
    library.write_bytes(shelf.path("editions", "0003", "The Lamps.m4b"), b"half")
    for path in (*FOREIGN, shelf.path("mine.txt")):
        library.write_bytes(path, b"precious")
    for path in Path(root).rglob("*"):
        age(path)


def age(path: Path, by: timedelta = AGE) -> None:
    moment = path.stat().st_mtime - by.total_seconds()
    os.utime(path, (moment, moment))


def to_memory(source: Library, root: str) -> Library:
    """The same files at the same age in `memory://`."""
    library = open_library(root)
    fs, base = fsspec.url_to_fs(root)
    for entry in source.entries():
        fs.pipe_file(f"{base}/{entry.path}", source.read_bytes(entry.path))
        fs.store[f"{base}/{entry.path}"].created = entry.modified
    return library


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "load_recogniser", lambda name: ear)
        yield ear


def _planned(request: ConvertRequest) -> Reading:
    return plan_chunks(request, parse_book(request))


def _speak(ear: Ear, reading: Reading, jobs: list[Job]) -> None:
    hearing = verify.listening_of(reading, CHECKED)
    assert hearing
    for job in jobs:
        speak_job(reading, job)
        ear.learn(ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key).read_takes())
        verify.verify_job(reading, job, hearing)


def _publish(reading: Reading) -> None:
    acceptance = accept_takes(reading, CHECKED)
    assert not acceptance.missing
    timelines = [assemble_chapter(reading, acceptance.digest, number, MP3) for number in chapters_of(reading)]
    edition = publish_edition(reading, acceptance.digest, timelines, MP3, acceptance.exceptions, recogniser=None)
    publish_report(reading, edition, CHECKED)


def paths(library: Library) -> set[str]:
    """All files, unfinished writes too."""
    return {entry.path for entry in library.entries()}


def abandoned(library: Library) -> ReadingFolder:
    """The reading that came to nothing: the only one at a speed of 0.8."""
    shelf = find_shelf(library, "The Lamps")
    (folder,) = (each for each in readings_of(shelf) if each.load()[1].speed == 0.8)
    return folder


def unneeded(library: Library) -> set[str]:
    """By the history alone, not by what `clean` thinks of it."""
    folder = abandoned(library)
    shelf, reading = folder.shelf, folder.load()[0]
    kept = {row.key for each in readings_of(shelf) if each.key != folder.key for row in each.read_takes()}
    gone = {object_path(row.key) for row in folder.read_takes() if row.key not in kept}
    assert gone
    plan = shelf.path(f"plan-{reading.plan[:8]}.parquet")
    partial = {path for path in paths(library) if path.endswith("partial")}
    assert len(partial) == 3
    orphans = {path for path in paths(library) if any(key in path for key in ORPHANS)}
    assert len(orphans) == 5
    unfinished = edition_path(shelf, 3, "The Lamps.m4b")
    return gone | set(library.list(folder.path())) | partial | orphans | {plan, unfinished}
