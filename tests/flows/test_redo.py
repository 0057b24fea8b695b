"""`rhapsode redo` as people run it: what they are told of new takes that do not make it into the book."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from flows import resynthesize_range
from flows.convert_book import convert_book
from rhapsode.cli import stopping
from rhapsode.cli.app import run
from rhapsode.settings import ConvertRequest, EngineName, Listen, RedoRequest, Verification
from rhapsode.store.editions import load_chunks
from rhapsode.store.library import open_library
from rhapsode.store.shelf import find_shelf
from tests.faulty import Watched, install
from tests.flows.saboteur import Saboteur

TITLE = "The Lamps"
SPOILED, GOOD = 5, 7


def test_a_new_take_that_is_worse_is_named_and_the_one_of_before_is_kept(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled: set[str] = set()
    engine = Saboteur(lambda utterance: ["silence"] if utterance.text in spoiled else [])
    install(monkeypatch, engine)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it, and a narrow screen would wrap the lines
    monkeypatch.setattr(stopping, "stop_on_signals", lambda *_: None)  # it would take the signals of the test run
    verification = Verification(listen=Listen.SAMPLE, share=0.0, takes=1)
    first = convert_book(
        ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE, verify=verification)
    )
    assert not first.exceptions and not engine.log
    shelf = find_shelf(open_library(str(tmp_path)), TITLE)
    chunks = {row["chunk"]: row for row in load_chunks(shelf, first.number).to_pylist()}

    spoiled.add(chunks[SPOILED]["spoken"])
    code = run(["redo", TITLE, "--chunks", f"{SPOILED},{GOOD}", "--library", str(tmp_path)])
    said = capsys.readouterr()
    assert code == 0, said
    assert len(engine.log) == 1, "the saboteur has spoiled another number of takes"
    *_, told, where = said.out.splitlines()
    assert told.startswith(f"chunk {SPOILED}: the new take is worse (silent")
    assert told.endswith("), the one of before is kept")
    assert f"chunk {GOOD}:" not in said.out

    after = {row["chunk"]: row for row in load_chunks(shelf, 2).to_pylist()}
    assert after[SPOILED]["key"] == chunks[SPOILED]["key"] and after[GOOD]["key"] != chunks[GOOD]["key"]
    page = Path(where.removeprefix("Hear both in "))
    assert page == tmp_path / "books" / shelf.name / "editions" / "0002" / "report.html"
    [both] = [part for part in page.read_text().split("<article ") if f'id="chunk-{SPOILED}"' in part]
    assert both.count("<audio ") == 2


def test_a_redo_that_was_killed_goes_on_where_it_was(
    booklet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    verify = Verification(listen=Listen.NONE)
    convert_book(ConvertRequest(epub=str(booklet), library=str(tmp_path), engine=EngineName.TONE, verify=verify))
    asked = RedoRequest(book=TITLE, library=str(tmp_path), chunks="1-40", workers=1)
    monkeypatch.setattr(resynthesize_range, "flow_run", SimpleNamespace(id="the-run"))

    def die(*_: object, **__: object) -> None:
        raise KilledError

    before = len(engine.spoken)
    with monkeypatch.context() as context:
        context.setattr(resynthesize_range, "publish_book", die)
        with pytest.raises(KilledError):
            resynthesize_range.resynthesize_range(asked)
    anew = len(engine.spoken) - before
    assert anew > 30, "some lines stand in the book twice, and are spoken once"
    edition = resynthesize_range.resynthesize_range(asked)
    assert len(engine.spoken) == before + anew, "what was stored is spoken again"
    rows = load_chunks(find_shelf(open_library(str(tmp_path)), TITLE), edition.number).to_pylist()
    assert [row["take"] for row in rows] == [2] * 40 + [1] * (len(rows) - 40)

    monkeypatch.setattr(resynthesize_range, "flow_run", SimpleNamespace(id="another"))
    resynthesize_range.resynthesize_range(asked)
    assert len(engine.spoken) == before + 2 * anew, "another run asks anew"


class KilledError(Exception):
    """As if the process had gone."""
