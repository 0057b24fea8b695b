"""The flow `synthesize-ranges`: a block of ranges of a book, spoken and heard by one worker."""

from __future__ import annotations

from prefect import flow

from rhapsode.model import Job
from rhapsode.places import Place
from rhapsode.settings import Verification
from rhapsode.stages.breaker import Breaker
from rhapsode.store.library import open_library
from rhapsode.store.readings import folder_of
from rhapsode.store.shelf import Shelf
from tasks.speak_ranges import speak_ranges


@flow(name="synthesize-ranges")
def synthesize_ranges(
    library: Place,
    book: str,
    reading: str,
    jobs: list[Job],
    verification: Verification,
    workers: int = 0,
    leave_out: bool = False,
    watch: bool = False,
) -> None:
    """Speaks some jobs of a book that was planned. `convert-book` starts it where `fan_out` is `workers`.

    Args:
        library: Folder or fsspec URL; it is the same for all workers.
        book: Folder name of the book in the library.
        reading: Key of the reading: what is spoken and by whom.
        jobs: What is to be spoken, as `convert-book` planned it.
        verification: How takes are checked.
        workers: Ranges spoken at once; 0: as many as suit the engine.
        leave_out: Chunks that cannot be spoken are left to later rounds.
        watch: Stop when most of the first takes are bad.

    Raises:
        RhapsodeError: No such book or reading; see rhapsode/errors.py.
        RunIncomplete: Some of the jobs failed; the others are done.
        NotGoodEnough: Most of the first takes are bad.
    """
    planned, _ = folder_of(Shelf(open_library(library), book), reading).load()
    speak_ranges(planned, jobs, workers, verification, leave_out, Breaker(book) if watch else None)
