"""What is installed: the three packages, without torch, and a Prefect that can start its server."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import rhapsode

ROOT = Path(__file__).resolve().parents[2]

BEHIND_EXTRAS = {"backbone_gguf", "backbone_hf", "codec", "device", "model_gguf", "model_hf"}  # of engines/maya1

IMPORT_ALL = f"""
import importlib, pkgutil, sys, rhapsode
for module in pkgutil.walk_packages(rhapsode.__path__, "rhapsode."):
    behind_extras = module.name.removeprefix("rhapsode.engines.maya1.") in {BEHIND_EXTRAS}
    if not module.name.startswith("rhapsode.cli") and not behind_extras:
        importlib.import_module(module.name)
heavy = ("prefect", "torch", "transformers", "tokenizers", "snac", "llama_cpp", "huggingface_hub")
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
    names = {name.split("=")[0].split("<")[0].split(">")[0].strip().lower() for name in wanted}
    assert names <= pinned
