"""The task `publish-edition`."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.context import TaskRunContext

from rhapsode.model import Flaw, Reading
from rhapsode.settings import AudioSettings
from rhapsode.stages import publish
from rhapsode.store.editions import Edition
from tasks.policy import SETTINGS, cache_key


def key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
    reading: Reading = parameters["reading"]
    said = (parameters["accepted"], parameters["timelines"], parameters["settings"], parameters["exceptions"])
    return cache_key("publish", publish.content_digest(reading, *said), reading.library, parameters["recogniser"])


@task(name="publish-edition", cache_key_fn=key, **SETTINGS)
def publish_edition(
    reading: Reading,
    accepted: str,
    timelines: list[str],
    settings: AudioSettings,
    exceptions: tuple[Flaw, ...],
    recogniser: str | None,
) -> Edition:
    """Renders, encodes, checks and publishes the book, or finds the edition that says the same."""
    return publish.publish_edition(reading, accepted, timelines, settings, exceptions, recogniser)
