"""What every backbone promises, asked of each in the same words: a take's tokens depend on its line and on B alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE, Backbone
from rhapsode.engines.maya1.decoder import Decoded, FrameDecoder, Line
from rhapsode.engines.maya1.sampler import Draw

Open = Callable[[int], Backbone]

PROMPT_IDS = 500  # ids of text that every test model knows


def lines(count: int, *, frames: int = 4, first: int = 0) -> list[Line]:
    """Lines of unlike prompts, lengths, seeds and sampling."""
    draws = [Draw(), Draw(temperature=1.0, top_p=1.0, repetition_penalty=1.0), Draw(temperature=0)]
    out = []
    for number in range(first, first + count):
        text = np.random.default_rng(number).integers(0, PROMPT_IDS, 12 + 7 * (number % 5)).tolist()
        prompt = (v.SOH, v.BOS, *text, v.EOT, v.EOH, v.SOA, v.CODE_START)
        out.append(Line(number, prompt, 9000 + number, draws[number % 3], 1, frames + number % 3))
    return out


def spoken(backbone: Backbone, asked: Sequence[Line]) -> dict[int, tuple[tuple[int, ...], tuple[float, ...]]]:
    """The tokens of each line and the mass on legal ids, which shows the last bits of the model's scores."""
    return {d.line.number: (d.token_ids, d.legal_mass) for d in FrameDecoder(backbone).decode(asked)}


def check_independence(open_backbone: Open, slots: int) -> None:
    """Alone = beside others = in another order = after others = after an abandoned run; one long line, so KV grows."""
    asked = lines(2 * slots + 3)
    long = lines(1, frames=45, first=900)
    used = open_backbone(slots)
    together = spoken(used, asked + long)
    assert {number: spoken(open_backbone(slots), [line])[number] for line in asked[:4] for number in [line.number]} == {
        line.number: together[line.number] for line in asked[:4]
    }
    assert spoken(used, asked[::-1]) == {line.number: together[line.number] for line in asked}
    unfinished = FrameDecoder(used).decode(lines(3 * slots, first=300))
    list(itertools.islice(unfinished, slots))
    unfinished.close()
    assert spoken(used, [*lines(slots - 1, first=600), asked[1]])[1] == together[1]
    assert spoken(used, long)[900] == together[900]
    used.close()


def check_scores(backbone: Backbone, reference: Callable[[Sequence[int]], np.ndarray], tolerance: float) -> None:
    """Each slot's scores are those of a plain forward pass over its own tokens; `reference` scores the vocabulary."""
    asked = lines(backbone.slots)
    said = [list(line.prompt) for line in asked]
    for slot, line in enumerate(asked):
        scores = backbone.prefill(slot, line.prompt)
        full = reference(line.prompt)
        np.testing.assert_allclose(scores, full[v.legal_ids(0)], atol=tolerance)
        np.testing.assert_allclose(backbone.log_total(slot), np.logaddexp.reduce(full), atol=tolerance)
    for t in range(10):
        tokens = np.array([v.band(t % 7).start + 13 * t + slot for slot in range(backbone.slots)])
        if t >= 5 and backbone.slots > 1:
            tokens[0] = IDLE  # its slot is empty from here on
        position = (t + 1) % 7
        scores = backbone.step(tokens, position)
        assert scores.shape == (backbone.slots, len(v.legal_ids(position)))
        for slot in range(backbone.slots):
            said[slot].append(int(tokens[slot]))
            if tokens[slot] != IDLE and t in (0, 6, 9):
                full = reference(said[slot])
                np.testing.assert_allclose(scores[slot], full[v.legal_ids(position)], atol=tolerance)
                np.testing.assert_allclose(backbone.log_total(slot), np.logaddexp.reduce(full), atol=tolerance)


def all_decoded(backbone: Backbone, asked: Sequence[Line]) -> tuple[FrameDecoder, list[Decoded]]:
    decoder = FrameDecoder(backbone)
    return decoder, list(decoder.decode(asked))
