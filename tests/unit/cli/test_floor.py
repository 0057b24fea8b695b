"""The files of the floor: what they name exists, and the numbers in them fit together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import prefect.settings
import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore, EventTrigger

from rhapsode.cli.orchestrate import FLOOR, read_settings
from tasks.runs import LAST_ATTEMPT

ROOT = Path(__file__).resolve().parents[3]
AUTOMATIONS = yaml.safe_load((FLOOR / "automations.yaml").read_text())["automations"]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def test_prefect_knows_every_setting() -> None:
    """A name that Prefect does not know would be passed over in silence."""
    settings = read_settings(FLOOR / "server.env")
    assert len(settings) >= 7 and all(name.startswith("PREFECT_") for name in settings)
    assert not unknown_to_prefect(settings)
    assert settings["PREFECT_SERVER_API_HOST"] == "127.0.0.1"


def unknown_to_prefect(names: Iterable[str]) -> list[str]:
    return [name for name in names if not hasattr(prefect.settings, name)]


def test_a_wrong_name_is_noticed() -> None:
    assert unknown_to_prefect(["PREFECT_API_URL", "PREFECT_API_ULR"]) == ["PREFECT_API_ULR"]


@pytest.mark.parametrize("written", AUTOMATIONS, ids=lambda each: each["name"])
def test_an_automation_touches_only_our_runs(written: dict[str, Any]) -> None:
    trigger = AutomationCore.model_validate(written).trigger
    assert isinstance(trigger, EventTrigger)
    assert trigger.match_related.model_dump() == {  # type: ignore[union-attr]
        "prefect.resource.role": "tag",
        "prefect.resource.id": "prefect.tag.rhapsode",
    }
    assert trigger.for_each == {"prefect.resource.id"}


def test_every_deployment_is_watched_and_beats_three_times_before_it_counts_as_dead() -> None:
    silence = AutomationCore.model_validate(AUTOMATIONS[0]).trigger
    assert isinstance(silence, EventTrigger)
    for deployment in DEPLOYMENTS:
        beat = int(deployment["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
        assert "rhapsode" in deployment["tags"], deployment["name"]
        assert beat >= 30, "Prefect beats no faster"
        assert silence.within.total_seconds() >= 3 * beat


def test_what_always_crashes_is_left_to_a_person() -> None:
    again = AutomationCore.model_validate(AUTOMATIONS[2]).trigger
    assert isinstance(again, EventTrigger)
    assert again.match.model_dump()["prefect.run-count"] == ["1", "2"]
    assert LAST_ATTEMPT == 3, "who waits for a run knows that it is the last"
