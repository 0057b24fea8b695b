"""The flow `convert-book`: an EPUB in, an audiobook out."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.publish_book import publish_book
from rhapsode.engines.registry import choose_engine
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, FanOut, Policy
from rhapsode.stages.breaker import Breaker
from rhapsode.stages.intake import asked_digest, note_published
from rhapsode.stages.plan import book_is_there, load_plan, plan_is_there
from rhapsode.stages.progress import Phase, tell
from rhapsode.stages.verdicts import freeze_reference, plan_rung
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import Edition
from tasks.on_workers import plan_on_worker
from tasks.parse_book import parse_book
from tasks.plan_chunks import plan_chunks
from tasks.policy import checked
from tasks.speak_ranges import speak_ranges
from tasks.turns import take_turn


@flow(name="convert-book", flow_run_name="convert {request.epub}")
def convert_book(request: ConvertRequest) -> Edition:
    """Converts one EPUB into an audiobook. Running it again does only what is missing.

    Args:
        request: The book, the library, the voice, and how the result should sound.

    Raises:
        RhapsodeError: The book, the request or the library cannot be used; see rhapsode/errors.py.
        RunIncomplete: Some ranges failed. The others are kept, nothing is published, the ranges are named.
        NotGoodEnough: Most of the first takes are bad; or one chunk is, and the policy is strict.
    """
    # 1. Read the book, with every word accounted for.
    parsed = checked(parse_book, lambda found: book_is_there(request, found), request)
    take_turn(request.library, parsed.shelf)  # whoever else converts it, by night or by hand, is waited for
    asked = asked_digest(request)
    # 2. Plan what is said, by whom, in which chunks.
    if request.fan_out is FanOut.WORKERS:
        reading = plan_on_worker(request, parsed)
    else:
        get_run_logger().info("Who speaks: %s", choose_engine(request.engine).reason)
        reading = checked(plan_chunks, lambda found: plan_is_there(request, found), request, parsed)
    # 3. Speak the ranges of the plan, and listen to them.
    first_jobs = [first_job(chunk_range) for chunk_range in load_plan(reading).ranges]
    by, leave_out = request.fan_out, request.verify.policy is Policy.REPORT
    speak_ranges(reading, first_jobs, request.workers, request.verify, leave_out, Breaker(parsed.shelf), by)
    # 4. Speak anew what is bad, each time otherwise.
    if listening := listening_of(reading, request.verify):
        freeze_reference(reading, listening)
        for rung in range(1, request.verify.takes):
            jobs = plan_rung(reading, listening, request.verify, rung)
            if jobs:
                tell(Phase(f"Speaking {sum(len(job.orders) for job in jobs)} bad takes anew"))
            speak_ranges(reading, jobs, request.workers, request.verify, leave_out=True, by=by)
    # 5. Lay out the chapters, encode the book, read it back, publish an edition.
    edition = publish_book(reading, request.audio, request.verify)
    note_published(reading, asked, edition)
    return edition
