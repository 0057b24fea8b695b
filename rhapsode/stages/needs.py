"""Which objects a library needs: a set of keys, small enough for the largest library.

Of a key, the sha256 of what is said and by whom, the first eight bytes are kept: 20 million takes (10,000 books) are
160 MB, twice that while they are put in order. Two keys that begin alike would keep an object too many, never lose one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from rhapsode import recipe
from rhapsode.model import Reading
from rhapsode.stages.holdings import Evidence
from rhapsode.store.editions import CHUNKS, edition_path
from rhapsode.store.evidence import FAILURES, TAKES
from rhapsode.store.plans import PLAN
from rhapsode.store.shelf import Shelf

Keys = npt.NDArray[np.uint64]
ACCEPTED = "accepted-"


class Needed:
    """Keys of objects; asked after all were added."""

    def __init__(self) -> None:
        self._added: list[Keys] = []
        self._keys: Keys = np.empty(0, np.uint64)

    def add(self, keys: Keys) -> None:
        self._added.append(keys)

    def has(self, keys: Sequence[str]) -> npt.NDArray[np.bool_]:
        """For each key (hex) whether it is needed, shape (n,)."""
        known, asked = self._settled(), shortened(keys)
        if not len(known):
            return np.zeros(len(asked), bool)
        places = np.searchsorted(known, asked)
        found: npt.NDArray[np.bool_] = known[np.minimum(places, len(known) - 1)] == asked
        return found

    def _settled(self) -> Keys:
        if self._added:
            self._keys = np.concatenate([self._keys, *self._added])
            self._keys.sort()  # in place; np.unique would take eight times the memory
            self._added = []
        return self._keys


def shortened(keys: Iterable[str]) -> Keys:
    return np.array([int(key[:16], 16) for key in keys], np.uint64)


def needed_by_reading(held: Evidence) -> Keys:
    """What a reading needs: all its takes, also those that nobody accepted, and what is still to be said first.

    A conversion that was stopped has stored takes that no evidence tells of. Those of round 0 follow from the plan.

    Raises:
        EvidenceDamaged, NotInLibrary: A file of the reading is torn, or its plan has gone.
    """
    keys: list[str] = []
    accepted = [entry.path for name, entry in held.files.items() if name.startswith(ACCEPTED)]
    for path in (*held.paths(TAKES), *held.paths(FAILURES), *accepted):
        keys += map(str, held.columns(path, "key")["key"])
    if held.is_planned:
        reading, _ = held.load()
        keys += _still_to_be_said(held, reading)
    return np.unique(shortened(keys))


def needed_by_edition(shelf: Shelf, number: int) -> Keys:
    """What an edition was made of.

    Raises:
        EvidenceDamaged, NotInLibrary: Its list is torn or has gone.
    """
    path = edition_path(shelf, number, "chunks.parquet")
    return np.unique(shortened(shelf.columns(CHUNKS, path, "key")["key"].to_pylist()))


def _still_to_be_said(held: Evidence, reading: Reading) -> list[str]:
    """Keys of the first takes of a reading whose round 0 is not done."""
    chunks = held.shelf.columns(PLAN, held.shelf.path(f"plan-{reading.plan[:8]}.parquet"), "number")
    told = sum(last - first + 1 for first, last in held.ranges(TAKES))
    if told == len(chunks) and not held.paths(FAILURES):
        return []
    plan = held.shelf.load_plan(reading.plan)
    engine = (reading.weights_digest, reading.precision)
    return [
        recipe.utterance(chunk.spoken, reading.voice, reading.sampling, *engine, take=1).key for chunk in plan.chunks
    ]
