"""What there is to say of a range when it is done, in one line of a worker's log."""

from __future__ import annotations

from rhapsode.model import Job, Reading
from rhapsode.stages.verify import Verified
from rhapsode.store import evidence
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf


def range_line(reading: Reading, job: Job, verified: Verified | None) -> str:
    """`"range 00001-00032: 32 chunks, 94.2 s of audio at 12.4 times real time, 2 listened to, 1 bad (17: silent)"`.

    Speed is that of one session when the takes were made, however long ago. What its failures were is left out: they
    have lines of their own.

    Args:
        verified: What was heard of it; None where nobody listens.

    Raises:
        NotInLibrary, EvidenceDamaged: The job is not done, or its evidence is torn.
    """
    shelf = Shelf(open_library(reading.library), reading.shelf)
    path = ReadingFolder(shelf, reading.key).takes_path(job)
    table = shelf.columns(evidence.KIND, path, "duration_s", "elapsed_s", "slots")
    rows = list(zip(*table.to_pydict().values(), strict=True))
    audio_s = sum(duration_s for duration_s, _, _ in rows)
    engine_s = sum(elapsed_s / slots for _, elapsed_s, slots in rows)
    name = f"range {job.name}" if job.round == 0 else f"round {job.round}, job {job.name}"
    speed = f" at {audio_s / engine_s:.1f} times real time" if engine_s else ""
    line = f"{name}: {len(rows)} chunk{'s' * (len(rows) != 1)}, {audio_s:.1f} s of audio{speed}"
    if verified is None:
        return line
    chunks = ", ".join(map(str, verified.failed[:8])) + (", ..." if len(verified.failed) > 8 else "")
    bad = f" ({chunks}: {verified.reason})" if verified.failed else ""
    return f"{line}, {verified.listened} listened to, {len(verified.failed)} bad{bad}"
