"""The tokens of a take, `objects/<k[:2]>/<k>.tokens.json`, beside its audio and under the same key.

    put_tokens(library, tokens: StoredTokens) -> StoredTokens
    sync_tokens(library, keys: Sequence[str]) -> None         to be called before a job says that they are there
    find_tokens(library, key: str) -> StoredTokens | None     None: not there, or damaged (it is removed and logged)
    has_tokens(library, key: str) -> bool                     a name only: nothing is read

An engine with a codec says tokens. They are stored the moment a take is finished, so that a kill loses none, and they
stay when the audio is made: a take whose audio is lost is decoded again, not spoken again. `provenance` is what the
audio object will carry, less the measures of the audio.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from rhapsode.errors import EvidenceDamaged, NotInLibrary
from rhapsode.store import sealed
from rhapsode.store.library import Library
from rhapsode.store.objects import Json

KIND = "tokens/1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The token ids of one take, read whole and verified."""

    key: str
    ids: tuple[int, ...]
    duration_s: float
    provenance: dict[str, Json]


def tokens_path(key: str) -> str:
    return f"objects/{key[:2]}/{key}.tokens.json"


def put_tokens(library: Library, tokens: StoredTokens) -> StoredTokens:
    """Stores tokens and returns what the library holds under their key: a whole object is never replaced.

    They survive a killed process at once, and a power cut when `sync_tokens` has returned.
    """
    body = {"key": tokens.key, "ids": tokens.ids, "duration_s": tokens.duration_s, "provenance": tokens.provenance}
    while not library.create_bytes(tokens_path(tokens.key), sealed.write_json(KIND, body), synced=False):
        if stored := find_tokens(library, tokens.key):
            return stored
    return tokens


def sync_tokens(library: Library, keys: Sequence[str]) -> None:
    """Brings tokens onto the disk: also those that were found, for whoever stored them may not have come to it."""
    library.sync([tokens_path(key) for key in keys])


def find_tokens(library: Library, key: str) -> StoredTokens | None:
    """Reads tokens back, whole and verified; None if they are not there or were damaged.

    Raises:
        EvidenceDamaged: They are whole, but of another version of Rhapsode.
    """
    path = tokens_path(key)
    where = library.url(path)
    try:
        kind, body = library.read(path, lambda data: sealed.unseal(data, where))
    except NotInLibrary:
        return None
    except EvidenceDamaged as damage:
        log.warning("%s It is removed.", damage.message)
        library.delete(path)
        return None
    sealed.expect(KIND, kind, where)
    return StoredTokens(body["key"], tuple(body["ids"]), body["duration_s"], body["provenance"])


def has_tokens(library: Library, key: str) -> bool:
    """Whether there is an object of this name; whether it is whole, only reading it tells."""
    return library.exists(tokens_path(key))
