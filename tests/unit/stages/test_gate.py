from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rhapsode.settings import EngineName
from rhapsode.stages.gate import MOST_HEARD, chosen, listener


@given(st.integers(1, 2000))
def test_the_chapters_that_are_listened_to(chapters: int) -> None:
    at = sorted(chosen(chapters))
    assert len(at) == min(chapters, MOST_HEARD)
    assert (at[0], at[-1]) == (0, chapters - 1)
    gaps = {right - left for left, right in pairwise(at)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_who_does_not_listen_and_why() -> None:
    assert listener("hibari", "en", None) == (None, "it was not asked for")
    assert listener(EngineName.TONE, "en", "tiny.en") == (None, "tone does not speak")
    assert listener("hibari", "fr", "tiny.en")[0] is None
    recogniser, why_not = listener("hibari", "en-GB", "tiny.en")
    assert recogniser is not None and why_not == ""
