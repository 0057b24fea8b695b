"""Tokens into audio: what is left to do for a job when an engine with a codec has spoken it."""

from __future__ import annotations

from collections.abc import Iterator

from rhapsode.errors import ObjectDamaged, SynthesisFailed
from rhapsode.model import Audio, Job, Reading
from rhapsode.stages.jobs import JobReport, OpenJob
from rhapsode.stages.parts import decode
from rhapsode.stages.rows import measured
from rhapsode.store.evidence import TakeRow
from rhapsode.store.objects import StoredTake, find_take, put_take
from rhapsode.store.overlap import ahead, behind
from rhapsode.store.tokens import StoredTokens, find_tokens


def decode_job(reading: Reading, job: Job) -> JobReport:
    """Decodes what of a job is tokens yet and writes its evidence; audio that is there is found, not made again.

    Raises:
        ObjectDamaged: Tokens have gone since they were spoken.
        SynthesisFailed: Some takes cannot be decoded; as in `speak_job`.
        WeightsDamaged: The engine at hand has other weights than those that the reading was planned with.
    """
    work = OpenJob(reading, job)
    codec = work.engine().codec
    assert codec is not None, "only takes that are tokens are decoded"
    rows: list[TakeRow] = []
    failures: dict[str, SynthesisFailed] = {}

    def look_up(key: str) -> StoredTake | StoredTokens | None:
        return find_take(work.library, key) or find_tokens(work.library, key)

    def decoded() -> Iterator[tuple[StoredTokens, Audio]]:
        for (key, utterance), found in zip(
            work.utterances.items(), ahead(work.library, look_up, work.utterances), strict=True
        ):
            if isinstance(found, StoredTake):
                rows.extend(work.rows(found, reused=True))
                continue
            if found is None:
                raise ObjectDamaged(f"The tokens of take {key} have gone.", "Run again: it will be spoken anew.")
            try:
                yield found, decode(codec, utterance, found.ids, found.provenance.get("part_ends", ()))
            except SynthesisFailed as error:
                failures[key] = error

    def store(made: tuple[StoredTokens, Audio]) -> StoredTake:
        tokens, audio = made
        return put_take(work.library, tokens.key, audio, tokens.provenance | measured(audio))

    for stored in behind(store, decoded()):
        rows += work.rows(stored, reused=False)
    if failures:
        raise work.fail(failures, rows)
    return work.close(rows)
