"""The flow `diagnose-engine`: the same chunks under several conditions, and a verdict."""

from __future__ import annotations

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from rhapsode.quality.diagnosis import judge
from rhapsode.settings import DiagnoseRequest, EngineName
from rhapsode.stages.diagnose import Outcome, Report, damaged_weights, plan_diagnosis, rows_of, save_diagnosis
from tasks.speak_condition import speak_condition


@flow(name="diagnose-engine", flow_run_name="diagnose {request.chunks} of {request.book}")
def diagnose_engine(request: DiagnoseRequest) -> Report:
    """Tells whether chunks sound wrong for what was spoken before them, or for the model, the precision, the text.

    Args:
        request: The book and the chunks.

    Raises:
        RhapsodeError: No such book or chunks, or its engine cannot be loaded; see rhapsode/errors.py.
    """
    diagnosis = plan_diagnosis(request)
    damage = damaged_weights(EngineName(diagnosis.reading.engine))
    if damage:
        outcomes = [Outcome("not at all", absent=damage)]
    else:
        outcomes = [speak_condition(diagnosis, condition) for condition in diagnosis.conditions]
    finding = judge((one for outcome in outcomes for one in outcome.heard), damage)
    path = save_diagnosis(diagnosis, outcomes, finding)
    rows, name = rows_of(outcomes), diagnosis.reading.shelf
    create_table_artifact(rows, key=f"diagnosis-{name}", description=f"{finding.verdict}: {finding.reason}")
    create_markdown_artifact(f"**{finding.verdict}**: {finding.reason}\n\n`{path}`", key=f"verdict-{name}")
    return Report(finding, tuple(rows), path)
