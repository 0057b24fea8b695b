"""Where the books of a library stand, from its files alone: no server is asked, no engine and no model is loaded.

Of a published book one listing and its manifest are read. What else has to be read is that of books at work: the plan,
and two columns of their evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import Reading
from rhapsode.report.estimate import chunk_s
from rhapsode.settings import ConvertRequest
from rhapsode.stages.holdings import Evidence, Holdings, holdings_of
from rhapsode.store.editions import Edition, edition_path, load_edition
from rhapsode.store.evidence import FAILURES, TAKES
from rhapsode.store.library import Library
from rhapsode.store.overlap import ahead
from rhapsode.store.plans import PLAN
from rhapsode.store.shelf import Shelf, shelves_of


@dataclass(frozen=True, slots=True)
class BookStatus:
    """One book of a library.

    Attributes:
        state: "not planned", "planned", "speaking 43 %", "spoken", "published", "published with 2 named chunks",
            "newer reading ..." (and how far that is) where a reading was begun after the latest edition, or "damaged".
        chapters: Those with something to say.
        planned_s: By estimate, pauses included; of a published book its length.
        spoken_s: Of the takes; of a published book its length.
        chunks, spoken: Planned chunks, and those of them that have a take.
        checked: Chunks whose first takes were measured and, all of them or a sample, listened to.
        exceptions: Chunks that were published though no take of them is good.
        edition, file: The latest edition, and its file or, if it has several, their folder.
        reading: First digits of the key of the reading that this is about.
        problem: What of the book cannot be read.
    """

    book: str
    title: str = ""
    state: str = "not planned"
    chapters: int = 0
    planned_s: float = 0.0
    spoken_s: float = 0.0
    chunks: int = 0
    spoken: int = 0
    checked: int = 0
    exceptions: int = 0
    edition: int | None = None
    file: str = ""
    reading: str = ""
    problem: str = ""


def library_status(library: Library) -> Iterator[BookStatus]:
    """All books, by the names of their folders; one that cannot be read hides no other."""
    yield from ahead(library, book_status, shelves_of(library))


def book_status(shelf: Shelf) -> BookStatus:
    try:
        return status_of(holdings_of(shelf))
    except (EvidenceDamaged, NotInLibrary) as error:
        return BookStatus(shelf.name, state="damaged", problem=str(error))


def status_of(held: Holdings) -> BookStatus:
    """Where one book stands.

    Raises:
        EvidenceDamaged, NotInLibrary: A file that has to be read is torn or has gone.
    """
    edition, latest = current(held)
    if latest is None:
        if edition is None:
            return BookStatus(held.shelf.name, held.title())
        return _published(held, edition)
    status = _at_work(held, latest)
    if edition is None:
        return status
    published = _published(held, edition)
    return replace(
        status,
        state=f"newer reading {status.state}",
        exceptions=published.exceptions,
        edition=published.edition,
        file=published.file,
    )


def current(held: Holdings) -> tuple[Edition | None, Evidence | None]:
    """The latest edition, and the reading that is at work: one that was begun since, or of a book without an edition.

    Raises:
        EvidenceDamaged: The manifest cannot be read.
    """
    numbers = held.published()
    edition = load_edition(held.shelf, numbers[-1]) if numbers else None
    latest = held.latest_reading()
    if edition and latest:
        published_at = held.editions[edition.number]["manifest.json"].modified
        if edition.reading.startswith(latest.key) or latest.touched <= published_at:
            return edition, None
    return edition, latest


def _published(held: Holdings, edition: Edition) -> BookStatus:
    evidence = held.readings.get(edition.reading[:12]) or Evidence(held.shelf, edition.reading[:12], {})
    # Nothing is published before all ranges are spoken, so their names tell how many chunks there are.
    ranges = evidence.ranges(TAKES)
    chunks = max((last for _, last in ranges), default=0)
    spoken = len(evidence.spoken()) if evidence.ranges(FAILURES) else sum(last - first + 1 for first, last in ranges)
    named = len(edition.exceptions)
    return BookStatus(
        book=held.shelf.name,
        title=edition.title,
        state=f"published with {named} named chunk{'s' * (named > 1)}" if named else "published",
        chapters=len(edition.chapters),
        planned_s=edition.duration_s,
        spoken_s=edition.duration_s,
        chunks=chunks,
        spoken=spoken,
        checked=min(evidence.checked(), spoken),
        exceptions=named,
        edition=edition.number,
        file=file_of(held.shelf, edition),
        reading=evidence.key,
    )


def _at_work(held: Holdings, evidence: Evidence) -> BookStatus:
    reading, request = evidence.load()
    chapters, chunks, planned_s = _planned(held.shelf, reading, request)
    takes = evidence.spoken()
    given_up = evidence.failed() - set(takes) if evidence.paths(FAILURES) else set()
    return BookStatus(
        book=held.shelf.name,
        title=held.title(reading.book),
        state=_progress(len(takes), len(given_up), chunks),
        chapters=chapters,
        planned_s=planned_s,
        spoken_s=sum(takes.values()),
        chunks=chunks,
        spoken=len(takes),
        checked=min(evidence.checked(), len(takes)),
        reading=evidence.key,
    )


def _progress(spoken: int, given_up: int, chunks: int) -> str:
    if spoken + given_up >= chunks:
        return "spoken"
    return f"speaking {100 * spoken // chunks} %" if spoken + given_up else "planned"


def _planned(shelf: Shelf, reading: Reading, request: ConvertRequest) -> tuple[int, int, float]:
    """Chapters, chunks and seconds of a plan; of all columns of the plan only those that tell are read."""
    names = ("chapter", "spoken", "boundary")
    table = shelf.columns(PLAN, shelf.path(f"plan-{reading.plan[:8]}.parquet"), *names)
    chapter, spoken, boundary = (table[name].to_pylist() for name in names)
    pauses = request.audio.pauses.model_dump()
    heard_s = sum(chunk_s(text, reading.sampling) for text in spoken)
    return len(set(chapter)), len(table), heard_s + sum(pauses[each] for each in boundary)


def file_of(shelf: Shelf, edition: Edition) -> str:
    """Path or URL of an edition's file or, if it has several, of their folder."""
    return shelf.library.url(
        edition_path(shelf, edition.number, edition.files[0].name if len(edition.files) == 1 else "")
    )
