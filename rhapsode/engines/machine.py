"""The machine: what a stack records of it, and what its owner has said about it in the environment."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from rhapsode.errors import BadRequest
from rhapsode.settings import Settings

CORES = os.cpu_count() or 1


class MachineSettings(Settings):
    """What differs between machines and not between books: `RHAPSODE_MODELS`, `RHAPSODE_SLOTS` and so on."""

    models: Path = Field(Path("~/.cache/rhapsode/models"), description="Folder of fetched models and their manifests.")
    voices: Path | None = Field(None, description="TOML file of described voices of your own.")
    precision: Literal["", "fp32", "bf16", "fp16", "nf4", "int8"] = Field("", description="Of Maya1; empty: the best.")
    device: Literal["", "cpu", "gpu"] = Field("", description="Where Maya1 runs; empty: on the GPU if there is one.")
    slots: int = Field(0, ge=0, le=256, description="Takes that Maya1 speaks in step; 0: as many as fit.")
    threads: int = Field(0, ge=0, le=256, description="Of Maya1 on a CPU; 0: one for each core.")


def machine_settings() -> MachineSettings:
    """Reads them from the environment, anew at each call.

    Raises:
        BadRequest: A value that means nothing; names the variable.
    """
    names = {name: f"RHAPSODE_{name.upper()}" for name in MachineSettings.model_fields}
    given = {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}
    try:
        return MachineSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        variable = names[str(first["loc"][0])]
        raise BadRequest(
            f"{variable} is {first['input']!r}: {first['msg'].removeprefix('Input ')}.", "Change or unset it."
        ) from error


def installed(*modules: str) -> bool:
    """Whether packages are there; none is imported."""
    return all(find_spec(module) for module in modules)


def versions(*distributions: str) -> dict[str, str]:
    """Name -> installed version, for `Stack.libraries`; Python itself is among them."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in distributions}


def host() -> str:
    """Name, architecture and, where Linux tells it, the processor: kernels are chosen by it, hence bits."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return ", ".join(filter(None, (platform.node(), platform.machine(), model)))
