"""What `doctor` looks at: each check says what there is and, if it is wanting, what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from importlib.util import find_spec

from rhapsode.audio.ffmpeg import find_ffmpeg, last_lines
from rhapsode.cli.address import found_address, is_healthy
from rhapsode.engines.machine import host
from rhapsode.engines.registry import choose_engine, load_engine
from rhapsode.errors import RhapsodeError
from rhapsode.quality.recogniser import load_recogniser
from rhapsode.report.estimate import try_engine
from rhapsode.settings import EngineName
from rhapsode.store.library import open_library

GIB = 1 << 30
ROOM = 2 * GIB
"""Free space for a long novel: lossless takes of 12 hours, and the finished book."""


class Mark(Enum):
    GOOD = "ok"
    WANTING = "note"  # works, with less
    BROKEN = "broken"  # needed, and does not work


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    mark: Mark
    fact: str
    remedy: str = ""


def check_python() -> Finding:
    good = sys.version_info >= (3, 11)
    fact = f"{platform.python_version()} at {sys.executable}"
    return Finding("Python", Mark.GOOD if good else Mark.BROKEN, fact, "" if good else "Install Python 3.11 or newer.")


def check_machine() -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    cores = os.cpu_count() or 1
    fact = f"{cores} cores, {memory / GIB:.0f} GiB of memory; {host()}"
    if memory and memory < GIB:
        return Finding("machine", Mark.WANTING, fact, "1 GiB is needed; give --workers 1.")
    return Finding("machine", Mark.GOOD, fact)


def check_library(root: str) -> Finding:
    """Writes a file and removes it again; of a folder that does not exist yet, in the one above."""
    try:
        library = open_library(root)
        if library.local is None:
            honours = "honours" if library.honours_conditions() else "does not honour"
            fact = f"{library.url()}, {len(library.folders('books'))} books; its store {honours} If-None-Match"
            return Finding("library", Mark.GOOD, fact)
    except RhapsodeError as error:
        return Finding("library", Mark.BROKEN, error.message, error.remedy)
    folder = library.local
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        remedy = "Choose another with --library, or set RHAPSODE_LIBRARY."
        return Finding("library", Mark.BROKEN, f"{library.url()} cannot be written to: {error.strerror}.", remedy)
    fact = f"{library.url()}, {free / GIB:.0f} GiB free"
    if free < ROOM:
        return Finding("library", Mark.WANTING, fact, f"A long novel needs {ROOM // GIB} GiB: free some space.")
    return Finding("library", Mark.GOOD, fact)


def check_ffmpeg() -> Finding:
    try:
        found = find_ffmpeg()
    except RhapsodeError as error:
        return Finding("ffmpeg", Mark.BROKEN, error.message, error.remedy)
    return Finding("ffmpeg", Mark.GOOD, f"{found.version} ({found.origin}) at {found.path}")


def check_voice() -> Finding:
    """The embedded voice: its digests, and one sentence."""
    try:
        engine = load_engine(EngineName.HIBARI)
        voice = engine.voices[0]
        trial = try_engine(engine, voice, engine.sampling)
    except RhapsodeError as error:
        return Finding("embedded voice", Mark.BROKEN, error.message, error.remedy)
    weights = engine.stack.weights_digest[:12]
    fact = f"hibari {voice.name}, digest {weights} as pinned; a sentence at {trial.speed:.0f} times real time"
    return Finding("embedded voice", Mark.GOOD, fact)


def check_recogniser() -> Finding:
    """The embedded recogniser: its digests, and whether it loads."""
    try:
        name, _, weights = load_recogniser().name.partition("@")
    except RhapsodeError as error:
        return Finding("recogniser", Mark.BROKEN, error.message, error.remedy)
    return Finding("recogniser", Mark.GOOD, f"{name}, digest {weights} as pinned")


def check_prefect() -> list[Finding]:
    """Prefect and fastapi are a pair that some versions break; only importing the server tells.

    In a process of its own, since it takes seconds and says a lot.
    """
    pair = f"prefect {_version('prefect')} with fastapi {_version('fastapi')}"
    script = "import prefect.server.api.server as _, prefect.settings as s; print(s.PREFECT_API_URL.value() or '')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=300)
    if done.returncode:
        remedy = "Install the pair again: pip install 'prefect==3.8.8' 'fastapi<0.151'."
        return [Finding("Prefect", Mark.BROKEN, f"{pair} does not start: {last_lines(done.stderr, 1)}", remedy)]
    url = done.stdout.decode().strip().rpartition("\n")[2]
    return [Finding("Prefect", Mark.GOOD, pair), check_server(url)]


def check_server(named: str) -> Finding:
    """Whether the user's Prefect server answers; without one, a temporary one is started for each run.

    Args:
        named: The API in Prefect's settings. Where there is none, that of a `rhapsode up` counts.
    """
    try:
        if not (url := named.rstrip("/") or found_address()):
            return Finding("Prefect server", Mark.GOOD, "none is set: each run starts a temporary one (10 to 30 s)")
        fact = "answers" if (good := is_healthy(url)) else "is no Prefect server"
    except RhapsodeError as error:
        return Finding("Prefect server", Mark.BROKEN, error.message, error.remedy)
    except (OSError, ValueError) as error:
        good, fact = False, f"does not answer: {error}"
    remedy = "" if good else "Start it (`rhapsode up`), or unset PREFECT_API_URL."
    return Finding("Prefect server", Mark.GOOD if good else Mark.BROKEN, f"{url} {fact}", remedy)


def check_extras() -> list[Finding]:
    """What larger voices and S3 libraries need; none of it is needed for the embedded voice."""
    extras = {
        "maya1": ("torch", "transformers", "bitsandbytes", "snac"),
        "gguf": ("llama-cpp-python",),
        "s3": ("s3fs",),
    }
    findings = []
    for extra, packages in extras.items():
        missing = [name for name in packages if not _version(name)]
        there = ", ".join(f"{name} {_version(name)}" for name in packages if name not in missing)
        fact = there if not missing else f"{', '.join(missing)} not installed" + (f"; {there}" if there else "")
        remedy = f"If you want it: pip install 'rhapsode[{extra}]'." if missing else ""
        findings.append(Finding(f"extra {extra}", Mark.WANTING if missing else Mark.GOOD, fact, remedy))
    return [*findings, *check_llama(), check_gpu(), check_choice()]


def check_llama() -> list[Finding]:
    """A llama.cpp that was built for the CPU alone says nothing of a GPU that it does not use."""
    if not _version("llama-cpp-python"):
        return []
    script = (
        "import llama_cpp; from rhapsode.engines.maya1.model_gguf import machine_has_gpu as has; "
        "print('idle' if has() and not llama_cpp.llama_supports_gpu_offload() else 'fine')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        return [Finding("llama.cpp", Mark.WANTING, f"cannot be loaded: {last_lines(done.stderr.encode(), 1)}")]
    if done.stdout.strip() == "fine":
        return []
    remedy = "CMAKE_ARGS=-DGGML_CUDA=on pip install --force-reinstall --no-cache-dir --no-deps llama-cpp-python"
    return [Finding("llama.cpp", Mark.WANTING, "built for the CPU alone, and this machine has a GPU", remedy)]


def check_choice() -> Finding:
    """Which engine speaks where none is named, and why."""
    try:
        return Finding("without --engine", Mark.GOOD, choose_engine(EngineName.AUTO).reason)
    except RhapsodeError as error:
        return Finding("without --engine", Mark.BROKEN, error.message, error.remedy)


def check_gpu() -> Finding:
    """Asked of the driver's own tool, so that torch need not be there."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return Finding("GPU", Mark.WANTING, "no NVIDIA driver; the embedded voice needs none")
    done = subprocess.run(
        [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode:
        return Finding("GPU", Mark.WANTING, f"nvidia-smi fails: {done.stdout.strip() or done.stderr.strip()}")
    cuda = _cuda() if find_spec("torch") else "torch is not installed"
    return Finding("GPU", Mark.GOOD, f"{done.stdout.strip()}; {cuda}")


def _cuda() -> str:
    script = "import torch; print(torch.version.cuda if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    version = done.stdout.strip()
    return f"CUDA {version}" if version else "torch does not see it"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
