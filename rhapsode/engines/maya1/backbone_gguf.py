"""Maya1 on llama.cpp: each slot is a sequence with a cache of its own, and every batch holds one token of each."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import llama_cpp as c
import numpy as np
import numpy.typing as npt

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE, check_slots
from rhapsode.engines.maya1.model_gguf import GgufModel
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.errors import SynthesisFailed

PIECE = 512
"""Prompt tokens a batch. Longer prompts are fed in pieces, whose borders depend on the prompt alone."""

OUT_OF_MEMORY = -2  # llama_decode: GGML_STATUS_ALLOC_FAILED


class GgufBackbone:
    """Slots on a loaded model; see `Backbone` for what each method promises.

    `capacity` tokens are set aside for every slot at once: llama.cpp does not grow its cache.
    """

    def __init__(self, model: GgufModel, slots: int, capacity: int) -> None:
        self.model = model
        self._asked_capacity = capacity
        self._legal = [v.legal_ids(position) for position in range(v.FRAME_TOKENS)]
        self._release = contextlib.ExitStack()
        self.resize(slots)

    @property
    def slots(self) -> int:
        return len(self._lengths)

    @property
    def capacity(self) -> int:
        return min(int(c.llama_n_ctx_seq(self._context)), self.model.context)

    def resize(self, slots: int) -> None:
        check_slots(slots)
        self.close()
        self._context = c.llama_init_from_model(self.model.handle, self._parameters(slots))
        if not self._context:
            raise MemoryError(f"llama.cpp has no room for {slots} slots of {self._asked_capacity} tokens")
        self._release.callback(c.llama_free, self._context)
        self._memory = c.llama_get_memory(self._context)
        self._lengths = np.zeros(slots, dtype=np.int64)
        self._step = _Batch(slots, self._release)
        self._prompt = _Batch(PIECE, self._release)
        self._step.belongs_to(range(slots))
        self._step.wanted[:] = 1
        self._row_of: dict[int, int] = {}  # slot -> row of the scores that the last batch computed

    def close(self) -> None:
        self._release.close()
        self._context = None
        self._lengths = np.zeros(0, dtype=np.int64)

    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        c.llama_memory_seq_rm(self._memory, slot, -1, -1)
        self._prompt.belongs_to([slot] * PIECE)
        for start in range(0, len(prompt), PIECE):
            piece = prompt[start : start + PIECE]
            self._prompt.token[: len(piece)] = piece
            self._prompt.position[: len(piece)] = np.arange(start, start + len(piece))
            self._prompt.wanted[: len(piece)] = 0
            self._prompt.wanted[len(piece) - 1] = start + PIECE >= len(prompt)
            self._decode(self._prompt, len(piece))
        self._lengths[slot] = len(prompt)
        self._row_of = {slot: 0}
        scores: Logits = self._scores(1)[0, self._legal[0]]
        return scores

    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        idle = token_ids == IDLE
        for slot in np.flatnonzero(idle):
            c.llama_memory_seq_rm(self._memory, int(slot), -1, -1)
        self._lengths[idle] = 0
        self._step.token[:] = np.where(idle, v.PAD, token_ids)
        self._step.position[:] = self._lengths
        self._decode(self._step, self.slots)
        self._lengths[~idle] += 1
        self._row_of = {slot: slot for slot in range(self.slots)}
        # The ids of a band lie side by side: a slice copies them several times faster than an index would.
        legal = self._legal[position]
        scores = self._scores(self.slots)[:, legal[0] : legal[-1] + 1]
        return scores[:, legal - legal[0]] if position == 0 else scores.copy()

    def log_total(self, slot: int) -> float:
        scores = self._scores(len(self._row_of))[self._row_of[slot]].astype(np.float64)
        peak = scores.max()
        return float(peak + np.log(np.exp(scores - peak).sum()))

    def _parameters(self, slots: int) -> Any:
        parameters = c.llama_context_default_params()
        parameters.n_ctx = slots * self._asked_capacity
        parameters.n_seq_max = slots
        parameters.kv_unified = False
        parameters.n_batch = parameters.n_ubatch = max(PIECE, slots)
        parameters.n_outputs_max = slots  # else room for the whole vocabulary times n_batch is set aside
        parameters.n_threads = parameters.n_threads_batch = self.model.threads
        parameters.no_perf = True
        if self.model.exact:
            parameters.type_k = parameters.type_v = c.GGML_TYPE_F32
        if not self.model.on_gpu:
            # Its flash attention splits long caches among threads; plain attention adds up in one order.
            parameters.flash_attn_type = c.LLAMA_FLASH_ATTN_TYPE_DISABLED
        return parameters

    def _decode(self, batch: _Batch, tokens: int) -> None:
        batch.struct.n_tokens = tokens
        status = c.llama_decode(self._context, batch.struct)
        if status == OUT_OF_MEMORY:
            raise MemoryError("llama.cpp could not allocate a batch")
        if status:
            raise SynthesisFailed(f"llama.cpp answered {status} to a batch of {tokens} tokens.", "Use another backend.")

    def _scores(self, rows: int) -> npt.NDArray[np.float32]:
        """The scores of the last batch, (rows, vocabulary): a view that the next batch overwrites."""
        return np.ctypeslib.as_array(c.llama_get_logits(self._context), shape=(rows, self.model.width))


class _Batch:
    """A llama_batch whose fields are numpy views; one sequence a token."""

    def __init__(self, size: int, release: contextlib.ExitStack) -> None:
        self.struct = c.llama_batch_init(size, 0, 1)
        release.callback(c.llama_batch_free, self.struct)
        self.token = np.ctypeslib.as_array(self.struct.token, shape=(size,))
        self.position = np.ctypeslib.as_array(self.struct.pos, shape=(size,))
        self.wanted = np.ctypeslib.as_array(self.struct.logits, shape=(size,))
        np.ctypeslib.as_array(self.struct.n_seq_id, shape=(size,))[:] = 1

    def belongs_to(self, slots: Sequence[int]) -> None:
        """Says of which slot each token is; llama.cpp keeps that behind a pointer of its own for each."""
        for i, slot in enumerate(slots):
            self.struct.seq_id[i][0] = slot
