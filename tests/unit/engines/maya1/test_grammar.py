"""No illegal token can be drawn, however much a model wants one: through the decoder, and through both backbones.

Nothing masks full scores. `legal_ids` names the rows of the head that are scored and the ids that their columns stand
for, so to disable the mask is to let it name every id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import Backbone
from rhapsode.engines.maya1.decoder import Decoded, FrameDecoder
from rhapsode.errors import SynthesisFailed
from tests.unit.engines.maya1.mock import DRAWS, VOCABULARY, MockBackbone, line

Open = Callable[[int], Backbone]


def check_legal(decoded: Sequence[Decoded]) -> None:
    """Every token in the band of its position: once without the code under test, and once by it."""
    strays = [token for d in decoded for i, token in enumerate(d.token_ids) if (token - 128_266) // 4096 != i % 7]
    assert not strays, f"{len(strays)} of {sum(len(d.token_ids) for d in decoded)} tokens are illegal: {strays[:5]} ..."
    for d in decoded:
        v.unpack_frames(d.token_ids)


def disable_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v, "legal_ids", lambda _: np.arange(VOCABULARY))


def lured(lines: int, slots: int, frames: int = 60) -> list[Decoded]:
    decoder = FrameDecoder(MockBackbone(slots, lure=25.0, end=3.0))
    return list(decoder.decode([line(i, frames=frames, draw=DRAWS[i % 4]) for i in range(lines)]))


def test_200_000_tokens_from_scores_that_favour_illegal_ids_are_all_legal() -> None:
    decoded = lured(600, 32)
    assert sum(len(d.token_ids) for d in decoded) >= 200_000
    check_legal(decoded)
    assert len({len(d.token_ids) for d in decoded}) > 20  # some ended by themselves, some were cut
    assert all(mass < 1e-6 for d in decoded for mass in d.legal_mass)  # what the lure leaves to the legal ids


def test_with_the_mask_disabled_the_same_check_convicts(monkeypatch: pytest.MonkeyPatch) -> None:
    disable_the_mask(monkeypatch)
    decoded = lured(4, 4, frames=6)
    assert all(mass == pytest.approx(1) for d in decoded for mass in d.legal_mass)
    with pytest.raises(AssertionError, match=r"\d+ of \d+ tokens are illegal"):
        check_legal(decoded)
    with pytest.raises(SynthesisFailed, match="the frames have slipped"):
        v.unpack_frames(decoded[0].token_ids)


def test_an_end_that_is_legal_at_every_position_is_convicted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grammar has two halves: bands, and CODE_END where a frame begins."""
    legal = [np.concatenate(([v.CODE_END], np.asarray(v.band(position)))) for position in range(7)]
    monkeypatch.setattr(v, "legal_ids", lambda position: legal[position])
    with pytest.raises(AssertionError, match=r"illegal: .*128258"):
        check_legal(list(FrameDecoder(MockBackbone(4, end=8.0)).decode([line(i, minimum=9) for i in range(4)])))


@pytest.fixture(scope="module")
def rigged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that would rather say text than any code, in both formats."""
    pytest.importorskip("torch", reason="the maya1 extra is not installed")
    pytest.importorskip("gguf", reason="no writer for GGUF files")
    from tests.fixtures import models
    from tests.fixtures.voice import expansion, gguf_file

    folder = tmp_path_factory.mktemp("rigged")
    model = models.babbling(lure=1.0)
    model.save_pretrained(folder)
    gguf_file.write(model, expansion.WEIGHTS / "tokenizer.json", folder / "rigged.gguf")
    return folder


def hf(folder: Path) -> Open:
    from rhapsode.engines.maya1 import backbone_hf, model_hf

    model = model_hf.load(folder, device="cpu")
    return lambda slots: backbone_hf.HfBackbone(model, slots)


def gguf(folder: Path) -> Open:
    pytest.importorskip("llama_cpp", reason="the gguf extra is not installed")
    from rhapsode.engines.maya1 import backbone_gguf, model_gguf

    model = model_gguf.load(folder / "rigged.gguf", gpu=False)
    return lambda slots: backbone_gguf.GgufBackbone(model, slots, 512)


@pytest.mark.parametrize("opened", [hf, gguf])
def test_a_head_that_favours_text_says_codes_and_without_the_mask_text(
    rigged: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_backbone = opened(rigged)
    lines = [line(i, frames=24, draw=DRAWS[i % 4]) for i in range(12)]
    decoded = list(FrameDecoder(open_backbone(8)).decode(lines))
    said, legal = sum(len(d.token_ids) for d in decoded), max(mass for d in decoded for mass in d.legal_mass)
    print(f"{said} tokens; at most {legal:.1e} of the probability was on legal ids")
    assert said > 1000 and legal < 1e-6
    check_legal(decoded)
    disable_the_mask(monkeypatch)
    with pytest.raises(AssertionError, match=r"\d+ of \d+ tokens are illegal"):
        check_legal(list(FrameDecoder(open_backbone(4)).decode(lines[:4])))
