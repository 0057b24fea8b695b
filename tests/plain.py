"""A conversion through the plain stages, in order and without Prefect: what the tests and the benchmarks run."""

from __future__ import annotations

from collections.abc import Callable

from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, Listen, Verification
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.assemble import assemble_chapter, chapters_of
from rhapsode.stages.decode import decode_job
from rhapsode.stages.intake import asked_digest, note_published
from rhapsode.stages.jobs import JobReport
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.publish import publish_edition
from rhapsode.stages.speak import speak_job
from rhapsode.store.editions import Edition

UNCHECKED = Verification(listen=Listen.NONE)
"""Nobody listens here: tests of listening do that for themselves."""


def convert(request: ConvertRequest, report: Callable[[JobReport], object] = lambda _: None) -> Edition:
    """Converts a book; `report` gets what each job did."""
    asked = asked_digest(request)
    reading = plan_chunks(request, parse_book(request))
    for chunk_range in load_plan(reading).ranges:
        job = first_job(chunk_range)
        spoken = speak_job(reading, job)
        report(spoken)
        if spoken.undecoded:
            decode_job(reading, job)
    acceptance = accept_takes(reading, UNCHECKED)
    assert not acceptance.missing
    timelines = [assemble_chapter(reading, acceptance.digest, n, request.audio) for n in chapters_of(reading)]
    edition = publish_edition(reading, acceptance.digest, timelines, request.audio)
    note_published(reading, asked, edition)
    return edition
