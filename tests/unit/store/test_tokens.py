from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import EvidenceDamaged
from rhapsode.store import sealed
from rhapsode.store.library import Library
from rhapsode.store.tokens import StoredTokens, find_tokens, has_tokens, put_tokens, sync_tokens, tokens_path

KEY = "ab" * 32


def tokens(*ids: int) -> StoredTokens:
    return StoredTokens(KEY, ids, 1.25, {"finish_reason": "end", "stack": {"slots": 8}})


@settings(max_examples=30)
@given(ids=st.lists(st.integers(0, 200_000), max_size=50))
def test_tokens_come_back_as_they_were(ids: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    library = Library(str(tmp_path_factory.mktemp("library")))
    stored = put_tokens(library, tokens(*ids))
    sync_tokens(library, [KEY])
    assert has_tokens(library, KEY)
    assert find_tokens(library, KEY) == stored == tokens(*ids)


def test_whole_tokens_are_never_replaced_and_damaged_ones_are(library: Library) -> None:
    assert find_tokens(library, KEY) is None and not has_tokens(library, KEY)
    put_tokens(library, tokens(1, 2))
    assert put_tokens(library, tokens(3, 4)) == tokens(1, 2)
    library.write_bytes(tokens_path(KEY), library.read_bytes(tokens_path(KEY)).replace(b"[1,2]", b"[1,3]"))
    assert find_tokens(library, KEY) is None and not has_tokens(library, KEY)
    assert put_tokens(library, tokens(3, 4)) == tokens(3, 4) == find_tokens(library, KEY)


def test_tokens_of_another_version_are_kept_and_refused(library: Library) -> None:
    library.write_bytes(tokens_path(KEY), sealed.write_json("tokens/9", {"key": KEY}))
    with pytest.raises(EvidenceDamaged, match="tokens/9"):
        find_tokens(library, KEY)
    assert has_tokens(library, KEY)
