"""The evidence of one reading of a book: `<shelf>/evidence/<reading key[:12]>/...`.

    reading.json                                   the reading, and the request that it was last planned for
    published-<digest16>.json                      which edition came of a request, named by its digest
    redo-<name>.json                               the jobs of a redo, for the run that asked for it and was killed
    round-0/00001-00032.synthesize.parquet         takes of a range; written when all of them are stored
    round-1/<set digest16>.synthesize.parquet      takes of a later round
    round-0/00001-00032.<id>.failed.parquet        attempts that ended in an error
    round-0/00001-00032.<listening>.verify.parquet what was measured and heard of the takes of a job
    reference-<listening>.json                     what is usual in the book, frozen when round 0 is done
    accepted-<digest16>.parquet                    one row a chunk: the take that goes into an edition

`<listening>` names who listens to which takes (`Listening.name`): what others have heard is judged apart.

Another voice, another plan or another model is another reading, so the evidence of one never meets that of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.model import Job, Listening, Reading, Reference
from rhapsode.recipe import digest
from rhapsode.settings import ConvertRequest
from rhapsode.store import sealed
from rhapsode.store.evidence import TAKES, TakeRow, read_rows, write_rows
from rhapsode.store.hearings import HEARD, HeardRow, read_heard
from rhapsode.store.library import Library
from rhapsode.store.overlap import ahead
from rhapsode.store.shelf import Shelf

READING, REFERENCE, PUBLISHED, REDO = "reading/1", "reference/1", "published/1", "redo/1"
_READING = TypeAdapter(Reading)  # built once: it takes longer than to read one
_JOBS = TypeAdapter(tuple[Job, ...])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadingFolder:
    """Where a reading's evidence lies. Nothing is cached: every call asks the library."""

    shelf: Shelf
    key: str

    def path(self, *parts: str) -> str:
        return self.shelf.path("evidence", self.key[:12], *parts)

    def exists(self) -> bool:
        return self.shelf.library.exists(self.path("reading.json"))

    def save(self, reading: Reading, request: ConvertRequest) -> None:
        body = {"reading": asdict(reading), "request": request.model_dump(mode="json")}
        self.shelf.library.write_bytes(self.path("reading.json"), sealed.write_json(READING, body))

    def load(self) -> tuple[Reading, ConvertRequest]:
        """The reading and its request, as if it had been planned in the library that it is read from.

        Raises:
            NotInLibrary, EvidenceDamaged: There is none, or it cannot be read.
        """
        path = self.path("reading.json")
        where = self.shelf.library.url(path)
        body = self.shelf.library.read(path, lambda data: sealed.read_json(READING, data, where))
        root = self.shelf.library.root
        try:
            reading = _READING.validate_python({**body["reading"], "library": root})
            return reading, ConvertRequest.model_validate({**body["request"], "library": root})
        except (ValidationError, KeyError) as error:
            raise EvidenceDamaged(f"{where} does not have the fields of a reading.", sealed.REMEDY) from error

    def note_published(self, asked: str, edition: int) -> None:
        """Notes the number of the edition that came of a request, which is named by its digest."""
        data = sealed.write_json(PUBLISHED, {"asked": asked, "edition": edition})
        self.shelf.library.write_bytes(self._published_path(asked), data)

    def published_for(self, asked: str) -> int | None:
        """The number of the edition that came of a request; None if none did.

        Raises:
            EvidenceDamaged: The note cannot be read.
        """
        path = self._published_path(asked)
        where = self.shelf.library.url(path)
        try:
            body = self.shelf.library.read(path, lambda data: sealed.read_json(PUBLISHED, data, where))
            return int(body["edition"])
        except NotInLibrary:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceDamaged(f"{where} names no edition.", sealed.REMEDY) from error

    def keep_redo(self, name: str, jobs: Sequence[Job]) -> None:
        """Keeps what a redo has ordered: once it has begun, the same request would order further takes."""
        data = sealed.write_json(REDO, {"jobs": _JOBS.dump_python(tuple(jobs), mode="json")})
        self.shelf.library.write_bytes(self.path(f"redo-{name}.json"), data)

    def kept_redo(self, name: str) -> tuple[Job, ...] | None:
        """What a redo of this name has ordered; None if nothing was kept under it.

        Raises:
            EvidenceDamaged: It cannot be read.
        """
        path = self.path(f"redo-{name}.json")
        where = self.shelf.library.url(path)
        try:
            return _JOBS.validate_python(
                self.shelf.library.read(path, lambda data: sealed.read_json(REDO, data, where))["jobs"]
            )
        except NotInLibrary:
            return None
        except (KeyError, ValidationError) as error:
            raise EvidenceDamaged(f"{where} holds no jobs.", sealed.REMEDY) from error

    def takes_path(self, job: Job) -> str:
        return self.path(f"round-{job.round}", f"{job.name}{TAKES}")

    def heard_path(self, job: Job, listening: Listening) -> str:
        return self.path(f"round-{job.round}", f"{job.name}.{listening.name}{HEARD}")

    def write_failures(self, job: Job, rows: Sequence[TakeRow]) -> None:
        """Keeps attempts that failed. Each goes into a file of its own: the same chunk may fail again tomorrow."""
        name = f"{job.name}.{uuid4().hex[:8]}.failed.parquet"
        write_rows(self.shelf.library, self.path(f"round-{job.round}", name), rows)

    def read_takes(self) -> list[TakeRow]:
        """All takes of all rounds, ordered by round, chunk and take."""
        files = [path for path in self.shelf.library.list(self.path()) if path.endswith(TAKES)]
        rows = self._rows_of(read_rows, files)
        return sorted(rows, key=lambda row: (row.round, row.chunk, row.take, row.key))

    def read_failures(self) -> list[TakeRow]:
        """All attempts that ended in an error, in no order that means anything."""
        files = [path for path in self.shelf.library.list(self.path()) if path.endswith(".failed.parquet")]
        return self._rows_of(read_rows, files)

    def read_heard(self, listening: Listening) -> list[HeardRow]:
        """What was measured of the takes of all rounds, ordered by round, chunk and take."""
        ending = f".{listening.name}{HEARD}"
        files = [path for path in self.shelf.library.list(self.path()) if path.endswith(ending)]
        rows = self._rows_of(read_heard, files)
        return sorted(rows, key=lambda row: (row.round, row.chunk, row.take, row.key))

    def freeze_reference(self, listening: Listening, reference: Reference) -> None:
        """Keeps the reference of the book, unless there is one."""
        data = sealed.write_json(REFERENCE, asdict(reference))
        self.shelf.library.create_bytes(self._reference_path(listening), data)

    def load_reference(self, listening: Listening) -> Reference | None:
        """The reference of the book; None before round 0 is done.

        Raises:
            EvidenceDamaged: It cannot be read.
        """
        path = self._reference_path(listening)
        where = self.shelf.library.url(path)
        try:
            body = self.shelf.library.read(path, lambda data: sealed.read_json(REFERENCE, data, where))
            return TypeAdapter(Reference).validate_python(body)
        except NotInLibrary:
            return None
        except ValidationError as error:
            raise EvidenceDamaged(f"{where} does not have the fields of a reference.", sealed.REMEDY) from error

    def save_accepted(self, rows: Sequence[TakeRow]) -> str:
        """Saves the accepted takes and returns their digest, a function of which takes they are."""
        name = digest([(row.chunk, row.round, row.take, row.key, row.sha256) for row in rows])
        write_rows(self.shelf.library, self._accepted_path(name), rows)
        return name

    def load_accepted(self, name: str) -> list[TakeRow]:
        """One row a chunk, in the order of the chunks."""
        return read_rows(self.shelf.library, self._accepted_path(name))

    def _rows_of(self, read: Callable[[Library, str], list[T]], files: Sequence[str]) -> list[T]:
        library = self.shelf.library
        return [row for rows in ahead(library, lambda path: read(library, path), files) for row in rows]

    def _reference_path(self, listening: Listening) -> str:
        return self.path(f"reference-{listening.name}.json")

    def _published_path(self, asked: str) -> str:
        return self.path(f"published-{asked[:16]}.json")

    def _accepted_path(self, name: str) -> str:
        return self.path(f"accepted-{name[:16]}.parquet")


def readings_of(shelf: Shelf) -> list[ReadingFolder]:
    """The readings of a book that have been planned, in no order that means anything."""
    folders = (ReadingFolder(shelf, name) for name in shelf.library.folders(shelf.path("evidence")))
    return [folder for folder in folders if folder.exists()]


def folder_of(shelf: Shelf, reading_key: str) -> ReadingFolder:
    """The folder of a reading that must exist.

    Raises:
        NotInLibrary: It was never planned here.
    """
    folder = ReadingFolder(shelf, reading_key)
    if not folder.exists():
        raise NotInLibrary(f"{shelf.name} has no reading {reading_key[:12]}.", "Convert the book first.")
    return folder
