"""Is it the history, the model, or the text? Named chunks of a book, spoken under several conditions.

Every condition has processes of its own: nothing is left in one from another, and on a GPU no two hold weights at once.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import soundfile as sf

from rhapsode import recipe
from rhapsode.engines.machine import installed
from rhapsode.engines.protocol import Engine
from rhapsode.engines.registry import ENGINES, NEEDS, lacks
from rhapsode.errors import BadRequest, EngineError
from rhapsode.model import Audio, Reading, Stack, Utterance
from rhapsode.quality.diagnosis import ALONE, Finding, Heard, Kind, defects_of, legal_mass_of
from rhapsode.quality.signal import measure
from rhapsode.settings import DiagnoseRequest, EngineName
from rhapsode.stages.apart import Call, Calls, Condition, Ended, Load, in_a_process
from rhapsode.stages.plan import load_plan
from rhapsode.stages.progress import Phase, tell
from rhapsode.stages.redo import parse_numbers, reading_of
from rhapsode.store.library import open_library
from rhapsode.store.objects import sha256_of
from rhapsode.store.shelf import Shelf, find_shelf


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The reading, its named chunks, and under which conditions they are spoken."""

    reading: Reading
    named: dict[int, Utterance]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was heard under a condition; `absent` says why nothing was: a precision or a backend is not at hand."""

    condition: str
    heard: tuple[Heard, ...] = ()
    stack: Stack | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What people are shown: the verdict, the table, and where in the library the JSON lies, the audio beside it."""

    finding: Finding
    rows: tuple[dict[str, str], ...]
    path: str


def plan_diagnosis(request: DiagnoseRequest) -> Diagnosis:
    """Finds the book and lays out the conditions; nothing is loaded.

    Raises:
        NotInLibrary: No such book, or none of its readings can be meant.
        BadRequest: Chunks that the book does not have.
    """
    shelf = find_shelf(open_library(request.library), request.book)
    reading, _ = reading_of(shelf).load()
    chunks = load_plan(reading).chunks
    numbers = parse_numbers(request.chunks, len(chunks))
    said = [
        recipe.utterance(chunk.spoken, reading.voice, reading.sampling, reading.weights_digest, reading.precision, 1)
        for chunk in chunks
    ]
    engine = EngineName(reading.engine)
    conditions = conditions_of(partial(load_anew, engine), said, numbers, request.before)
    named = {number: said[number - 1] for number in numbers}
    return Diagnosis(reading, named, (*conditions, *_variants(engine, reading.precision, tuple(named.values()))))


def conditions_of(load: Load, said: Sequence[Utterance], numbers: Sequence[int], before: int | None) -> list[Condition]:
    """The conditions on one stack, under which every take must be the same.

    Args:
        said: All utterances of the book, in its order.
        numbers: The named chunks, counted from 1, sorted.
        before: How many predecessors each has at its place; None: all.
    """
    named = tuple(said[number - 1] for number in numbers)
    by_itself = tuple(((one,),) for one in named)
    longest = sorted(dict.fromkeys(said), key=lambda one: -len(one.text))[: NEIGHBOURS + 1]
    beside = tuple((_twin(one), *(other for other in longest if other != one), one) for one in named)
    place = _at_their_places(said, numbers, len(said) if before is None else before)
    company: Calls = (tuple(longest),)
    return [
        Condition(ALONE, Kind.SAME, load, tuple((calls,) for calls in by_itself)),
        Condition("again in another process", Kind.SAME, load, (by_itself[::-1],)),
        Condition("at its place", Kind.SAME, load, ((place,),)),
        Condition("beside others", Kind.SAME, load, ((beside,),)),
        Condition("after a reload", Kind.SAME, load, ((company, *by_itself),), reload=True),
    ]


NEIGHBOURS = 8
"""The longest chunks of the book. Engines begin with the longest: the named one comes into another slot, or later."""


def _twin(one: Utterance) -> Utterance:
    """Another take of the same text: as long, so that even the longest chunk of a book does not come first."""
    return replace(one, seed=one.seed ^ 1, take=one.take + 1, key=f"{one.key}-twin")


def _at_their_places(said: Sequence[Utterance], numbers: Sequence[int], before: int) -> Calls:
    calls: list[Call] = []
    done = 0
    for number in numbers:
        if others := tuple(said[max(done, number - 1 - before) : number - 1]):
            calls.append(others)
        calls.append((said[number - 1],))
        done = number
    return tuple(calls)


def _variants(engine: EngineName, precision: str, named: Call) -> list[Condition]:
    """Other precisions and the other backend, as far as they are at hand."""
    processes = (tuple(((one,),) for one in named),)
    variants = [
        Condition(f"in {other}", Kind.PRECISION, partial(load_anew, engine, other), processes)
        for other in _precisions(engine)
        if other != precision
    ]
    return variants + [
        Condition(f"on {other}", Kind.BACKEND, partial(load_anew, other), processes)
        for other in NEEDS
        if engine in NEEDS and other is not engine and not lacks(other)
    ]


def _precisions(engine: EngineName) -> tuple[str, ...]:
    if engine is not EngineName.MAYA1_HF or not installed("torch"):
        return ()
    from rhapsode.engines.maya1.device import best_device  # noqa: PLC0415 - imports torch

    plain = ("fp32",) if best_device() == "cpu" else ("bf16", "fp16")
    return (*plain, *(("nf4", "int8") if installed("bitsandbytes") else ()))


def load_anew(name: EngineName, precision: str = "") -> Engine:
    """Loads an engine whatever is loaded already. The precision goes into the environment: only for a child process."""
    if precision:
        os.environ["RHAPSODE_PRECISION"] = precision
    return ENGINES[name]()


def speak_condition(named: dict[int, Utterance], condition: Condition, shelf: Shelf, folder: str) -> Outcome:
    """Speaks the named chunks under one condition, measures them, and stores the audio as files to hear.

    Raises:
        EngineError: The engine of the book cannot be loaded or died; one that is only compared with may be absent.
    """
    tell(Phase(f"Speaking {condition.name}"))
    results: dict[str, Ended] = {}
    stack = None
    try:
        for sessions in condition.processes:
            stack, spoken = in_a_process(condition, sessions, frozenset(one.key for one in named.values()))
            results |= spoken
    except (EngineError, BadRequest) as error:
        if condition.kind is Kind.SAME:
            raise
        return Outcome(condition.name, absent=error.message)
    heard = []
    for number, utterance in named.items():
        result = results.get(utterance.key)
        heard.append(_heard(number, condition, result))
        if isinstance(result, tuple):
            shelf.library.write_bytes(audio_path(folder, number, condition.name), _flac(result[1]))
    return Outcome(condition.name, tuple(heard), stack)


def _heard(number: int, condition: Condition, result: Ended | None) -> Heard:
    if not isinstance(result, tuple):
        defect = result.message if result else "not spoken"
        return Heard(number, condition.name, condition.kind, finish="none", defects=(defect,))
    take, audio = result
    measures = measure(audio)
    return Heard(
        number,
        condition.name,
        condition.kind,
        take.tokens.ids if take.tokens else (),
        sha256_of(audio),
        take.finish.value,
        legal_mass_of(take),
        measures,
        defects_of(take, measures),
    )


def folder_of(shelf: Shelf, reading: Reading) -> str:
    """Where a diagnosis leaves its files; the next one of the same reading replaces them."""
    return shelf.path("diagnosis", reading.key[:12])


def audio_path(folder: str, chunk: int, condition: str) -> str:
    return f"{folder}/{chunk:05d}-{condition.replace(' ', '-')}.flac"


def save_diagnosis(shelf: Shelf, folder: str, outcomes: Sequence[Outcome], finding: Finding) -> str:
    """Writes everything but the audio as JSON and returns the path in the library."""
    path = f"{folder}/diagnosis.json"
    body = {"finding": asdict(finding), "outcomes": [asdict(outcome) for outcome in outcomes]}
    shelf.library.write_bytes(path, json.dumps(body, indent=1, ensure_ascii=False).encode())
    return path


def rows_of(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """The table for people: one row a chunk and condition, and one for each condition that is absent."""
    alone = {one.chunk: one for outcome in outcomes for one in outcome.heard if one.condition == ALONE}
    rows = [
        {
            "chunk": str(one.chunk),
            "spoken": one.condition,
            "tokens": str(len(one.token_ids) or ""),
            "audio": one.audio_sha256[:12],
            "same": "" if one.kind is not Kind.SAME else "yes" if one.same_as(alone[one.chunk]) else "NO",
            "end": one.finish,
            "legal": "" if one.legal_mass is None else f"{one.legal_mass:.3f}",
            "defects": "; ".join(one.defects),
        }
        for outcome in outcomes
        for one in outcome.heard
    ]
    rows.sort(key=lambda row: int(row["chunk"]))
    blank = dict.fromkeys(("chunk", "tokens", "audio", "same", "end", "legal"), "")
    return rows + [
        {**blank, "spoken": outcome.condition, "defects": outcome.absent} for outcome in outcomes if outcome.absent
    ]


def _flac(audio: Audio) -> bytes:
    target = io.BytesIO()
    sf.write(target, audio.samples, audio.sample_rate_hz, format="FLAC", subtype="PCM_16")
    return target.getvalue()
