"""What a stack records of the machine: library versions and the host."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path


def versions(*distributions: str) -> dict[str, str]:
    """Name -> installed version, for `Stack.libraries`; Python itself is among them."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in distributions}


def host() -> str:
    """Name, architecture and, where Linux tells it, the processor: kernels are chosen by it, hence bits."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return ", ".join(filter(None, (platform.node(), platform.machine(), model)))
