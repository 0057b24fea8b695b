"""From timelines to an edition: render, encode, read back, pass the gate, and write the manifest last."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import accumulate, count
from pathlib import Path
from tempfile import TemporaryDirectory

from rhapsode import __version__
from rhapsode.audio.cover import cover_jpeg
from rhapsode.audio.encode import Encoded, Mark, Tags, encode_chapter, encode_m4b
from rhapsode.audio.ffmpeg import find_ffmpeg
from rhapsode.audio.joins import render
from rhapsode.audio.loudness import static_gain
from rhapsode.audio.titles import clean, tags_of
from rhapsode.engines.machine import host, versions
from rhapsode.model import Audio, Book, Flaw, GateReport, Placed, Reading, Samples, Timeline
from rhapsode.recipe import digest
from rhapsode.report.summary import edition_markdown
from rhapsode.settings import AudioSettings, Format
from rhapsode.stages.gate import RECOGNISER, Gate
from rhapsode.stages.progress import Written, tell
from rhapsode.store.editions import (
    Edition,
    PublishedChapter,
    PublishedFile,
    claim_edition,
    edition_path,
    load_edition,
    save_chunks,
    save_edition,
)
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import get_audio
from rhapsode.store.overlap import ahead
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf

PUBLISH_VERSION = 2
"""Bumped when the same timelines are published differently."""


def publish_edition(
    reading: Reading,
    accepted: str,
    timelines: Sequence[str],
    settings: AudioSettings,
    exceptions: Sequence[Flaw] = (),
    recogniser: str | None = RECOGNISER,
) -> Edition:
    """Publishes the book, or finds the edition that says the same.

    Args:
        accepted: Digest of the saved `Acceptance`.
        timelines: Digests of the saved timelines, in the order of the chapters.
        exceptions: Chunks that are published although no take of them is good, or without any.
        recogniser: Who listens at the chapter marks; None: nobody.

    Raises:
        ObjectDamaged: Stored audio is not what its evidence says.
        EncodeFailed, ReadBackMismatch, GateFailed: Nothing is published.
    """
    library = open_library(reading.library)
    shelf = Shelf(library, reading.shelf)
    content = content_digest(reading, accepted, timelines, settings, exceptions)
    number, published = _number(shelf, content)
    if published is not None:
        return published
    chapters = [shelf.load_timeline(name) for name in timelines]
    book = shelf.load_book(reading.book)
    rows = ReadingFolder(shelf, reading.key).load_accepted(accepted)
    gate = Gate(reading, book, rows, exceptions, chapters)
    gate.admit_takes()
    audio = _BookAudio(library, chapters, settings)
    tags = tags_of(book.metadata, narrator=f"{reading.voice.name} ({reading.engine})")
    with TemporaryDirectory(prefix="rhapsode-") as folder:
        encoded = audio.encode(Path(folder), tags, cover_jpeg(book.cover, book.metadata))
        report = gate.admit_files(encoded, settings, audio.gain, recogniser)
        files = tuple(_stored(library, shelf, number, file) for file in encoded)
    save_chunks(shelf, number, rows, chapters)
    edition = _edition(number, content, reading, accepted, book, exceptions, audio, files, report)
    return save_edition(shelf, edition)


def _edition(
    number: int,
    content: str,
    reading: Reading,
    accepted: str,
    book: Book,
    exceptions: Sequence[Flaw],
    audio: _BookAudio,
    files: tuple[PublishedFile, ...],
    report: GateReport,
) -> Edition:
    """What the manifest will say."""
    return Edition(
        number=number,
        content=content,
        reading=reading.key,
        accepted=accepted,
        title=book.metadata.title,
        files=files,
        chapters=audio.chapters,
        audio=audio.settings,
        duration_s=audio.length / audio.sample_rate_hz,
        gain_db=audio.gain.gain_db,
        loudness_lufs=report.loudness_lufs,
        true_peak_dbtp=report.true_peak_dbtp,
        limited_by_peak=audio.gain.limited_by_peak,
        published_at=datetime.now(UTC),
        version=__version__,
        exceptions=tuple(exceptions),
        gate=report,
    )


def content_digest(
    reading: Reading,
    accepted: str,
    timelines: Sequence[str],
    settings: AudioSettings,
    exceptions: Sequence[Flaw] = (),
) -> str:
    """Names what an edition says, what is wrong with it, and how it is encoded."""
    said = [reading.key, accepted, list(timelines), [asdict(flaw) for flaw in exceptions]]
    return digest([PUBLISH_VERSION, *said, settings.model_dump(mode="json")])


def edition_is_there(reading: Reading, edition: Edition) -> bool:
    """True if the edition is published and none of its files has gone."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    return load_edition(shelf, edition.number) == edition and is_whole(shelf, edition)


def is_whole(shelf: Shelf, edition: Edition) -> bool:
    """True if none of the edition's files has gone."""
    names = ("chunks.parquet", *(file.name for file in edition.files))
    return all(shelf.library.exists(edition_path(shelf, edition.number, name)) for name in names)


def _number(shelf: Shelf, content: str) -> tuple[int, Edition | None]:
    """The number to publish this content under, and the edition if it is published already.

    Writers of one content share a number if they would write the same bytes; then it does not matter who is late.

    An edition whose files have gone is left as it is, for its manifest may be all that is known of it; the content is
    published again under a number of its own.
    """
    for number in count(1):
        edition = load_edition(shelf, number)
        if edition is not None and edition.content == content and is_whole(shelf, edition):
            return number, edition
        if edition is None and claim_edition(shelf, number, digest([content, _encoder()])):
            return number, None
    raise AssertionError("numbers do not end")


def _encoder() -> list[str]:
    """What the bytes of a file depend on besides its content: who shares a claim writes the same ones."""
    return [find_ffmpeg().version, host(), *versions("numpy", "mutagen", "pillow", "resvg-py").values()]


def _stored(library: Library, shelf: Shelf, number: int, file: Encoded) -> PublishedFile:
    sha256 = library.put_file(file.path, edition_path(shelf, number, file.path.name))
    return PublishedFile(file.path.name, file.size_bytes, sha256, file.duration_s)


class _BookAudio:
    """The rendered book: samples on demand, and the files made of them."""

    def __init__(self, library: Library, timelines: Sequence[Timeline], settings: AudioSettings) -> None:
        self._library = library
        self._timelines = timelines
        self.settings = settings
        self.gain = static_gain(timelines, settings)
        self._starts = [0, *accumulate(timeline.length for timeline in timelines)]
        self.sample_rate_hz = timelines[0].sample_rate_hz
        self.length = self._starts[-1]

    @property
    def chapters(self) -> tuple[PublishedChapter, ...]:
        return tuple(
            PublishedChapter(
                chapter.chapter, chapter.title, start / self.sample_rate_hz, chapter.length / self.sample_rate_hz
            )
            for chapter, start in zip(self._timelines, self._starts, strict=False)
        )

    def encode(self, folder: Path, tags: Tags, cover: bytes) -> list[Encoded]:
        """One M4B, or a file a chapter."""
        name = file_name(tags.title)
        rate, settings = self.sample_rate_hz, self.settings
        if settings.format is Format.M4B:
            pcm = (block for index in range(len(self._timelines)) for block in self._samples(index))
            marks = [Mark(t.title, start, t.length) for t, start in zip(self._timelines, self._starts, strict=False)]
            return [encode_m4b(folder / f"{name}.m4b", pcm, marks, tags, cover, rate, settings)]
        total = len(self._timelines)
        return [
            encode_chapter(
                folder / f"{name} - {index:0{len(str(total))}d}.{settings.format.value}",
                self._samples(index - 1),
                Mark(timeline.title, 0, timeline.length),
                index,
                total,
                tags,
                cover,
                rate,
                settings,
            )
            for index, timeline in enumerate(self._timelines, start=1)
        ]

    def _samples(self, index: int) -> Iterator[Samples]:
        timeline = self._timelines[index]
        done = self._starts[index]
        for block in render(timeline, self._load, self.settings, self.gain.gain_db):
            yield block
            done += len(block)
            tell(Written(timeline.chapter, done, self.length))

    def _load(self, placed: Sequence[Placed]) -> Iterator[Audio]:
        return ahead(self._library, lambda each: get_audio(self._library, each.key, each.sha256), placed)


def describe_edition(reading: Reading, edition: Edition) -> str:
    """The summary of an edition, in Markdown with links to its files."""
    shelf = Shelf(open_library(reading.library), reading.shelf)
    folder = shelf.library.url(edition_path(shelf, edition.number, ""))
    voice = f"{reading.voice.name} ({reading.engine})"
    return edition_markdown(edition, shelf.load_book(reading.book), voice, folder)


def file_name(title: str) -> str:
    """A title as the name of a file: what file systems and shells stumble over is left out, 100 characters at most."""
    plain = re.sub(r'[<>:"/\\|?*]+', " ", clean(title, 100))
    while len(plain.encode()) > 200:  # names hold 255 bytes; the ending and the chapter number need some
        plain = plain[:-1]
    return " ".join(plain.split()).strip(". ") or "Untitled"
