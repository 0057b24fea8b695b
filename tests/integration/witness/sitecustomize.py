"""Runs of the floor note what they do and what they ask of the engine: by this file, which Python imports as it starts.

Its folder is in the PYTHONPATH of the floor, and only where a worker has started a run anything happens. What is noted
outlives a run that is killed: a file for each process that has a run at work, `<run>.<worker>.<process>`.
"""

from __future__ import annotations

import os
from pathlib import Path

if run := os.environ.get("PREFECT__FLOW_RUN_ID"):
    from rhapsode.settings import EngineName
    from tests.acceptance.killable import tell_everything

    worker = os.environ["PREFECT__WORKER_NAME"]
    notes = Path(os.environ["RHAPSODE_TEST_NOTES"], f"{run}.{worker}.{os.getpid()}")
    tell_everything(os.open(notes, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), EngineName.HIBARI)
