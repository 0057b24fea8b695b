"""SNAC: from the token ids of a whole take to samples. The same take gives the same bytes, whatever was decoded before.

Three things would make it otherwise, and are held here. SNAC's decoder adds noise from torch's global generator even
in evaluation: it is seeded by the take. Batches round differently from single takes: takes are decoded one a call.
So do other numbers of threads: theirs is fixed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from snac import SNAC

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.errors import EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Audio, Samples

WARM_UP_SAMPLES = 2048
"""What the official decoder drops at the start of a take: before it has heard its first frames it clicks."""

_GENERATOR_IS_TAKEN = threading.Lock()  # torch's global generator; two takes at once would share their noise


class Codec:
    """A loaded SNAC decoder. Nothing in it changes after `load`."""

    def __init__(self, model: Any, *, device: str, threads: int) -> None:
        self._model = model
        self._device = torch.device(device)
        self._threads = threads

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", threads: int = 1) -> Codec:
        """Loads SNAC from a local folder: `config.json` and `pytorch_model.bin`, of which only tensors are unpickled.

        Raises:
            EngineUnavailable: They are not there.
            WeightsDamaged: It is not the 24 kHz SNAC that Maya1 speaks through, its tensors do not fit, or the file
                holds more than tensors.
        """
        config_file, weights_file = folder / "config.json", folder / "pytorch_model.bin"
        if not (config_file.is_file() and weights_file.is_file()):
            raise EngineUnavailable(f"There is no SNAC codec in {folder}.", "Fetch it: `rhapsode models`.")
        model = _empty_snac(config_file)
        found = (model.sampling_rate, int(model.hop_length), tuple(model.vq_strides), model.codebook_size)
        expected = (v.SAMPLE_RATE_HZ, v.HOP, v.STRIDES, v.CODEBOOK_SIZE)
        if found != expected:
            raise WeightsDamaged(
                f"The codec in {folder} has rate, hop, strides and codebook size {found}, not {expected}.",
                "Maya1 needs snac_24khz.",
            )
        try:
            model.load_state_dict(torch.load(weights_file, map_location="cpu", weights_only=True))
        except (RuntimeError, TypeError, EOFError, UnpicklingError) as error:
            raise WeightsDamaged(
                f"The tensors in {weights_file} cannot be read or do not fit: {_first_line(error)}.",
                "Fetch them again.",
            ) from error
        return cls(model.eval().to(device), device=device, threads=threads)

    def decode(self, token_ids: Sequence[int], seed: int) -> Audio:
        """Decodes one whole take.

        Args:
            token_ids: Whole frames, without CODE_END.
            seed: Of the take; it decides the codec's noise.

        Returns:
            24 kHz, 2048 samples for each frame but the first.

        Raises:
            SynthesisFailed: The frames have slipped or there are none, or the codec computed no numbers.
            MemoryError: The device has no room for the take, now.
        """
        books = [torch.from_numpy(codes)[None].to(self._device) for codes in v.unpack_frames(token_ids)]
        if not token_ids:
            raise SynthesisFailed("The take has no frames to decode.", "Speak it again.")
        lack = ""
        try:
            with self._same_every_time(seed), torch.inference_mode():
                wave = self._model.decode(books)[0, 0].float().cpu().numpy()
        except torch.OutOfMemoryError as failure:
            lack = _first_line(failure)
        if lack:  # out here torch's error is gone, and with it the frames that held on to tensors
            raise MemoryError(lack)
        assert len(wave) == v.FRAME_SAMPLES * len(books[0][0])
        if not np.isfinite(wave).all():
            raise SynthesisFailed("The codec computed NaN or infinity.", "Its weights are damaged: fetch them again.")
        samples: Samples = np.rint(np.clip(wave[WARM_UP_SAMPLES:], -1.0, 1.0) * 32767).astype(np.int16)
        return Audio(samples, v.SAMPLE_RATE_HZ)

    @contextmanager
    def _same_every_time(self, seed: int) -> Iterator[None]:
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        on_cuda = [self._device] if self._device.type == "cuda" else []
        with (
            _GENERATOR_IS_TAKEN,
            torch.random.fork_rng(devices=on_cuda),
            # cuDNN may otherwise choose by stopwatch, and add up in any order.
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
            # SNAC's activation is TorchScript, which may be compiled anew, and round anew, after its first calls.
            torch.jit.optimized_execution(False),
        ):
            torch.manual_seed(seed)
            yield


def _empty_snac(config_file: Path) -> Any:
    try:
        config = json.loads(config_file.read_text())
        with torch.random.fork_rng(devices=[]):  # random weights are drawn first
            return SNAC(**config)
    except (ValueError, TypeError) as error:
        raise WeightsDamaged(f"{config_file} describes no SNAC: {_first_line(error)}.", "Fetch it again.") from error


def _first_line(error: BaseException) -> str:
    """Torch explains at length; an error of ours is one line."""
    return (str(error).splitlines() or ["it ends too early"])[0].rstrip(".:")
