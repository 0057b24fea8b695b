"""Takes that are tokens: stored at once, decoded at any later time, and spoken only once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.errors import ObjectDamaged, SynthesisFailed
from rhapsode.model import Job, Reading
from rhapsode.recipe import first_job
from rhapsode.settings import ConvertRequest, EngineName
from rhapsode.stages.accept import accept_takes
from rhapsode.stages.decode import decode_job
from rhapsode.stages.jobs import job_is_done
from rhapsode.stages.plan import load_plan, parse_book, plan_chunks
from rhapsode.stages.speak import job_is_spoken, speak_job
from rhapsode.store.evidence import TakeRow
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import find_take, object_path
from rhapsode.store.readings import ReadingFolder
from rhapsode.store.shelf import Shelf
from rhapsode.store.tokens import find_tokens, tokens_path
from tests.coded import Coded
from tests.faulty import Watched, install
from tests.plain import UNCHECKED


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Coded:
    coded = Coded()
    install(monkeypatch, coded)
    return coded


@pytest.fixture
def planned(engine: Coded, booklet: Path, tmp_path: Path) -> tuple[Reading, Job]:
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path / "library"), engine=EngineName.TONE)
    reading = plan_chunks(request, parse_book(request))
    return reading, first_job(load_plan(reading).ranges[0])


def library_of(reading: Reading) -> Library:
    return open_library(reading.library)


def rows_of(reading: Reading) -> list[TakeRow]:
    return ReadingFolder(Shelf(library_of(reading), reading.shelf), reading.key).read_takes()


def test_a_job_is_spoken_then_decoded(engine: Coded, planned: tuple[Reading, Job]) -> None:
    reading, job = planned
    spoken = speak_job(*planned)
    assert spoken.undecoded == spoken.spoken == len(job.orders)
    assert spoken.duration_s > 0 and spoken.engine_s > 0
    assert job_is_spoken(*planned) and not job_is_done(*planned)
    assert engine.decoded == [] and rows_of(reading) == []
    assert not any(path.endswith(".flac") for path in library_of(reading).list("objects"))

    decoded = decode_job(*planned)
    assert decoded.undecoded == 0 and job_is_done(*planned)
    assert sorted(engine.decoded) == sorted(engine.spoken)
    rows = rows_of(reading)
    assert [row.chunk for row in rows] == [order.chunk for order in job.orders]
    for row in rows:
        assert (row.finish_reason, row.legal_mass, row.reused) == ("budget", 0.75, False)
        assert row.token_count == len(row.spoken) and row.duration_s > 0.2 and row.elapsed_s > 0
        stored = find_take(library_of(reading), row.key)
        assert stored and stored.sha256 == row.sha256
    assert not accept_takes(reading, UNCHECKED).missing or len(load_plan(reading).ranges) > 1


def test_what_is_spoken_is_never_spoken_again_and_what_is_decoded_never_decoded(
    engine: Coded, planned: tuple[Reading, Job]
) -> None:
    speak_job(*planned)
    count, chunks = len(engine.spoken), len(planned[1].orders)
    assert count < chunks, "some chunks say the same"
    again = speak_job(*planned)
    assert (again.spoken, again.reused, again.undecoded) == (0, chunks, chunks)
    decode_job(*planned)
    last = speak_job(*planned)
    assert (last.spoken, last.reused, last.undecoded) == (0, chunks, 0)
    decode_job(*planned)
    assert len(engine.spoken) == len(engine.decoded) == count


def test_a_kill_between_two_takes_loses_none_that_was_finished(engine: Coded, planned: tuple[Reading, Job]) -> None:
    class Killed(BaseException):
        pass

    def killed(text: str) -> bool:
        if len(engine.spoken) == 5:
            raise Killed
        return False

    engine.refuses = killed
    with pytest.raises(Killed):
        speak_job(*planned)
    engine.refuses = lambda text: False
    speak_job(*planned)
    assert len(engine.spoken) == len(set(engine.spoken))


def test_lost_audio_is_decoded_again_to_the_same_samples(engine: Coded, planned: tuple[Reading, Job]) -> None:
    reading = planned[0]
    speak_job(*planned)
    decode_job(*planned)
    row = rows_of(reading)[3]
    library = library_of(reading)
    library.write_bytes(object_path(row.key), b"torn")
    spoken = len(engine.spoken)
    assert speak_job(*planned).undecoded == 1
    decode_job(*planned)
    again = find_take(library, row.key)
    assert again and again.sha256 == row.sha256
    assert len(engine.spoken) == spoken and engine.decoded[-1] == row.spoken


def test_damaged_tokens_are_spoken_anew(engine: Coded, planned: tuple[Reading, Job]) -> None:
    reading = planned[0]
    speak_job(*planned)
    library = library_of(reading)
    path = next(path for path in library.list("objects") if path.endswith(".tokens.json"))
    library.write_bytes(path, library.read_bytes(path)[:-9])
    with pytest.raises(ObjectDamaged, match="have gone"):
        decode_job(*planned)
    assert not job_is_spoken(*planned)
    assert speak_job(*planned).spoken == 1
    decode_job(*planned)
    assert job_is_done(*planned)


def test_takes_that_cannot_be_decoded_are_named_and_the_others_kept(
    engine: Coded, planned: tuple[Reading, Job]
) -> None:
    reading = planned[0]
    speak_job(*planned)
    bad = engine.spoken[2]
    engine.codec_refuses = lambda text: text == bad
    with pytest.raises(SynthesisFailed, match=r"could not be spoken.*cannot say it"):
        decode_job(*planned)
    assert len(engine.decoded) == len(set(engine.spoken)) - 1
    folder = ReadingFolder(Shelf(library_of(reading), reading.shelf), reading.key)
    assert {row.spoken for row in folder.read_failures()} == {bad}
    engine.codec_refuses = lambda text: False
    decode_job(*planned)
    assert engine.decoded[-1] == bad and len(engine.decoded) == len(set(engine.decoded))


def test_chunks_that_cannot_be_spoken_are_named_and_the_others_kept(
    engine: Coded, planned: tuple[Reading, Job]
) -> None:
    bad = load_plan(planned[0]).chunks[4].spoken
    engine.refuses = lambda text: text == bad
    with pytest.raises(SynthesisFailed, match="could not be spoken"):
        speak_job(*planned)
    count = len(engine.spoken)
    engine.refuses = lambda text: False
    report = speak_job(*planned)
    assert engine.spoken[count:] == [bad] and report.undecoded == len(planned[1].orders)


def test_fewer_slots_after_a_lack_of_memory_are_recorded(engine: Coded, planned: tuple[Reading, Job]) -> None:
    engine.slots = 2
    speak_job(*planned)
    decode_job(*planned)
    assert {row.slots for row in rows_of(planned[0])} == {2} != {engine.stack.slots}


def test_tokens_lie_beside_the_audio_under_its_key(engine: Coded, planned: tuple[Reading, Job]) -> None:
    speak_job(*planned)
    decode_job(*planned)
    row = rows_of(planned[0])[0]
    assert tokens_path(row.key).removesuffix(".tokens.json") == object_path(row.key).removesuffix(".flac")
    stored = find_tokens(library_of(planned[0]), row.key)
    assert stored and stored.ids == tuple(map(ord, row.spoken))


def test_an_engine_without_a_codec_stores_no_tokens(
    monkeypatch: pytest.MonkeyPatch, booklet: Path, tmp_path: Path
) -> None:
    install(monkeypatch, Watched())
    request = ConvertRequest(epub=str(booklet), library=str(tmp_path / "library"), engine=EngineName.TONE)
    reading = plan_chunks(request, parse_book(request))
    job = first_job(load_plan(reading).ranges[0])
    assert speak_job(reading, job).undecoded == 0
    assert job_is_done(reading, job)
    assert all(path.endswith(".flac") for path in library_of(reading).list("objects"))
    assert {row.legal_mass for row in rows_of(reading)} == {None}
