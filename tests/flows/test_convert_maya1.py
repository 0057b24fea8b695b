"""Maya1 itself through the flow: what Prefect runs beside each other is what the plain stages say in order."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from flows.convert_book import convert_book
from rhapsode.engines import registry
from rhapsode.model import FinishReason
from rhapsode.settings import ConvertRequest, EngineName, Listen, Verification
from rhapsode.store.editions import Edition
from rhapsode.store.library import open_library
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import find_shelf
from rhapsode.store.tokens import find_tokens
from tests.fixtures import models
from tests.fixtures.booklet import bind
from tests.fixtures.voice import SENTENCES
from tests.plain import convert

PAGES = {"one": SENTENCES[0:3], "two": SENTENCES[3:5]}
"""More chunks than slots."""
SPENT = {"elapsed_s", "speed", "started_at"}
"""Of a row of evidence: the only fields that tell when, and not what."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [EngineName.MAYA1_HF, pytest.param(EngineName.MAYA1_GGUF, marks=pytest.mark.slow)])
def test_the_flow_says_what_the_plain_stages_say(
    name: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = models.voice_models(tmp_path / "voice")
    for variable, value in {"MODELS": str(voice.folder), "SLOTS": "2", "THREADS": "1", "DEVICE": "cpu"}.items():
        monkeypatch.setenv(f"RHAPSODE_{variable}", value)
    monkeypatch.setattr(registry, "_loaded", {})
    bind(tmp_path / "book.epub", {page: "".join(f"<p>{one}</p>" for one in said) for page, said in PAGES.items()})

    def request(library: str) -> ConvertRequest:
        where = {"epub": str(tmp_path / "book.epub"), "library": str(tmp_path / library)}
        return ConvertRequest(**where, engine=name, verify=Verification(listen=Listen.NONE))

    by_flow = convert_book(request("flow"))
    rows, tokens = evidence_of(request("flow"), by_flow)
    assert len(rows) == 5 and {(row["finish_reason"], row["slots"]) for row in rows} == {(FinishReason.END, 2)}
    registry._loaded.clear()
    plain = convert(request("plain"))
    assert evidence_of(request("plain"), plain) == (rows, tokens)
    assert len({row["sha256"] for row in rows}) == len(rows) and all(tokens)
    assert (by_flow.content, by_flow.files) == (plain.content, plain.files)


def evidence_of(request: ConvertRequest, edition: Edition) -> tuple[list[dict[str, Any]], list[tuple[int, ...]]]:
    """What is known of every take but the time that it took (its audio by sha256), and its tokens."""
    library = open_library(request.library)
    rows = ReadingFolder(find_shelf(library, edition.title), edition.reading).read_takes()
    tokens = [found.ids for row in rows if (found := find_tokens(library, row.key))]
    assert len(tokens) == len(rows)
    return [{key: value for key, value in asdict(row).items() if key not in SPENT} for row in rows], tokens
