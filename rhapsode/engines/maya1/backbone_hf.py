"""Maya1 on Hugging Face transformers: slots with a key-value cache of their own, and a head of one band at a time.

`model_hf`, this file and `codec` are the only ones that import torch. Nobody imports them before an engine is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import torch
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone import IDLE, check_slots
from rhapsode.engines.maya1.model_hf import HfModel, Precision
from rhapsode.engines.maya1.sampler import Logits
from rhapsode.errors import BadRequest

GROWTH = 512
"""Tokens by which the cache grows with the longest slot: the block in which torch's attention walks the keys on a CPU.

A block that is masked from end to end changes no bit, so a long neighbour is not noticed (tested). Of a block cut short
the products may add up in another order: with steps of 256 and four heads to a key, on one of two processors tried, a
slot had other bits from its 129th token on as soon as a neighbour outgrew 256.
"""

F = TypeVar("F", bound=Callable[..., Any])


class SlotLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values, (slots, heads, tokens, width): each slot writes at its own position."""

    is_sliding = False

    def __init__(self, slots: int, positions: Any) -> None:
        super().__init__()
        self.positions = positions  # (slots,), shared by all layers
        self.rows = torch.arange(slots, device=positions.device)
        self.length = GROWTH  # how many tokens are attended to

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        slots, (_, heads, _, width) = len(self.rows), key_states.shape
        self.keys, self.values = (key_states.new_zeros(slots, heads, self.length, width) for _ in range(2))
        self.is_initialized = True

    def reach(self, length: int) -> None:
        """Lets the step attend to this many tokens; what is there already keeps its place."""
        self.length = length
        if self.is_initialized and length > self.keys.shape[2]:
            self.keys, self.values = (
                torch.nn.functional.pad(old, (0, 0, 0, length - old.shape[2])) for old in (self.keys, self.values)
            )

    def fill(self, slot: int, keys: Any, values: Any) -> None:
        """Takes a prefilled prompt, each (1, heads, tokens, width)."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        for kept, new in ((self.keys, keys), (self.values, values)):
            kept[slot, :, : new.shape[2]] = new[0]
            kept[slot, :, new.shape[2] :] = 0  # masked anyway; but 0 x NaN, had a take left one, is NaN

    def update(self, key_states: Any, value_states: Any, *args: object, **kwargs: object) -> tuple[Any, Any]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys[self.rows, :, self.positions] = key_states[:, :, 0]
        self.values[self.rows, :, self.positions] = value_states[:, :, 0]
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_seq_length(self) -> int:
        return int(self.positions.max())

    def get_max_length(self) -> int:
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length, 0


def _computed(method: F) -> F:
    """Runs a method without gradients, on the fixed threads, and names a lack of memory as Python does."""

    @functools.wraps(method)
    def run(self: HfBackbone, *args: Any) -> Any:
        if torch.get_num_threads() != self.model.threads:
            torch.set_num_threads(self.model.threads)
        try:
            with torch.inference_mode():
                return method(self, *args)
        except torch.OutOfMemoryError as failure:
            message = str(failure)
        # Out here torch's error is gone, and with it the frames that held on to tensors.
        raise MemoryError(message)

    return cast(F, run)


class HfBackbone:
    """Slots on a loaded model; see `Backbone` for what each method promises."""

    def __init__(self, model: HfModel, slots: int) -> None:
        if model.precision is Precision.INT8 and slots > 1:
            raise BadRequest(
                "int8 of bitsandbytes looks for outliers over all rows: takes would change with their neighbours.",
                "Use one slot, or another precision.",
            )
        self.model = model
        # CODE_END lies a few rows before the first band: one product takes both, and the ids between are left out.
        legal = [v.legal_ids(position) for position in range(v.FRAME_TOKENS)]
        self._heads = [model.head[ids[0] : ids[-1] + 1] for ids in legal]
        self._columns = torch.from_numpy(legal[0] - legal[0][0]).to(model.device)
        self.resize(slots)

    @property
    def slots(self) -> int:
        return len(self._lengths)

    @property
    def capacity(self) -> int:
        return self.model.context

    @_computed
    def resize(self, slots: int) -> None:
        check_slots(slots)
        self.close()
        body, device = self.model.body, self.model.device
        self._lengths = np.zeros(slots, dtype=np.int64)
        self._positions = torch.zeros(slots, dtype=torch.long, device=device)
        self._layers = [SlotLayer(slots, self._positions) for _ in range(body.config.num_hidden_layers)]
        self._cache = Cache(layers=self._layers)
        self._hidden = torch.zeros(slots, body.config.hidden_size, dtype=self.model.head.dtype, device=device)

    def close(self) -> None:
        self._lengths = np.zeros(0, dtype=np.int64)
        self._layers = []
        self._cache = self._positions = self._hidden = None
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()

    @_computed
    def prefill(self, slot: int, prompt: Sequence[int]) -> Logits:
        cache = DynamicCache(config=self.model.body.config)
        ids = torch.tensor([prompt], device=self.model.device)
        hidden = self.model.body(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state[0, -1:]
        self._lengths[slot] = len(prompt)
        self._reach()
        for layer, filled in zip(self._layers, cache.layers, strict=True):
            layer.fill(slot, filled.keys, filled.values)
        self._hidden[slot] = hidden[0]
        scores: Logits = self._scores(hidden, 0)[0]
        return scores

    @_computed
    def step(self, token_ids: v.TokenIds, position: int) -> Logits:
        idle = token_ids == IDLE
        self._lengths[idle] = 0
        self._reach()
        device = self.model.device
        ids = torch.from_numpy(np.where(idle, v.PAD, token_ids)).to(device)
        self._positions.copy_(torch.from_numpy(self._lengths))
        # Added to the scores: of True and False every layer would make such a mask again.
        mask = self._hidden.new_zeros(self.slots, self._layers[0].length)
        mask.masked_fill_(torch.arange(mask.shape[1], device=device) > self._positions[:, None], -torch.inf)
        self._hidden = self.model.body(
            input_ids=ids[:, None],
            position_ids=self._positions[:, None],
            attention_mask=mask[:, None, None],
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state[:, 0]
        self._lengths[~idle] += 1
        return self._scores(self._hidden, position)

    @_computed
    def log_total(self, slot: int) -> float:
        scores = torch.nn.functional.linear(self._hidden[slot], self.model.head)
        return float(torch.logsumexp(scores.double(), 0))

    def _reach(self) -> None:
        """Makes room for one more token in the longest slot."""
        length = -(-(int(self._lengths.max()) + 1) // GROWTH) * GROWTH
        for layer in self._layers:
            layer.reach(length)

    def _scores(self, hidden: Any, position: int) -> Logits:
        scores = torch.nn.functional.linear(hidden, self._heads[position])
        if position == 0:  # elsewhere a band is all that the head was given
            scores = scores[:, self._columns]
        legal: Logits = scores.float().cpu().numpy()
        return legal
