"""The ladder: how a chunk is spoken again when no take of it is good.

Each rung is different from those before it, since a model that is asked the same again makes the same mistake again. A
voice with dice throws them again, then draws more gently; then, as a voice without dice does sooner, it says the chunk
in two parts, and then respelt; at last the other backend of the voice speaks, where there is one. A rung that cannot
help a chunk (one of a few words cannot be split) gives its place to a gentler, or slower, one than there was before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rhapsode.model import Chunk, EngineIdentity, Order, Sampling
from rhapsode.quality.respell import respelled, says_the_same
from rhapsode.text.normalise import ensure_terminal
from rhapsode.text.pace import estimate_s
from rhapsode.text.sentences import clause_spans

COOLER = 0.75
"""Of the temperature, from the second rung on, each: nearer to what the model itself finds likeliest."""
SLOWER = 0.95
"""Of the speed, each rung, where a voice has no dice."""
SHORTEST_PART_S = 1.5
"""Of speech, by estimate: language-model voices fail on what is shorter."""

Other = Callable[[], EngineIdentity | None]
"""The other backend of the voice; asked for only where a rung needs it."""


def next_order(chunk: Chunk, usual: Sampling, rung: int, take: int, other: Other) -> Order:
    """How a chunk is spoken in this round (from 1), as this take of it."""
    order = Order(chunk.number, take)
    gentler = replace(order, sampling=_gentler(usual, rung))

    def elsewhere() -> Order | None:
        identity = other()
        return replace(order, engine=identity) if identity else None

    split, respelt = lambda: _split(chunk, order), lambda: _respelt(chunk, order)
    rungs: list[Callable[[], Order | None]] = (
        [lambda: gentler, split, respelt]
        if usual.temperature is None
        else [lambda: order, lambda: gentler, split, respelt, elsewhere]
    )
    return (rungs[rung - 1]() if rung <= len(rungs) else None) or gentler


def _gentler(usual: Sampling, rung: int) -> Sampling:
    if usual.temperature is None:
        return replace(usual, speed=round((usual.speed or 1.0) * SLOWER**rung, 4))
    return replace(usual, temperature=round(usual.temperature * COOLER ** (rung - 1), 4))


def _respelt(chunk: Chunk, order: Order) -> Order | None:
    text = respelled(chunk.spoken)
    return replace(order, text=text) if text != chunk.spoken else None


def _split(chunk: Chunk, order: Order) -> Order | None:
    """In two parts: at the end of a sentence if one lies well inside, else at a clause."""
    for cut in _cuts(chunk):
        parts = (ensure_terminal(chunk.spoken[:cut].strip()), ensure_terminal(chunk.spoken[cut:].strip()))
        long_enough = min(map(estimate_s, parts)) >= SHORTEST_PART_S
        if long_enough and says_the_same(chunk.spoken, " ".join(parts)):
            return replace(order, parts=parts)
    return None


def _cuts(chunk: Chunk) -> list[int]:
    """Where a chunk may be cut, the best first; characters of its spoken text."""
    text = chunk.spoken
    sentences = [span.spoken_start for span in chunk.spans[1:]]
    [*_, (clause, _)] = clause_spans(text, 0, len(text), lambda piece: len(piece) < len(text))
    return [*sorted(sentences, key=lambda cut: abs(cut - len(text) / 2)), clause]
