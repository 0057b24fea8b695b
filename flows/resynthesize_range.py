"""The flow `resynthesize-range`: new takes of named or failed chunks, then a new edition."""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from flows.publish_book import publish_book
from rhapsode.settings import Policy, RedoRequest
from rhapsode.stages.redo import plan_redo
from rhapsode.stages.verdicts import freeze_reference
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import Edition
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf
from tasks.speak_ranges import speak_ranges
from tasks.turns import take_turn


@flow(name="resynthesize-range", flow_run_name="redo {request.chunks} of {request.book}")
def resynthesize_range(request: RedoRequest) -> Edition:
    """Speaks some chunks of a converted book anew and publishes a new edition.

    Args:
        request: The book, the chunks, and what to say instead.

    Raises:
        RhapsodeError: No such book or chunks; see rhapsode/errors.py.
        RunIncomplete: Some of the chunks failed. Their earlier takes stay as they are, nothing is published.
    """
    take_turn(request.library, find_shelf(open_library(request.library), request.book).name)
    # Only now, for it does as well what is missing of the book; a run that crashed and goes on has its orders already.
    redo = plan_redo(request, flow_run.id)
    by, leave_out = request.fan_out, redo.verify.policy is Policy.REPORT
    speak_ranges(redo.reading, redo.jobs, request.workers, redo.verify, by=by)
    speak_ranges(redo.reading, redo.unfinished, request.workers, redo.verify, leave_out, by=by)
    if listening := listening_of(redo.reading, redo.verify):
        freeze_reference(redo.reading, listening)
    return publish_book(redo.reading, redo.audio, redo.verify)
