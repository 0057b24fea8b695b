"""The diagnosis convicts engines that break a promise, and acquits those that keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.engines.protocol import Engine, Session
from rhapsode.engines.tone import Tone
from rhapsode.errors import EngineUnavailable, SynthesisFailed, WeightsDamaged
from rhapsode.model import Audio, FinishReason, Reading, Take, Tokens, Utterance
from rhapsode.quality.diagnosis import ALONE, Finding, Kind, Verdict, judge
from rhapsode.settings import EngineName
from rhapsode.stages import apart, diagnose
from rhapsode.stages.apart import Condition, Load
from rhapsode.stages.conditions import conditions_of, load_anew
from rhapsode.stages.diagnose import Diagnosis, Outcome, speak_condition
from tests.contract.promises import TEXTS, subject, utterances

FRAME = 7
NUMBERS = (2, 4)


def outcomes_of(load: Load, folder: Path) -> list[Outcome]:
    engine = load()
    said = utterances(engine, TEXTS)
    diagnosis = diagnosis_of(engine, {number: said[number - 1] for number in NUMBERS}, folder)
    return [speak_condition(diagnosis, one) for one in conditions_of(load, said, NUMBERS, None)]


def diagnosis_of(engine: Engine, named: dict[int, Utterance], folder: Path) -> Diagnosis:
    """Of a book of which nothing but its reading is there."""
    one, stack = next(iter(named.values())), engine.stack
    reading = Reading(
        *("0" * 64, str(folder), "a-book", "", "", stack.engine),
        *(one.voice, one.sampling, stack.weights_digest, stack.precision),
    )
    return Diagnosis(reading, named, ())


def finding_of(load: Load, folder: Path) -> Finding:
    return judge(one for outcome in outcomes_of(load, folder) for one in outcome.heard)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """For faults that show without processes of their own, whose start takes longer than the speaking."""
    monkeypatch.setattr(diagnose, "in_a_process", apart._perform)


@pytest.mark.parametrize("name", ["tone", "hibari"])
def test_engines_in_order_are_acquitted(name: str, tmp_path: Path) -> None:
    outcomes = outcomes_of(partial(load_anew, EngineName(name)), tmp_path)
    heard = [one for outcome in outcomes for one in outcome.heard]
    assert judge(heard).verdict is Verdict.CLEAN, heard
    assert len(heard) == len(list(tmp_path.rglob("*.flac"))) == len(outcomes) * len(NUMBERS)
    assert all(outcome.stack and outcome.stack.engine == name for outcome in outcomes)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        ("echo", "at its place"),
        ("padded", "beside others"),
        ("by_row", "in another slot"),
        ("global_noise", "again in another process"),
    ],
)
def test_dependence_on_what_was_spoken_before_or_beside_is_convicted(
    fault: str, condition: str, tmp_path: Path
) -> None:
    found = finding_of(partial(subject, fault), tmp_path)
    assert (found.verdict, found.chunk, found.condition) == (Verdict.HISTORY_DEPENDENT, NUMBERS[0], condition)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("fault", "verdict", "words"),
    [
        ("keeps", Verdict.HISTORY_DEPENDENT, "token 4 on"),
        ("unseeded", Verdict.HISTORY_DEPENDENT, "again in another process"),
        ("drops", Verdict.DEFECTIVE_ALONE, "frames slip"),
        ("damaged", Verdict.DEFECTIVE_ALONE, "0.3% of the probability on legal tokens"),
        ("none", Verdict.CLEAN, ""),
    ],
)
def test_engines_that_say_tokens(fault: str, verdict: Verdict, words: str, tmp_path: Path) -> None:
    found = finding_of(partial(Chimes, fault), tmp_path)
    assert found.verdict is verdict, found
    assert words in found.reason


def test_what_is_only_compared_with_may_be_absent_and_the_engine_itself_may_not(tmp_path: Path) -> None:
    said = utterances(Tone())
    diagnosis = diagnosis_of(Tone(), {1: said[0]}, tmp_path)
    away = Condition("on the other", Kind.BACKEND, absent, ((((said[0],),),),))
    assert speak_condition(diagnosis, away).absent == "No weights."
    with pytest.raises(EngineUnavailable, match="No weights"):
        speak_condition(diagnosis, replace(away, name=ALONE, kind=Kind.SAME))


def test_other_weights_than_those_of_the_book_are_not_diagnosed_in_its_name(tmp_path: Path) -> None:
    said = utterances(Tone())
    diagnosis = diagnosis_of(Tone(), {1: said[0]}, tmp_path)
    other = replace(diagnosis, reading=replace(diagnosis.reading, weights_digest="another"))
    with pytest.raises(WeightsDamaged, match="planned with another"):
        speak_condition(other, Condition(ALONE, Kind.SAME, Tone, ((((said[0],),),),)))


def test_a_process_that_dies_is_an_error_of_one_line(tmp_path: Path) -> None:
    said = utterances(Tone())
    dying = Condition(ALONE, Kind.SAME, die, ((((said[0],),),),))
    with pytest.raises(SynthesisFailed, match=r"spoke alone died \(exit code 3\)"):
        speak_condition(diagnosis_of(Tone(), {1: said[0]}, tmp_path), dying)


def test_predecessors_are_limited_and_never_said_twice() -> None:
    said = utterances(Tone(), [f"{number}." for number in range(1, 31)])
    place = {
        before: [
            [int(one.text[:-1]) for one in call]
            for call in conditions_of(Tone, said, (3, 20, 21), before)[2].processes[0][0]
        ]
        for before in (0, 2, None)
    }
    assert place[0] == [[3], [20], [21]]
    assert place[2] == [[1, 2], [3], [18, 19], [20], [21]]
    assert place[None] == [[1, 2], [3], list(range(4, 20)), [20], [21]]


# -- engines -----------------------------------------------------------------------------------------------------------


def absent() -> Engine:
    raise EngineUnavailable("No weights.", "Fetch them.")


def die() -> Engine:
    raise SystemExit(3)


class Chimes(Tone):
    """An engine that says tokens, one frame of seven for each character, and has a fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault
        self.codec: Any = ChimesCodec()

    @contextmanager
    def session(self) -> Iterator[Session]:
        yield ChimesSession(self.fault)


class ChimesSession:
    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.kept = 0

    def speak(self, wanted: Sequence[Utterance]) -> Iterator[Take]:
        for one in wanted:
            noise = np.random.default_rng(None if self.fault == "unseeded" else one.seed)
            ids = [int(code) for code in noise.integers(4096, size=FRAME * len(one.text))]
            if self.fault == "keeps":
                ids[3] += self.kept
                self.kept += 1
            if self.fault == "drops":
                del ids[len(ids) // 2]
            mass = (0.003,) if self.fault == "damaged" else (0.99,)
            yield Take(one, FinishReason.END, 0.1, tokens=Tokens(tuple(ids), 1.0, 1, mass))


class ChimesCodec:
    def decode(self, token_ids: Sequence[int], seed: int) -> Audio:
        if len(token_ids) % FRAME:
            raise SynthesisFailed(f"The frames slip: {len(token_ids)} tokens.")
        return Audio(np.repeat(np.array(token_ids, np.int16), 220), self.sample_rate_hz)

    sample_rate_hz = 24_000
