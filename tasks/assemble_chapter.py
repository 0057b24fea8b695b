"""The task `assemble-chapter`."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Reading
from rhapsode.settings import AudioSettings
from rhapsode.stages import assemble
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    settings: AudioSettings = parameters["settings"]
    return cache_key(
        "assemble",
        assemble.LAYOUT_VERSION,
        reading.key,
        reading.library,
        parameters["accepted"],
        parameters["chapter"],
        settings.pauses.model_dump(),
    )


@task(name="assemble-chapter", task_run_name="assemble chapter {chapter}", cache_key_fn=key, **SETTINGS)
def assemble_chapter(reading: Reading, accepted: str, chapter: int, settings: AudioSettings) -> str:
    """Lays out one chapter and returns the digest of its timeline."""
    return assemble.assemble_chapter(reading, accepted, chapter, settings)
