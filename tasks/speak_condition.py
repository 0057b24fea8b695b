"""The task `speak-condition`: never cached, since a diagnosis asks what the engine says now."""

from __future__ import annotations

from prefect import task

from rhapsode.stages import diagnose
from rhapsode.stages.apart import Condition
from rhapsode.stages.diagnose import Diagnosis, Outcome


@task(name="speak-condition", task_run_name="speak {condition.name}", persist_result=False)
def speak_condition(diagnosis: Diagnosis, condition: Condition) -> Outcome:
    """Speaks the named chunks under one condition."""
    return diagnose.speak_condition(diagnosis, condition)
