"""The diagnosis on Maya1: both backends are acquitted, and faults of the kinds that ruin books are convicted.

The conditions are spoken in this process, one after another, and most on weights that are loaded once: thirty processes
would take minutes. `tests/flows/test_diagnose_engine.py` gives every condition its own.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from rhapsode.engines.maya1 import device
from rhapsode.engines.maya1 import vocabulary as v
from rhapsode.engines.maya1.engine import Maya1Engine
from rhapsode.engines.maya1.weights import Models
from rhapsode.engines.protocol import Engine
from rhapsode.errors import WeightsDamaged
from rhapsode.quality.diagnosis import Finding, Kind, Verdict, judge
from rhapsode.settings import EngineName
from rhapsode.stages import apart, diagnose
from rhapsode.stages.conditions import conditions_of, load_anew, other_conditions
from rhapsode.stages.diagnose import Outcome, damaged_weights, rows_of, speak_condition
from tests.contract.faulty_backbones import Keeps, Lopsided, Slips, Unseeded, changed, losing
from tests.contract.promises import SHORT_TEXTS, utterances
from tests.contract.test_diagnose import diagnosis_of
from tests.fixtures import models

HF, GGUF = EngineName.MAYA1_HF, EngineName.MAYA1_GGUF
ONE = (3,)
BOTH = pytest.mark.parametrize("name", [HF, GGUF])
MOSTLY_HF = pytest.mark.parametrize("name", [HF, pytest.param(GGUF, marks=pytest.mark.slow)])
"""llama.cpp computes the full head at every step: three times as long, for faults that lie around the backbone."""
FAULTS = {kind.__name__: kind for kind in (Keeps, Unseeded, Lopsided, Slips)}
Load = Callable[[], Engine]


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return models.voice_models(tmp_path_factory.mktemp("voice"))


@functools.cache
def loaded(name: EngineName) -> Engine:
    """The voice, loaded once for all tests: nothing in an engine changes."""
    return load_anew(name)


@pytest.fixture(autouse=True)
def here(voice: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two slots and one thread; the loading of another precision changes variables, which are put back at the end."""
    chosen = {"MODELS": str(voice.folder), "SLOTS": "2", "THREADS": "1", "DEVICE": "cpu", "PRECISION": ""}
    for variable, value in chosen.items():
        monkeypatch.setenv(f"RHAPSODE_{variable}", value)
    monkeypatch.setattr(diagnose, "in_a_process", apart._perform)


def diagnosed(
    load: Load, folder: Path, others: Sequence[apart.Condition] = (), numbers: Sequence[int] = ONE
) -> tuple[Finding, list[Outcome]]:
    """The verdict on an engine, and what was heard; `others` are compared with it."""
    engine = load()
    said = utterances(engine, SHORT_TEXTS)
    diagnosis = diagnosis_of(engine, {number: said[number - 1] for number in numbers}, folder)
    conditions = [*conditions_of(load, said, numbers, None), *others]
    outcomes = [speak_condition(diagnosis, condition) for condition in conditions]
    return judge(one for outcome in outcomes for one in outcome.heard), outcomes


def compared(engine: EngineName, load: Load, kind: Kind = Kind.BACKEND) -> apart.Condition:
    """The named chunks, by another load of an engine whose own book this is not."""
    said = utterances(loaded(engine), SHORT_TEXTS)
    return apart.Condition(f"on the other {kind}", kind, load, (tuple(((said[n - 1],),) for n in ONE),))


@MOSTLY_HF
def test_a_backend_in_order_is_acquitted_in_all_precisions_beside_the_other(name: EngineName, tmp_path: Path) -> None:
    load = partial(loaded, name)
    engine = load()
    said = tuple(utterances(engine, SHORT_TEXTS)[number - 1] for number in ONE)
    finding, outcomes = diagnosed(load, tmp_path, other_conditions(name, engine.stack.precision, said))
    assert finding.verdict is Verdict.CLEAN, finding
    assert not [outcome for outcome in outcomes if outcome.absent]
    names = [outcome.condition for outcome in outcomes]
    precisions = ["in bf16", "in fp16", "in nf4", "in int8"]
    assert names[6:] == ([*precisions, "on maya1-gguf"] if name is HF else ["on maya1-hf"])
    heard = {one.condition: one for outcome in outcomes for one in outcome.heard}
    assert heard["alone"].legal_mass and heard["alone"].legal_mass > 0.99
    assert heard[names[-1]].token_ids == heard["alone"].token_ids, "both compute in 32 bits"
    if name is HF:
        assert (heard["in int8"].slots, heard["in int8"].precision) == (1, "int8")
    assert {row["as alone"] for row in rows_of(outcomes) if row["spoken"] in names[:6]} == {"yes"}
    assert len(list(tmp_path.rglob("*.flac"))) == len(outcomes)


def test_on_a_gpu_no_time_goes_into_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "best_device", lambda: "cuda")
    for asked, plain in (("gpu", []), ("", []), ("cpu", ["in fp32"])):
        monkeypatch.setenv("RHAPSODE_DEVICE", asked)
        names = [one.name for one in other_conditions(HF, "bf16", ())]
        assert names == [*plain, "in fp16", "in nf4", "in int8", "on maya1-gguf"]


@MOSTLY_HF
@pytest.mark.parametrize(
    ("fault", "condition"),
    [("Keeps", "at its place"), ("Unseeded", "again in another process"), ("Lopsided", "in another slot")],
)
def test_what_a_backbone_remembers_draws_or_rounds_is_convicted(
    fault: str, condition: str, name: EngineName, tmp_path: Path
) -> None:
    finding, outcomes = diagnosed(partial(faulty, name, fault), tmp_path)
    assert (finding.verdict, finding.condition) == (Verdict.HISTORY_DEPENDENT, condition), finding
    assert finding.chunk in ONE and finding.token is not None
    (row,) = [row for row in rows_of(outcomes) if (row["chunk"], row["spoken"]) == (str(finding.chunk), condition)]
    assert row["as alone"] == f"NO: other from token {finding.token + 1}"


@MOSTLY_HF
def test_a_token_that_the_backbone_loses_is_convicted(name: EngineName, tmp_path: Path) -> None:
    """The grammar keeps every frame whole, so no codec could tell; but the model expects another band than is legal."""
    finding, outcomes = diagnosed(partial(faulty, name, "Slips"), tmp_path)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE, finding
    assert "of the probability on legal tokens" in finding.reason and "model" in finding.reason
    assert all(len(one.token_ids) % v.FRAME_TOKENS == 0 for one in outcomes[0].heard)


def test_a_token_that_is_lost_after_the_model_is_convicted(tmp_path: Path) -> None:
    finding, _ = diagnosed(lambda: losing(maya1(HF)), tmp_path)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE, finding
    assert "Token 101" in finding.reason and "the frames have slipped." in finding.reason


def test_weights_that_are_damaged_in_memory_are_convicted_and_a_precision_before_a_backend(tmp_path: Path) -> None:
    others = [compared(HF, partial(loaded, HF), Kind.PRECISION), compared(HF, partial(loaded, GGUF))]
    finding, outcomes = diagnosed(damaged_in_memory, tmp_path, others)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE and "Suspect the precision: fp32" in finding.reason, finding
    finding = judge(one for outcome in outcomes[:-2] for one in outcome.heard)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE and "Suspect the model" in finding.reason, finding
    heard = [one for outcome in outcomes for one in outcome.heard if one.kind is not Kind.PRECISION]
    assert judge(heard).verdict is Verdict.BACKENDS_DISAGREE


def test_a_backend_whose_weights_are_damaged_disagrees(voice: Models, tmp_path: Path) -> None:
    """Nobody can know of this damage: the manifest was written after it."""
    spoiled = Models(tmp_path / "models")
    spoiled.add("snac", voice.find("snac").folder)
    file = Path(shutil.copy(voice.find("maya1-gguf").path(".gguf"), tmp_path / "spoiled.gguf"))
    models.spoil(file)
    spoiled.add("maya1-gguf", file)
    other = compared(HF, partial(from_folder, GGUF, spoiled.folder))
    finding, outcomes = diagnosed(partial(loaded, HF), tmp_path, [other])
    assert (finding.verdict, finding.condition) == (Verdict.BACKENDS_DISAGREE, other.name), finding
    (good,), (bad,) = outcomes[0].heard, outcomes[-1].heard
    assert good.token_ids != bad.token_ids and (len(good.defects), bool(bad.defects)) == (0, True)
    assert bad.defects[0] in finding.reason


@BOTH
def test_a_file_that_rotted_under_its_manifest_is_named(
    name: EngineName, voice: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ending = ("maya1", ".safetensors") if name is HF else ("maya1-gguf", ".gguf")
    found = voice.find(model)
    if name is HF:
        shutil.copytree(found.folder, tmp_path / "copy")
    else:
        (tmp_path / "copy").mkdir()
        shutil.copy(found.path(ending), tmp_path / "copy")
    (file,) = (tmp_path / "copy").glob(f"*{ending}")
    mine = Models(tmp_path / "models")
    mine.add("snac", voice.find("snac").folder)
    mine.add(model, file.parent if name is HF else file)
    monkeypatch.setenv("RHAPSODE_MODELS", str(mine.folder))
    assert damaged_weights(name) == ""

    before = file.stat()
    models.spoil(file)
    with pytest.raises(WeightsDamaged, match="has changed since it was fetched"):  # whoever loads it sees the new time
        load_anew(name)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert mine.find(model), "no start can see it now"
    found_damage = damaged_weights(name)
    finding = judge([], found_damage)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE
    assert str(file) in finding.reason and f"rhapsode models fetch {model}" in finding.reason


def test_random_weights_remember_nothing_and_are_no_voice(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_MODELS", str(models.random_models(tmp_path_factory.mktemp("random")).folder))
    finding, outcomes = diagnosed(partial(load_anew, GGUF), tmp_path)
    assert finding.verdict is Verdict.DEFECTIVE_ALONE and "Suspect the model" in finding.reason
    assert {row["as alone"] for row in rows_of(outcomes)} == {"yes"}


# -- engines that are not in order -------------------------------------------------------------------------------------


def from_folder(name: EngineName, folder: Path) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_MODELS", str(folder))
        return load_anew(name)


def faulty(name: EngineName, fault: str) -> Engine:
    return changed(maya1(name), FAULTS[fault])


def maya1(name: EngineName) -> Maya1Engine:
    engine = loaded(name)
    assert isinstance(engine, Maya1Engine)
    return engine


@functools.cache
def damaged_in_memory() -> Engine:
    """One matrix of one layer is noise."""
    engine: Any = load_anew(HF)
    model = engine._open_backbone.args[0]
    weight = model.body.layers[0].mlp.down_proj.weight
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    return engine
