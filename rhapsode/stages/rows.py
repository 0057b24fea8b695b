"""From a stored take to its row of evidence: every row of takes is built here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from rhapsode.audio.joins import OUTLINE_VERSION, outline
from rhapsode.model import Audio, Chunk, EngineIdentity, Job, Order, Outline, Plan, Reading, Utterance
from rhapsode.quality.signal import measure
from rhapsode.recipe import RECIPE_VERSION
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library
from rhapsode.store.objects import StoredTake, get_audio, get_provenance
from rhapsode.store.overlap import ahead

_OUTLINE = TypeAdapter(Outline)


def measured(audio: Audio) -> dict[str, Any]:
    """What a take's provenance says of its audio: `measures` for its row, `outline` for the chapter that it lies in."""
    return {
        "measures": asdict(measure(audio)),
        "outline": {"version": OUTLINE_VERSION, "of_take": asdict(outline(audio))},
    }


def outline_of(library: Library, key: str, sha256: str) -> Outline:
    """The outline of a stored take: what its provenance says, or measured anew where that is of another version.

    Raises:
        NotInLibrary, ObjectDamaged: As for `get_audio`.
    """
    known = get_provenance(library, key, sha256).get("outline", {})
    if known.get("version") == OUTLINE_VERSION:
        return _OUTLINE.validate_python(known["of_take"])
    return outline(get_audio(library, key, sha256))


def outlines_of(library: Library, rows: Sequence[TakeRow]) -> Iterator[Outline]:
    """The outlines of many takes, in their order; raises what `outline_of` does."""
    return ahead(library, lambda row: outline_of(library, row.key, row.sha256), rows)


def take_row(
    reading: Reading, plan: Plan, job: Job, order: Order, utterance: Utterance, stored: StoredTake, reused: bool
) -> TakeRow:
    """The row of a take whose audio is in the library. `elapsed_s`, stack and start are those of the take's making."""
    facts = stored.provenance
    stack = facts["stack"]
    measures = facts["measures"]
    elapsed_s = facts["elapsed_s"]
    return TakeRow(
        **_asked(reading, plan, job, order, utterance),
        slots=stack["slots"],
        threads=stack["threads"],
        finish_reason=facts["finish_reason"],
        token_count=facts["token_count"],
        legal_mass=min(facts.get("legal_mass", ()), default=None),
        duration_s=measures["duration_s"],
        sample_rate_hz=stored.sample_rate_hz,
        rms_dbfs=measures["rms_dbfs"],
        peak_dbfs=measures["peak_dbfs"],
        leading_silence_s=measures["leading_silence_s"],
        trailing_silence_s=measures["trailing_silence_s"],
        elapsed_s=elapsed_s,
        speed=measures["duration_s"] / elapsed_s if elapsed_s else 0.0,
        sha256=stored.sha256,
        reused=reused,
        error=None,
        started_at=datetime.fromisoformat(facts["started_at"]),
        host=stack["host"],
        libraries=json.dumps(stack["libraries"], sort_keys=True),
    )


def failure_row(
    reading: Reading, plan: Plan, job: Job, order: Order, utterance: Utterance, error: str, at: datetime
) -> TakeRow:
    """The row of an attempt that ended in an error: no audio, no measures."""
    return TakeRow(
        **_asked(reading, plan, job, order, utterance),
        slots=0,
        threads=0,
        finish_reason="",
        token_count=0,
        legal_mass=None,
        duration_s=0.0,
        sample_rate_hz=0,
        rms_dbfs=None,
        peak_dbfs=None,
        leading_silence_s=None,
        trailing_silence_s=None,
        elapsed_s=0.0,
        speed=0.0,
        sha256="",
        reused=False,
        error=error,
        started_at=at,
        host="",
        libraries="{}",
    )


def engine_of(reading: Reading, order: Order) -> EngineIdentity:
    """Who speaks an order: the engine of the reading, unless the order names another."""
    return order.engine or EngineIdentity(reading.engine, reading.weights_digest, reading.precision)


def _asked(reading: Reading, plan: Plan, job: Job, order: Order, utterance: Utterance) -> dict[str, Any]:
    """The columns that say what was asked for, which a take and a failure share."""
    chunk: Chunk = plan.chunks[order.chunk - 1]
    by = engine_of(reading, order)
    return {
        "book": reading.shelf,
        "chapter": chunk.chapter,
        "chunk": chunk.number,
        "key": utterance.key,
        "range": job.name,
        "round": job.round,
        "take": order.take,
        "source": chunk.source,
        "spoken": utterance.text,
        "words": chunk.words,
        "characters": len(utterance.text),
        "char_start": chunk.char_start,
        "char_end": chunk.char_end,
        "boundary": chunk.boundary.value,
        "voice": reading.voice.name,
        "engine": by.name,
        "weights_digest": by.weights_digest,
        "precision": by.precision,
        "recipe_version": RECIPE_VERSION,
        "sampling": json.dumps(asdict(utterance.sampling), sort_keys=True),
        "seed": utterance.seed,
    }
