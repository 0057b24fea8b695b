"""The ladder's rungs on Maya1 itself: in parts, and on the other backend, each take the same as spoken alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.engines import registry
from rhapsode.engines.registry import load_engine, stand_in
from rhapsode.model import EngineIdentity, Order, Reading
from rhapsode.recipe import later_job, utterance
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.decode import decode_job
from rhapsode.stages.plan import parse_book, plan_chunks
from rhapsode.stages.speak import speak_job
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from rhapsode.store.tokens import find_tokens
from tests.fixtures import models
from tests.fixtures.booklet import bind
from tests.fixtures.voice import SENTENCES

PAGE = {"one": "".join(f"<p>{sentence}</p>" for sentence in SENTENCES[:3])}


@pytest.mark.timeout(900)
def test_parts_and_the_other_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = models.voice_models(tmp_path / "voice")
    for variable, value in {"MODELS": str(voice.folder), "SLOTS": "2", "THREADS": "1", "DEVICE": "cpu"}.items():
        monkeypatch.setenv(f"RHAPSODE_{variable}", value)
    monkeypatch.setattr(registry, "_loaded", {})
    bind(tmp_path / "book.epub", PAGE)
    request = ConvertRequest(
        epub=str(tmp_path / "book.epub"), library=str(tmp_path / "library"), engine=EngineName.MAYA1_HF
    )
    reading = plan_chunks(request, parse_book(request))

    parts = (SENTENCES[3], SENTENCES[4])
    joined = spoken(reading, [Order(1, 4, parts=parts), Order(2, 4)])[1]
    here = EngineIdentity(reading.engine, reading.weights_digest, reading.precision)
    assert tokens(reading, joined.key) == alone(reading, here, parts[0], 4) + alone(reading, here, parts[1], 4)
    assert joined.engine == "maya1-hf" and joined.duration_s > 1

    there = stand_in(EngineName.MAYA1_GGUF)
    assert there is None, "on a CPU maya1-hf has to be named"
    there = stand_in(EngineName.MAYA1_HF)
    assert there and there.name == "maya1-gguf" and there.weights_digest != reading.weights_digest
    elsewhere = spoken(reading, [Order(1, 6, engine=there)])[1]
    assert (elsewhere.engine, elsewhere.precision) == (there.name, there.precision)
    assert tokens(reading, elsewhere.key) == alone(reading, there, elsewhere.spoken, 6)


def spoken(reading: Reading, orders: list[Order]) -> dict[int, TakeRow]:
    """The rows of a round of these orders, by chunk."""
    job = later_job(orders[0].take - 1, orders)
    speak_job(reading, job)
    decode_job(reading, job)
    folder = ReadingFolder(Shelf(open_library(reading.library), reading.shelf), reading.key)
    return {row.chunk: row for row in folder.read_takes() if row.round == job.round}


def tokens(reading: Reading, key: str) -> tuple[int, ...]:
    found = find_tokens(open_library(reading.library), key)
    assert found and found.ids
    return found.ids


def alone(reading: Reading, by: EngineIdentity, text: str, take: int) -> tuple[int, ...]:
    """The tokens of a text that an engine says in a session of its own."""
    one = utterance(text, reading.voice, reading.sampling, by.weights_digest, by.precision, take)
    with load_engine(EngineName(by.name)).session() as session:
        [said] = session.speak([one])
    assert said.tokens
    return said.tokens.ids
