"""A library on S3, end to end: the flows and the commands on a real S3 API, and what comes out where it fails."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.convert_book import convert_book
from flows.resynthesize_range import resynthesize_range
from rhapsode.cli.app import run
from rhapsode.engines import registry
from rhapsode.errors import LibraryUnreachable
from rhapsode.settings import AudioSettings, ConvertRequest, EngineName, RedoRequest
from rhapsode.store import contested, remote
from rhapsode.store.editions import Edition, edition_path
from rhapsode.store.library import Library, open_library
from rhapsode.store.objects import object_path
from rhapsode.store.readings import readings_of
from rhapsode.store.shelf import Shelf, find_shelf
from tests.faulty import Watched
from tests.fixtures.faults import Fault, FaultProxy, Request, at_random
from tests.fixtures.s3 import SECRET, TOKEN, Eavesdropper, free_port, make_bucket, use_s3
from tests.flows.saboteur import Saboteur
from tests.plain import convert

TITLE = "The Lamps"
FAULTS = (
    Fault.ERROR,
    Fault.LOST_ERROR,
    Fault.SLOW_DOWN,
    Fault.RESET,
    Fault.LOST_RESET,
    Fault.CUT,
    Fault.WRONG,
    Fault.WRONG_THOUGH_TOLD,
    Fault.LATENCY,
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with one below for what is staged."""
    (tmp_path / "staged").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "staged"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def eavesdropper() -> Iterator[Eavesdropper]:
    with Eavesdropper() as eavesdropper:
        yield eavesdropper


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], root: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("COLUMNS", "200")  # a URL is long

    def call(*arguments: str) -> str:
        code = run([*arguments, "--library", root])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return call


@pytest.fixture
def root(s3_bucket: str) -> str:
    return f"{s3_bucket}/shelves/of mine"


def test_a_book_is_converted_asked_about_and_redone_on_s3(
    booklet: Path,
    here: Path,
    root: str,
    command: Callable[..., str],
    eavesdropper: Eavesdropper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Saboteur(lambda utterance: [])  # it spoils nothing, and counts
    monkeypatch.setitem(registry.ENGINES, EngineName.HIBARI, lambda: engine)
    monkeypatch.setattr(registry, "_loaded", {})
    epub = f"{root}/inbox/the lamps.epub"
    open_library(root).put_file(booklet, "inbox/the lamps.epub")
    request = ConvertRequest(epub=epub, library=root, engine=EngineName.HIBARI, workers=2)
    first = convert_book(request)
    library = open_library(root)
    shelf = find_shelf(library, str(booklet))
    assert isinstance(first, Edition) and first.number == 1
    _lies_there(library, shelf, first)
    spoken = engine.spoken
    assert f"{root}/{edition_path(shelf, 1, first.files[0].name)}" in command("locate", TITLE, "--chunk", "3")
    assert command("query", TITLE, "select count(*) as n from chunks", "--csv").split() == ["n", "42"]
    assert "chunk" in command("judge", TITLE)
    assert f"{root}/{edition_path(shelf, 1, 'report.html')}" in command("report", TITLE)
    assert "42" in command("status", TITLE)

    objects = set(library.list("objects"))
    again = convert_book(request)
    assert again == first and set(library.list("objects")) == objects
    assert engine.spoken == spoken, "a second run speaks nothing"
    second = resynthesize_range(RedoRequest(book=TITLE, library=root, chunks="3"))
    assert isinstance(second, Edition) and second.number == 2 and engine.spoken > spoken
    assert set(library.list("objects")) > objects
    assert "round" in command("locate", TITLE, "--chunk", "3")

    staged = [path for path in here.rglob("*") if path.is_file()]
    assert not staged, "everything lies in the store"
    kept = b"".join(library.read_bytes(path) for path in library.list())
    assert SECRET.encode() not in kept and TOKEN.encode() not in kept
    assert eavesdropper.spoke_of_the_store and not eavesdropper.told_secrets


def _lies_there(library: Library, shelf: Shelf, edition: Edition) -> None:
    """The published file, with the bytes that its manifest tells of."""
    (file,) = edition.files
    data = library.read_bytes(edition_path(shelf, edition.number, file.name))
    assert hashlib.sha256(data).hexdigest() == file.sha256


def test_a_store_that_fails_now_and_then_gets_the_same_book(
    booklet: Path,
    here: Path,
    s3_endpoint: str,
    engine: Watched,
    eavesdropper: Eavesdropper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 2)
    request = ConvertRequest(epub=str(booklet), library=str(here / "library"), engine=EngineName.TONE)
    undisturbed = convert(request)
    once, engine.spoken = engine.spoken, []
    assert len(once) == len(set(once)), "even chunks that say the same are spoken once"
    with FaultProxy(s3_endpoint) as proxy:
        use_s3(monkeypatch, proxy.address)
        root = f"{make_bucket(s3_endpoint)}/x"
        now_and_then = at_random(seed=7, share=0.08, faults=FAULTS)
        proxy.plan = lambda request: Fault.WRONG_REQUEST if _first_upload(request, proxy) else now_and_then(request)
        edition, lost = _in_a_few_runs(request.model_copy(update={"library": root}), proxy, engine)
        fired = {fault for _, fault in proxy.fired}
        proxy.plan = None
        assert fired == {*FAULTS, Fault.WRONG_REQUEST}, "a fault that never came proves nothing"
        assert (edition.content, edition.files) == (undisturbed.content, undisturbed.files)
        assert set(engine.spoken) == set(once), "nothing lost"
        assert len(engine.spoken) == len(once) + lost, "nothing doubled"
        here_, there = open_library(request.library), open_library(root)
        assert there.list("objects") == here_.list("objects")
        shelf = find_shelf(there, TITLE)
        _lies_there(there, shelf, edition)
        takes = [row for folder in readings_of(shelf) for row in folder.read_takes()]
        assert sorted(row.chunk for row in takes) == list(range(1, 43))
        assert all(there.exists(object_path(row.key)) for row in takes)
        assert there.folders(shelf.path("editions")) == ["0001"]
        assert eavesdropper.spoke_of_the_store and not eavesdropper.told_secrets


def _first_upload(request: Request, proxy: FaultProxy) -> bool:
    """Of the published file, which nobody would read again if it went wrong on its way."""
    uploads = [each for each in proxy.requests if each.method == "PUT" and each.path.endswith(".m4b")]
    return uploads == [request]


def _in_a_few_runs(request: ConvertRequest, proxy: FaultProxy, engine: Watched) -> tuple[Edition, int]:
    """Four faults in a row, and more, may come: then the run ends with a clear error, and the next goes on.

    Returns:
        The edition, and how many takes were spoken and never came to lie in the store.
    """
    lost = 0
    for _ in range(3):
        try:
            return convert(request), lost
        except LibraryUnreachable as error:
            assert "Run again" in error.remedy
            plan, proxy.plan = proxy.plan, None
            lost += len(set(engine.spoken)) - len(open_library(request.library).list("objects"))
            proxy.plan = plan
    return convert(request), lost


def test_a_store_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
    use_s3(monkeypatch, f"http://127.0.0.1:{free_port()}")
    for command in (["query", TITLE, "select 1", "--library", "s3://shelf/x"], ["inspect", "s3://shelf/x/book.epub"]):
        assert run(command) == 4
        said = capsys.readouterr().err
        assert "s3://shelf/x" in said and "connect to the endpoint" in said and "Run again" in said


def test_credentials_are_never_a_parameter(capsys: pytest.CaptureFixture[str], booklet: Path) -> None:
    assert run(["convert", str(booklet), "--library", f"s3://me:{SECRET}@shelf/x"]) == 2
    said = capsys.readouterr()
    assert "must not hold credentials" in said.err and SECRET not in said.out + said.err


def test_a_bucket_or_credentials_that_are_missing_are_named(
    s3_bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    assert run(["query", TITLE, "select 1", "--library", "s3://no-such-bucket/x"]) == 4
    assert "there is no such bucket" in capsys.readouterr().err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    assert run(["query", TITLE, "select 1", "--library", f"{s3_bucket}/x"]) == 4
    said = capsys.readouterr().err
    s3fs.S3FileSystem.clear_instance_cache()
    assert "credentials" in said and "AWS_ACCESS_KEY_ID" in said


@pytest.mark.parametrize("heeds_conditions", [True, False])
def test_conversions_at_once_publish_an_edition_of_each_content(
    booklet: Path, s3_endpoint: str, heeds_conditions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several writers on one book: who says the same gets the same edition, who says something else gets another."""
    monkeypatch.setattr(contested, "SETTLE_S", 1.2)
    with FaultProxy(s3_endpoint, heeds_conditions=heeds_conditions) as proxy:
        use_s3(monkeypatch, proxy.address)
        library = open_library(f"{make_bucket(s3_endpoint)}/x")
        assert library.honours_conditions() is heeds_conditions
        request = ConvertRequest(epub=str(booklet), library=library.root, engine=EngineName.TONE)
        quieter = request.model_copy(update={"audio": AudioSettings(loudness_lufs=-23)})
        with ThreadPoolExecutor(4) as pool:
            one, other, *more = pool.map(convert, [request, quieter, request, quieter])
        assert more == [one, other] and {one.number, other.number} == {1, 2}
        shelf = find_shelf(library, TITLE)
        assert library.folders(shelf.path("editions")) == ["0001", "0002"]
        for edition in (one, other):
            _lies_there(library, shelf, edition)
        takes = [row for folder in readings_of(shelf) for row in folder.read_takes()]
        assert sorted(row.chunk for row in takes) == list(range(1, 43))
