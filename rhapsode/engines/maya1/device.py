"""The device that torch can use."""

from __future__ import annotations

import torch


def best_device() -> str:
    """A GPU, or the CPU, as torch names them."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name(device: str) -> str:
    """What a GPU calls itself; empty for the CPU, which the host tells of."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else ""


def empty_cache() -> None:
    """Gives back what torch keeps of a GPU's memory for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
