"""The flow `publish-book`: accepted takes -> chapters -> an edition. Both other flows end in it."""

from __future__ import annotations

from contextlib import closing

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from rhapsode.errors import RunIncomplete
from rhapsode.model import Reading
from rhapsode.report.summary import chapter_rows
from rhapsode.settings import AudioSettings
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import chapters_of, timeline_is_there
from rhapsode.stages.publish import describe_edition, edition_is_there
from rhapsode.store.editions import Edition
from tasks.assemble_chapter import assemble_chapter
from tasks.policy import Step, checked, fan_out
from tasks.publish_edition import publish_edition


@flow(name="publish-book", validate_parameters=False)
def publish_book(reading: Reading, audio: AudioSettings) -> Edition:
    """Assembles what is accepted and publishes it; speaks nothing.

    Raises:
        RunIncomplete: Chunks without a take, or chapters that could not be assembled; nothing is published.
    """
    acceptance = accept_takes(reading)
    if acceptance.missing:
        raise RunIncomplete(
            f"{len(acceptance.missing)} chunks have no take yet, the first is chunk {acceptance.missing[0]}.",
            "Convert the book again: only what is missing is spoken.",
        )
    chapters = chapters_of(reading)
    calls = [
        {"reading": reading, "accepted": acceptance.digest, "chapter": number, "settings": audio} for number in chapters
    ]
    timelines = {}
    assembling = Step(assemble_chapter, lambda call, name: timeline_is_there(reading, name), workers=2)
    with closing(fan_out(calls, assembling)) as ended:
        for index, state in ended:
            timelines[index] = state.result()
    ordered = [timelines[index] for index in range(len(calls))]
    edition = checked(
        publish_edition, lambda found: edition_is_there(reading, found), reading, acceptance.digest, ordered, audio
    )
    create_table_artifact(
        chapter_rows(edition), key=f"chapters-{reading.shelf}", description=f"Chapters of {edition.title}"
    )
    create_markdown_artifact(describe_edition(reading, edition), key=f"summary-{reading.shelf}")
    return edition
