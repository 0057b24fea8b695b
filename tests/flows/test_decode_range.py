"""Ranges whose takes are tokens: each is decoded while the next one is spoken, in a task of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flows.convert_book import convert_book
from flows.resynthesize_range import resynthesize_range
from rhapsode.errors import RunIncomplete
from rhapsode.settings import ConvertRequest, EngineName, Policy, RedoRequest, Verification
from rhapsode.store.objects import object_path
from rhapsode.store.readings import ReadingFolder
from tests.coded import Coded
from tests.faulty import install
from tests.flows.test_convert_book import TITLE, published, shelf_of, task_states


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Coded:
    coded = Coded()
    install(monkeypatch, coded)
    return coded


@pytest.fixture
def request_(story: Path, tmp_path: Path) -> ConvertRequest:
    return ConvertRequest(epub=str(story), library=str(tmp_path / "library"), engine=EngineName.TONE)


def test_decoding_follows_speaking_and_a_second_run_does_neither(engine: Coded, request_: ConvertRequest) -> None:
    deadline = time.monotonic() + 60

    def in_the_last_range(text: str) -> bool:
        # This engine speaks faster than a task starts; a real one would still be speaking when a range is decoded.
        while len(engine.spoken) >= 64 and not engine.decoded and time.monotonic() < deadline:
            time.sleep(0.01)
        return False

    engine.refuses = in_the_last_range
    first = convert_book(request_, return_state=True)
    edition = published(first)
    states = task_states(first)
    ranges = {name.split()[1] for name, _ in states if name.startswith("synthesize ")}
    assert ranges == {name.split()[1] for name, _ in states if name.startswith("decode ")} and len(ranges) == 3
    kinds = [what.split()[0] for what in engine.log]
    assert kinds.count("speak") > 64, "the last range is not reached"
    assert kinds.index("decode") < len(kinds) - 1 - kinds[::-1].index("speak"), "decoding waited for all speaking"
    assert sorted(engine.decoded) == sorted(engine.spoken)

    count = len(engine.log)
    second = convert_book(request_, return_state=True)
    assert published(second) == edition and len(engine.log) == count
    done = {state for (name, state) in task_states(second) if name.split()[0] in ("synthesize", "decode")}
    assert done == {"Cached"}


def test_lost_audio_is_decoded_again_and_lost_tokens_do_not_matter(engine: Coded, request_: ConvertRequest) -> None:
    edition = convert_book(request_)
    shelf = shelf_of(request_)
    lost = ReadingFolder(shelf, edition.reading).load_accepted(edition.accepted)[6]
    shelf.library.delete(object_path(lost.key))
    count = len(engine.log)
    assert convert_book(request_) == edition
    assert engine.log[count:] == [f"decode {lost.spoken}"]


def test_a_range_that_cannot_be_decoded_is_named_and_mended(engine: Coded, request_: ConvertRequest) -> None:
    engine.codec_refuses = lambda text: "Eat your fish" in text
    request_ = request_.model_copy(update={"verify": Verification(policy=Policy.STRICT)})
    with pytest.raises(RunIncomplete, match="1 of 3 ranges failed"):
        convert_book(request_)
    spoken = len(engine.spoken)
    edition = resynthesize_range(
        RedoRequest(book=TITLE, library=request_.library, chunks="failed", text="Have some fish.")
    )
    assert engine.spoken[spoken:] == ["Have some fish."]
    assert edition.number == 1
