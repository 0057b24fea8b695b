"""A tiny SNAC of random weights: it hums, through the same code as the real one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the maya1 extra is not installed")

from snac import SNAC  # noqa: E402

from rhapsode.engines.maya1 import vocabulary as v  # noqa: E402
from rhapsode.engines.maya1.codec import WARM_UP_SAMPLES, Codec  # noqa: E402
from rhapsode.errors import EngineUnavailable, SynthesisFailed, WeightsDamaged  # noqa: E402

CONFIG = {
    "sampling_rate": 24_000,
    "encoder_dim": 4,
    "encoder_rates": [2, 4, 8, 8],
    "decoder_dim": 32,
    "decoder_rates": [8, 8, 4, 2],
    "attn_window_size": None,
    "codebook_size": 4096,
    "codebook_dim": 8,
    "vq_strides": [4, 2, 1],
    "noise": True,
    "depthwise": True,
}


def save(folder: Path, **changes: Any) -> Path:
    config = CONFIG | changes
    torch.manual_seed(0)
    model = SNAC(**config)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("snac"))


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def take(number: int, frames: int) -> tuple[int, ...]:
    rng = np.random.default_rng(number)
    return v.pack_frames([rng.integers(0, 4096, frames * count).tolist() for count in v.CODES_PER_FRAME])


def test_the_same_take_gives_the_same_samples_whatever_came_before(folder: Path) -> None:
    codec = Codec.load(folder)
    first = codec.decode(take(1, 12), seed=5).samples
    assert first.std() > 1000
    torch.manual_seed(99)
    for number in range(2, 8):
        codec.decode(take(number, number), seed=number)
    torch.set_num_threads(2)
    assert np.array_equal(codec.decode(take(1, 12), seed=5).samples, first)
    assert np.array_equal(Codec.load(folder).decode(take(1, 12), seed=5).samples, first)
    assert not np.array_equal(codec.decode(take(1, 12), seed=6).samples, first)


def test_another_process_gives_the_same_samples(folder: Path) -> None:
    script = f"""
import hashlib, pathlib
from rhapsode.engines.maya1.codec import Codec
from tests.unit.engines.maya1.test_codec import take
audio = Codec.load(pathlib.Path({str(folder)!r})).decode(take(1, 12), seed=5)
print(hashlib.sha256(audio.samples.tobytes()).hexdigest())
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    here = Codec.load(folder).decode(take(1, 12), seed=5).samples
    assert ran.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_a_codec_that_is_not_seeded_would_be_caught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec.load(folder)
    seeded = codec.decode(take(1, 12), 5).samples
    monkeypatch.setattr(torch, "manual_seed", lambda seed: None)
    first = codec.decode(take(1, 12), 5).samples
    torch.rand(1)  # someone else draws a number
    second = codec.decode(take(1, 12), 5).samples
    assert not np.array_equal(first, seeded)
    assert not np.array_equal(first, second)


def test_all_frames_are_heard_but_the_warm_up(folder: Path) -> None:
    audio = Codec.load(folder).decode(take(3, 9), seed=0)
    assert audio.sample_rate_hz == 24_000
    assert audio.samples.dtype == np.int16
    assert len(audio.samples) == 9 * v.FRAME_SAMPLES - WARM_UP_SAMPLES
    assert np.abs(audio.samples[-200:]).max() > 0


def test_torchs_generator_is_left_as_it_was(folder: Path) -> None:
    before = torch.get_rng_state()
    Codec.load(folder).decode(take(1, 4), seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_codes_reach_the_codebook_that_they_belong_to(folder: Path) -> None:
    codec = Codec.load(folder)
    heard: list[Any] = []
    codec._model.decode = lambda books: heard.extend(books) or torch.zeros(1, 1, 2 * v.FRAME_SAMPLES)
    codec.decode(v.pack_frames([[1, 2], [3, 4, 5, 6], [7, 8, 9, 10, 11, 12, 13, 14]]), seed=0)
    assert [book.tolist() for book in heard] == [[[1, 2]], [[3, 4, 5, 6]], [[7, 8, 9, 10, 11, 12, 13, 14]]]


def test_slipped_frames_no_frames_and_no_numbers_are_errors(folder: Path) -> None:
    codec = Codec.load(folder)
    with pytest.raises(SynthesisFailed, match="Token 3"):
        codec.decode([*take(1, 2)[:2], *take(1, 2)[3:]], seed=0)
    with pytest.raises(SynthesisFailed, match="no frames"):
        codec.decode([], seed=0)
    codec._model.decode = lambda books: torch.full((1, 1, v.FRAME_SAMPLES), torch.nan)
    with pytest.raises(SynthesisFailed, match="NaN"):
        codec.decode(take(1, 1), seed=0)


@pytest.mark.parametrize(
    "changes", [{"vq_strides": [8, 4, 2, 1]}, {"sampling_rate": 32_000}, {"encoder_rates": [2, 4, 8, 4]}]
)
def test_another_snac_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(WeightsDamaged, match="snac_24khz"):
        Codec.load(save(tmp_path, **changes))


def test_missing_and_foreign_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no SNAC"):
        Codec.load(tmp_path)
    save(tmp_path)
    torch.save({"other": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsDamaged, match="do not fit"):
        Codec.load(tmp_path)


class Trap:
    """What a hostile file would have unpickled: a call of its own choice."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_of_a_pickle_only_tensors_are_read(tmp_path: Path) -> None:
    save(tmp_path)
    sprung = tmp_path / "sprung"
    torch.save({"decoder.model.0.bias": Trap(sprung)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsDamaged, match="cannot be read or do not fit") as refusal:
        Codec.load(tmp_path)
    assert not sprung.exists()
    assert "\n" not in str(refusal.value)
    torch.load(tmp_path / "pytorch_model.bin", weights_only=False)
    assert sprung.exists(), "the trap was none"


@pytest.mark.parametrize("data", [b"", b"no tensors" * 9])
def test_a_file_that_is_no_weights_is_one_line(tmp_path: Path, data: bytes) -> None:
    save(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(data)
    with pytest.raises(WeightsDamaged, match=r"^[^\n]*cannot be read or do not fit: [^\n]+$"):
        Codec.load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"colour": 1}'])
def test_a_configuration_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    save(tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsDamaged, match=r"^[^\n]*describes no SNAC[^\n]*$"):
        Codec.load(tmp_path)


def test_the_first_frame_and_the_last_one_are_heard(folder: Path) -> None:
    codec, said = Codec.load(folder), take(3, 9)
    whole = codec.decode(said, seed=0).samples
    for at, heard in ((0, slice(None, v.FRAME_SAMPLES)), (8, slice(-v.FRAME_SAMPLES, None))):
        other = [*said[: 7 * at], *take(4, 1), *said[7 * at + 7 :]]
        changed = codec.decode(other, seed=0).samples != whole
        assert changed[heard].mean() > 0.1


def test_a_device_without_room_is_a_lack_of_memory_that_may_pass(folder: Path) -> None:
    codec = Codec.load(folder)

    def full(books: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it.")

    real, codec._model.decode = codec._model.decode, full
    with pytest.raises(MemoryError, match=r"^CUDA out of memory. Tried to allocate 2.00 GiB$") as lack:
        codec.decode(take(1, 2), seed=0)
    assert lack.value.__context__ is None
    codec._model.decode = real
    assert codec.decode(take(1, 2), seed=0).duration_s > 0
