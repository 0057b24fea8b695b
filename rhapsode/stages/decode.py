"""Tokens into audio: what is left to do for a job when an engine with a codec has spoken it."""

from __future__ import annotations

from rhapsode.errors import ObjectDamaged, SynthesisFailed
from rhapsode.model import Job, Reading
from rhapsode.stages.jobs import JobReport, OpenJob
from rhapsode.stages.parts import decode
from rhapsode.stages.rows import measured
from rhapsode.store.evidence import TakeRow
from rhapsode.store.objects import find_take, put_take
from rhapsode.store.tokens import find_tokens


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
    for key, utterance in work.utterances.items():
        stored = find_take(work.library, key)
        reused = stored is not None
        if stored is None:
            tokens = find_tokens(work.library, key)
            if tokens is None:
                raise ObjectDamaged(f"The tokens of take {key} have gone.", "Run again: it will be spoken anew.")
            try:
                audio = decode(codec, utterance, tokens.ids, tokens.provenance.get("part_ends", ()))
            except SynthesisFailed as error:
                failures[key] = error
                continue
            stored = put_take(work.library, key, audio, tokens.provenance | measured(audio))
        rows += work.rows(stored, reused)
    if failures:
        raise work.fail(failures, rows)
    return work.close(rows)
