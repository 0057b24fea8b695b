"""Random weights of Maya1's shape on transformers: our slots, and the usual loop beside them.

What a step costs does not depend on what the weights know. The body has 22 million parameters by default, so that two
cores can bear it; under the full vocabulary the head then costs more than the body, which at 3 billion it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.backbone_hf import HfBackbone
from rhapsode.engines.maya1.decoder import Line
from rhapsode.engines.maya1.model_hf import HfModel, Precision
from tests.fixtures.voice.layout import VOCABULARY


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the body; the head is tied to the embeddings, as in the published weights."""

    width: int = 512
    feed_forward: int = 1280
    layers: int = 8
    heads: int = 8
    key_value_heads: int = 2


def random_model(shape: Shape, context: int) -> Any:
    """A `LlamaForCausalLM`, the same each time. No id ends a take: only its length does."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.width // shape.heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LlamaForCausalLM(config).eval()


class Hf:
    """Both sides share the weights, in float32."""

    usual_name = "transformers generate()"
    usual_chunks = 4

    def __init__(self, shape: Shape, context: int, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._model = model = random_model(shape, context)
        self._loaded = HfModel(
            model.get_decoder(), model.lm_head.weight.detach(), Precision.FP32, torch.device("cpu"), threads
        )

    def backbone(self, slots: int, capacity: int) -> HfBackbone:
        return HfBackbone(self._loaded, slots)

    def bare_loop(self, backbone: HfBackbone) -> None:
        """There is none: what transformers does in a step is what our backbone does."""

    def usual(self, line: Line) -> int:
        """Says one line as the official script does, and as most others do; returns how many tokens it took."""
        prompt = torch.tensor([line.prompt])
        ids = self._model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=line.max_frames * v.FRAME_TOKENS,
            do_sample=True,
            temperature=line.draw.temperature,
            top_p=line.draw.top_p,
            repetition_penalty=line.draw.repetition_penalty,
            pad_token_id=v.PAD,
        )
        return int(ids.shape[1]) - len(line.prompt)
