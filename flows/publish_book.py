"""The end that `convert-book` and `resynthesize-range` share: accepted takes -> chapters -> an edition.

No flow of its own: what it leaves for people stands with the run that they have started.
"""

from __future__ import annotations

from contextlib import closing

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from rhapsode.errors import NotGoodEnough, RunIncomplete
from rhapsode.model import Reading
from rhapsode.report.summary import chapter_rows
from rhapsode.settings import AudioSettings, Policy, Verification
from rhapsode.stages.accept import Acceptance, accept_takes
from rhapsode.stages.assemble import chapters_of, timeline_is_there
from rhapsode.stages.doubtful import doubtful_chunks, doubtful_rows, open_markdown
from rhapsode.stages.listening_report import publish_report
from rhapsode.stages.progress import Phase, tell
from rhapsode.stages.publish import describe_edition, edition_is_there
from rhapsode.stages.verdicts import Judged, judge_takes
from rhapsode.stages.verify import listening_of
from rhapsode.store.editions import Edition
from tasks.assemble_chapter import assemble_chapter
from tasks.policy import Step, checked, fan_out
from tasks.publish_edition import publish_edition


def publish_book(reading: Reading, audio: AudioSettings, verification: Verification) -> Edition:
    """Assembles what is accepted and publishes it; speaks nothing.

    Raises:
        RunIncomplete: Chunks that nobody has tried to speak yet; nothing is published.
        NotGoodEnough: Chunks that no take is good of, where the policy is strict; nothing is published.
    """
    listening = listening_of(reading, verification)
    judged = judge_takes(reading, listening, verification.strictness) if listening else []
    acceptance = accept_takes(reading, verification, judged)
    _refuse(acceptance, verification.policy)
    edition = checked(
        publish_edition,
        lambda found: edition_is_there(reading, found),
        reading,
        acceptance.digest,
        _timelines(reading, acceptance.digest, audio),
        audio,
        acceptance.exceptions,
        listening.recogniser if listening else None,
    )
    publish_report(reading, edition, verification, judged)
    _show(reading, edition, doubtful_chunks(reading, edition.accepted, verification, judged))
    return edition


def _timelines(reading: Reading, accepted: str, audio: AudioSettings) -> list[str]:
    """Lays out the chapters; the digests of their saved timelines, in the order of the chapters."""
    tell(Phase("Laying out the chapters"))
    chapters = chapters_of(reading)
    calls = [{"reading": reading, "accepted": accepted, "chapter": number, "settings": audio} for number in chapters]
    timelines = {}
    assembling = Step(assemble_chapter, lambda call, name: timeline_is_there(reading, name), workers=2)
    with closing(fan_out(calls, assembling)) as ended:
        for index, state in ended:
            timelines[index] = state.result()
    return [timelines[index] for index in range(len(calls))]


def _show(reading: Reading, edition: Edition, doubtful: list[Judged]) -> None:
    """Leaves what came out as artifacts of the run."""
    create_table_artifact(
        chapter_rows(edition), key=f"chapters-{reading.shelf}", description=f"Chapters of {edition.title}"
    )
    if doubtful:
        create_table_artifact(
            doubtful_rows(doubtful),
            key=f"worst-{reading.shelf}",
            description=f"Chunks of {edition.title} that are not beyond doubt",
        )
    summary = describe_edition(reading, edition) + open_markdown(doubtful)
    create_markdown_artifact(summary, key=f"summary-{reading.shelf}", description=f"What came of {edition.title}")


def _refuse(acceptance: Acceptance, policy: Policy) -> None:
    """Raises what speaks against publishing, if anything does."""
    missing, flaws = acceptance.missing, acceptance.exceptions
    if missing:
        raise RunIncomplete(
            f"{len(missing)} chunks are not spoken or not checked yet, the first is chunk {missing[0]}.",
            "Convert the book again: only what is missing is done. If it stays so, speak them with `rhapsode redo`.",
        )
    if flaws and policy is Policy.STRICT:
        raise NotGoodEnough(
            f"No take is good of {len(flaws)} chunks; the first is chunk {flaws[0].chunk}: {flaws[0].reasons[0]}.",
            "Nothing is published. Speak them anew with `rhapsode redo`, or publish them by name: policy report.",
        )
