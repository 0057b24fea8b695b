"""Is it the history, the model, or the text? Named chunks of a book, spoken under several conditions.

Every condition has processes of its own: nothing is left in one from another, and on a GPU no two hold weights at once.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import soundfile as sf

from rhapsode import recipe
from rhapsode.engines.machine import installed, machine_settings
from rhapsode.engines.maya1.weights import Models
from rhapsode.engines.registry import NEEDS
from rhapsode.errors import BadRequest, EngineError, EngineUnavailable, WeightsDamaged
from rhapsode.model import Audio, Reading, Stack, Utterance
from rhapsode.quality.diagnosis import ALONE, Finding, Heard, Kind, defects_of, first_difference, legal_mass_of
from rhapsode.quality.signal import measure
from rhapsode.settings import DiagnoseRequest, EngineName
from rhapsode.stages.apart import Condition, Ended, in_a_process
from rhapsode.stages.conditions import conditions_of, load_anew, other_conditions
from rhapsode.stages.plan import load_plan
from rhapsode.stages.progress import Phase, tell
from rhapsode.stages.redo import parse_numbers, reading_of
from rhapsode.store.library import open_library
from rhapsode.store.objects import sha256_of
from rhapsode.store.shelf import Shelf, find_shelf

COLUMNS = ("chunk", "spoken", "tokens", "audio", "as alone", "end", "legal", "defects")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The reading, its named chunks, and under which conditions they are spoken."""

    reading: Reading
    named: dict[int, Utterance]
    conditions: tuple[Condition, ...]

    @property
    def shelf(self) -> Shelf:
        return Shelf(open_library(self.reading.library), self.reading.shelf)

    @property
    def folder(self) -> str:
        """Where it leaves its files; the next diagnosis of the same reading replaces them."""
        return self.shelf.path("diagnosis", self.reading.key[:12])


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
        EngineUnavailable: A package or a model that the engine of the book needs is not on this machine.
    """
    shelf = find_shelf(open_library(request.library), request.book)
    reading, _ = reading_of(shelf).load()
    chunks = load_plan(reading).chunks
    numbers = parse_numbers(request.chunks, len(chunks))
    engine = EngineName(reading.engine)
    _check_at_hand(engine)
    said = [
        recipe.utterance(chunk.spoken, reading.voice, reading.sampling, reading.weights_digest, reading.precision, 1)
        for chunk in chunks
    ]
    # The book's own precision, whatever this machine would choose today; a GGUF file has one and cannot be asked.
    precision = reading.precision if engine is EngineName.MAYA1_HF else ""
    same = conditions_of(partial(load_anew, engine, precision), said, numbers, request.before)
    named = {number: said[number - 1] for number in numbers}
    return Diagnosis(reading, named, (*same, *other_conditions(engine, reading.precision, tuple(named.values()))))


def _check_at_hand(engine: EngineName) -> None:
    models, packages, extra = NEEDS.get(engine, ((), (), ""))
    here = Models(machine_settings().models)
    for model in models:
        if not here.has(model):
            raise EngineUnavailable(
                f"The book is spoken by {engine}, and its model {model} is not on this machine.",
                f"Run: rhapsode models fetch {model}",
            )
    if not installed(*packages):
        raise EngineUnavailable(f"A package of the engine {engine} is missing.", f"pip install 'rhapsode[{extra}]'")


def damaged_weights(engine: EngineName) -> str:
    """Hashes every file of an engine's models, and says which one is not what it was; empty where all are.

    When an engine is loaded, only files whose size or time of change is another are hashed: bits that rotted on the
    disk are found here.
    """
    models, _, _ = NEEDS.get(engine, ((), (), ""))
    if models:
        tell(Phase("Hashing the weights"))
    try:
        for model in models:
            Models(machine_settings().models).verify(model)
    except WeightsDamaged as damage:
        return str(damage)
    return ""


def speak_condition(diagnosis: Diagnosis, condition: Condition) -> Outcome:
    """Speaks the named chunks under one condition, measures them, and stores the audio as files to hear.

    Raises:
        EngineError: The engine of the book cannot be loaded or died; one that is only compared with may be absent.
        WeightsDamaged: It has other weights than the book was planned with.
    """
    tell(Phase(f"Speaking {condition.name}"))
    reading, named = diagnosis.reading, diagnosis.named
    results: dict[str, tuple[Ended, Stack]] = {}
    stack = None
    try:
        for sessions in condition.processes:
            stack, spoken = in_a_process(condition, sessions, frozenset(one.key for one in named.values()))
            results |= {key: (ended, stack) for key, ended in spoken.items()}
    except (EngineError, BadRequest) as error:
        if condition.kind is Kind.SAME:
            raise
        return Outcome(condition.name, absent=error.message)
    if stack and condition.kind is Kind.SAME and stack.weights_digest != reading.weights_digest:
        raise WeightsDamaged(
            f"The engine {reading.engine} has the weights {stack.weights_digest[:12]} here, but this book was planned "
            f"with {reading.weights_digest[:12]}.",
            "Convert the book again, then diagnose what is at hand.",
        )
    heard = []
    for number, utterance in named.items():
        ended, made_on = results.get(utterance.key, (None, stack))
        heard.append(_heard(number, condition, ended, made_on))
        if isinstance(ended, tuple):
            diagnosis.shelf.library.write_bytes(audio_path(diagnosis, number, condition.name), _flac(ended[1]))
    return Outcome(condition.name, tuple(heard), stack)


def _heard(number: int, condition: Condition, ended: Ended | None, stack: Stack | None) -> Heard:
    precision, slots = (stack.precision, stack.slots) if stack else ("", 0)
    if not isinstance(ended, tuple):
        defect = ended.message.rstrip(".") if ended else "not spoken"
        return Heard(number, condition.name, condition.kind, precision, slots, finish="none", defects=(defect,))
    take, audio = ended
    measures = measure(audio)
    return Heard(
        number,
        condition.name,
        condition.kind,
        precision,
        take.tokens.slots if take.tokens else slots,
        take.tokens.ids if take.tokens else (),
        sha256_of(audio),
        take.finish.value,
        legal_mass_of(take),
        measures,
        defects_of(take, measures),
    )


def audio_path(diagnosis: Diagnosis, chunk: int, condition: str) -> str:
    return f"{diagnosis.folder}/{chunk:05d}-{condition.replace(' ', '-')}.flac"


def save_diagnosis(diagnosis: Diagnosis, outcomes: Sequence[Outcome], finding: Finding) -> str:
    """Writes everything but the audio as JSON and returns the path in the library."""
    path = f"{diagnosis.folder}/diagnosis.json"
    body = {"finding": asdict(finding), "outcomes": [asdict(outcome) for outcome in outcomes]}
    diagnosis.shelf.library.write_bytes(path, json.dumps(body, indent=1, ensure_ascii=False).encode())
    return path


def rows_of(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """The table for people: one row a chunk and condition, and one for each condition that is absent."""
    alone = {one.chunk: one for outcome in outcomes for one in outcome.heard if one.condition == ALONE}
    heard = sorted((one for outcome in outcomes for one in outcome.heard), key=lambda one: one.chunk)
    rows = [
        (
            str(one.chunk),
            one.condition,
            str(len(one.token_ids) or ""),
            one.audio_sha256[:12],
            _as_alone(one, alone[one.chunk]),
            one.finish,
            "" if one.legal_mass is None else f"{one.legal_mass:.3f}",
            "; ".join(one.defects),
        )
        for one in heard
    ]
    rows += [("", outcome.condition, "", "", "", "", "", outcome.absent) for outcome in outcomes if outcome.absent]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _as_alone(one: Heard, alone: Heard) -> str:
    """`yes`, or from where on it is another; `NO` where it must not be."""
    if one.same_as(alone):
        return "yes"
    token = first_difference(alone.token_ids, one.token_ids)
    where = "in its audio" if token is None or not one.token_ids else f"from token {token + 1}"
    if one.comparable(alone):
        return f"NO: other {where}"
    return f"on {one.slots} slots: other {where}" if one.kind is Kind.SAME else f"other {where}"


def _flac(audio: Audio) -> bytes:
    target = io.BytesIO()
    sf.write(target, audio.samples, audio.sample_rate_hz, format="FLAC", subtype="PCM_16")
    return target.getvalue()
