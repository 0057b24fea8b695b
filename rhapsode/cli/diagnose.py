"""The command `diagnose`."""

from __future__ import annotations

from typing import Any

from rhapsode.cli.announce import counted, from_here
from rhapsode.cli.console import screen, shown, table
from rhapsode.cli.failures import request as checked


def diagnose_chunks(verbose: bool, **asked: Any) -> int:
    """Runs the flow and prints its table and verdict; 0 if all is clean, else 1.

    Raises:
        RhapsodeError: No such book or chunks, or as the flow raises.
    """
    console = screen()
    from rhapsode.cli.orchestrate import run_flow
    from rhapsode.cli.progress import Display, Standing
    from rhapsode.cli.stopping import stop_on_signals
    from rhapsode.quality.diagnosis import Verdict
    from rhapsode.settings import DiagnoseRequest
    from rhapsode.stages.diagnose import plan_diagnosis

    request = checked(DiagnoseRequest, asked)
    diagnosis = plan_diagnosis(request)
    reading, ways = diagnosis.reading, len(diagnosis.conditions)
    console.print(f"{counted(len(diagnosis.named), 'chunk')}, spoken by {reading.engine} in {ways} ways.")
    display = Display(console, Standing({}, set()), {}, live=console.is_terminal and not verbose)
    stop_on_signals(console, display)
    report = run_flow("diagnose_engine", request, console, display, verbose)
    made = table(*report.rows[0], right=("chunk", "tokens", "legal"))
    for row in report.rows:
        made.add_row(*(shown(cell) for cell in row.values()))
    console.print(made)
    folder = diagnosis.shelf.library.url(diagnosis.folder)
    console.print(f"\n{report.finding.verdict}: {report.finding.reason}", soft_wrap=True)
    console.print(f"The takes and diagnosis.json: {from_here(diagnosis.shelf, folder)}", soft_wrap=True)
    return 0 if report.finding.verdict is Verdict.CLEAN else 1
