"""How two other makers of audiobooks judge a transcript, as they publish it, on words that are normalised as ours are.

Both judge one take alone, by its text. What else they look at (lengths, levels) is left out, here and there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from rapidfuzz.distance import Levenshtein

Rule = Callable[[Sequence[str], Sequence[str]], float]
"""(words said, words heard) -> how bad the take is; above 1 it fails."""


def tts_audiobook_tool(said: Sequence[str], heard: Sequence[str]) -> float:
    """More word errors than a tenth of the words, rounded up."""
    return Levenshtein.distance(said, heard) / max(1, ceil(len(said) / 10))


def audicle(said: Sequence[str], heard: Sequence[str]) -> float:
    """More than 0.35 of the words differ, or 8 or more in a row do."""
    ratio = Levenshtein.distance(said, heard) / max(1, len(said), len(heard))
    return max(ratio / 0.35, _longest_run(said, heard) / 7.5)


def _longest_run(said: Sequence[str], heard: Sequence[str]) -> int:
    """The longest run of words, on either side, between two that agree."""
    longest = said_run = heard_run = 0
    for piece in Levenshtein.opcodes(said, heard):
        if piece.tag == "equal":
            said_run = heard_run = 0
        said_run += (piece.src_end - piece.src_start) * (piece.tag != "equal")
        heard_run += (piece.dest_end - piece.dest_start) * (piece.tag != "equal")
        longest = max(longest, said_run, heard_run)
    return longest


PEERS: dict[str, Rule] = {"tts-audiobook-tool": tts_audiobook_tool, "Audicle": audicle}
