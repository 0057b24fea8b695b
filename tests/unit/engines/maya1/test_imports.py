from __future__ import annotations

import subprocess
import sys

BEHIND_EXTRAS = {"backbone_gguf", "backbone_hf", "codec", "device", "model_gguf", "model_hf"}


def test_the_domain_is_imported_without_torch_and_without_llama_cpp() -> None:
    script = f"""
import importlib, pkgutil, sys, rhapsode
for found in pkgutil.walk_packages(rhapsode.__path__, "rhapsode."):
    if found.name.removeprefix("rhapsode.engines.maya1.") not in {BEHIND_EXTRAS!r}:
        importlib.import_module(found.name)
print(*sorted({{"torch", "transformers", "snac", "llama_cpp"}} & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
