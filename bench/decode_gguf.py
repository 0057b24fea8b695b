"""The same random weights on llama.cpp: our slots, the usual loop, and a loop of nothing but `llama_decode`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import llama_cpp as c
import numpy as np

from bench.decode_hf import Shape, random_model
from rhapsode.engines.maya1 import model_gguf
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE
from rhapsode.engines.maya1.backbone_gguf import GgufBackbone
from rhapsode.engines.maya1.decoder import Line
from rhapsode.engines.maya1.sampler import Logits
from tests.fixtures.voice import expansion, gguf_file


def write_gguf(model: Any, target: Path) -> None:
    """Writes a model in Q8_0: 108 MB at the default shape."""
    exact = target.with_suffix(".f32")
    gguf_file.write(model, expansion.WEIGHTS / "tokenizer.json", exact)
    c.llama_log_set(model_gguf._quiet, ctypes.c_void_p(0))
    parameters = c.llama_model_quantize_default_params()
    parameters.ftype = c.LLAMA_FTYPE_MOSTLY_Q8_0
    status = c.llama_model_quantize(str(exact).encode(), str(target).encode(), ctypes.byref(parameters))
    assert status == 0, f"llama.cpp answered {status} to {exact}"
    exact.unlink()


class Gguf:
    """All sides read one file."""

    usual_name = "llama-cpp-python generate()"
    usual_chunks = 12

    def __init__(self, shape: Shape, context: int, threads: int, folder: Path) -> None:
        file = folder / "random.gguf"
        write_gguf(random_model(shape, context), file)
        self._model = model_gguf.load(file, gpu=False, threads=threads)
        self._usual = c.Llama(
            str(file), n_gpu_layers=0, n_ctx=context, n_threads=threads, n_threads_batch=threads, seed=0, verbose=False
        )

    def backbone(self, slots: int, capacity: int) -> Noted:
        return Noted(GgufBackbone(self._model, slots, capacity))

    def bare_loop(self, backbone: Noted) -> BareLoop:
        return BareLoop(backbone)

    def usual(self, line: Line) -> int:
        """Says one line with the library's own sampler; what its prompt shares with the last one is not read anew."""
        drawn = self._usual.generate(
            line.prompt, temp=line.draw.temperature, top_p=line.draw.top_p, repeat_penalty=line.draw.repetition_penalty
        )
        return sum(1 for _ in islice(drawn, line.max_frames * v.FRAME_TOKENS))


class Noted:
    """A backbone whose calls are noted down, for a `BareLoop` to do the same."""

    def __init__(self, backbone: GgufBackbone) -> None:
        self.backbone = backbone
        self.calls: list[tuple[int, Sequence[int]] | v.TokenIds] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backbone, name)

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        self.calls.append((slot, prompt))
        return self.backbone.prefill(slot, prompt)

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        self.calls.append(token_ids.copy())
        return self.backbone.step(token_ids, position)


class BareLoop:
    """Repeats the noted calls of a backbone in a context of its own: the same batches, and nobody reads a score."""

    def __init__(self, noted: Noted) -> None:
        self._noted = noted
        backbone, slots = noted.backbone, noted.backbone.slots
        self._context = c.llama_init_from_model(backbone.model.handle, backbone._parameters(slots))
        self._memory = c.llama_get_memory(self._context)
        self._size = int(c.llama_n_batch(self._context))
        self._batch = c.llama_batch_init(self._size, 0, 1)
        fields = {"token": self._batch.token, "position": self._batch.pos, "wanted": self._batch.logits}
        self._views = {name: np.ctypeslib.as_array(field, shape=(self._size,)) for name, field in fields.items()}
        np.ctypeslib.as_array(self._batch.n_seq_id, shape=(self._size,))[:] = 1
        self._lengths = np.zeros(slots, dtype=np.int64)
        self._of: Sequence[int] = ()

    def catch_up(self) -> None:
        """Does what the backbone did since it was last asked."""
        for call in self._noted.calls:
            if isinstance(call, tuple):
                self._prefill(*call)
            else:
                self._step(call)
        self._noted.calls.clear()

    def close(self) -> None:
        c.llama_batch_free(self._batch)
        c.llama_free(self._context)

    def _prefill(self, slot: int, prompt: Sequence[int]) -> None:
        assert len(prompt) <= self._size, "a prompt of several batches"
        c.llama_memory_seq_rm(self._memory, slot, -1, -1)
        last = np.arange(len(prompt)) == len(prompt) - 1
        self._decode(prompt, np.arange(len(prompt)), [slot] * len(prompt), last)
        self._lengths[slot] = len(prompt)

    def _step(self, token_ids: v.TokenIds) -> None:
        idle = token_ids == IDLE
        for slot in np.flatnonzero(idle):
            c.llama_memory_seq_rm(self._memory, int(slot), -1, -1)
        self._lengths[idle] = 0
        self._decode(np.where(idle, v.PAD, token_ids), self._lengths, range(len(token_ids)), True)
        self._lengths[~idle] += 1

    def _decode(self, token_ids: Any, positions: Any, slots: Sequence[int], wanted: Any) -> None:
        count = self._batch.n_tokens = len(token_ids)
        for name, values in (("token", token_ids), ("position", positions), ("wanted", wanted)):
            self._views[name][:count] = values
        if slots != self._of:  # a pointer each: not set anew where nothing has changed
            for i, slot in enumerate(slots):
                self._batch.seq_id[i][0] = slot
            self._of = slots
        status = c.llama_decode(self._context, self._batch)
        assert status == 0, f"llama.cpp answered {status}"
        c.llama_synchronize(self._context)
