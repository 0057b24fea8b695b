from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rhapsode.errors import BadRequest, LibraryUnreachable, NotInLibrary
from rhapsode.store.library import Library, open_library


def test_bytes_come_back_and_are_listed(library: Library) -> None:
    library.write_bytes("b/two.bin", b"2")
    library.write_bytes("b/c/one.bin", b"\0one")
    library.write_bytes("a.bin", b"")
    library.write_bytes("b/two.bin", b"two")
    assert library.read_bytes("b/two.bin") == b"two"
    assert library.list() == ["a.bin", "b/c/one.bin", "b/two.bin"]
    assert library.list("b") == ["b/c/one.bin", "b/two.bin"]
    assert library.list("b/c") == ["b/c/one.bin"]
    assert library.list("nowhere") == []
    assert library.folders() == ["b"]
    assert library.folders("b") == ["c"]
    assert library.folders("nowhere") == []
    assert (library.size("b/two.bin"), library.size("a.bin")) == (3, 0)
    assert library.exists("a.bin")
    assert not library.exists("b")
    assert not library.exists("b/none.bin")


def test_entries_tell_size_and_time_and_show_unfinished_writes(library: Library) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)  # clocks of file systems are coarse
    library.write_bytes("b/two.bin", b"two")
    library.write_bytes("b/c/.x.rhapsode-partial", b"")
    library.write_bytes("elsewhere", b"")
    found = {entry.path: entry for entry in library.entries("b")}
    assert {path: entry.size_bytes for path, entry in found.items()} == {"b/two.bin": 3, "b/c/.x.rhapsode-partial": 0}
    assert all(before < entry.modified < datetime.now(UTC) + timedelta(seconds=5) for entry in found.values())
    assert list(library.entries("nowhere")) == []


def test_a_store_without_times_says_so(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    if library.local:
        pytest.skip("folders have times")
    library.write_bytes("a", b"x")
    monkeypatch.setattr("rhapsode.store.listing.TIMES", ())
    with pytest.raises(LibraryUnreachable, match="when it was written"):
        list(library.entries())


def test_create_never_replaces(library: Library) -> None:
    assert library.create_bytes("x/once", b"first") is True
    assert library.create_bytes("x/once", b"second") is False
    assert library.read_bytes("x/once") == b"first"
    assert library.list() == ["x/once"]


def test_files_are_streamed_in(library: Library, tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(bytes(range(256)) * 20_000)
    library.put_file(source, "deep/er/file.bin")
    assert library.read_bytes("deep/er/file.bin") == source.read_bytes()
    assert library.list() == ["deep/er/file.bin"]


def test_delete_takes_a_file_away_and_does_not_mind_its_absence(library: Library) -> None:
    library.write_bytes("a/x", b"x")
    library.delete("a/x")
    library.delete("a/x")
    assert not library.exists("a/x")


def test_what_is_not_there_is_named(library: Library) -> None:
    for ask in (library.read_bytes, library.size):
        with pytest.raises(NotInLibrary, match="no/such"):
            ask("no/such")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_no_path_leads_out(library: Library, path: str) -> None:
    for ask in (library.exists, library.read_bytes, library.list, library.delete, library.url):
        with pytest.raises(BadRequest, match="not a path inside"):
            ask(path)
    with pytest.raises(BadRequest):
        library.write_bytes(path, b"")


def test_a_library_travels_between_processes(library: Library) -> None:
    library.write_bytes("a", b"1")
    again = pickle.loads(pickle.dumps(library))
    assert again.read_bytes("a") == b"1"
    assert again.url("a") == library.url("a")


def test_urls_are_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_library("shelf").url("a/b") == str(tmp_path / "shelf/a/b")
    assert open_library("memory://x").url("a/b") == "memory:///x/a/b"
    assert open_library("memory://").url("a/b") == "memory:///a/b"
    assert open_library(f"file://{tmp_path}").local == tmp_path


def test_odd_folder_names_are_folders(tmp_path: Path) -> None:
    for name in ("a::b", "with space", "per%20cent", "[glob]*", "~x", "ünï"):
        library = open_library(str(tmp_path / name))
        library.create_bytes("d [1]/f*", b"x")
        assert library.list() == ["d [1]/f*"]
        assert library.folders() == ["d [1]"]
        assert (tmp_path / name / "d [1]" / "f*").read_bytes() == b"x"


@pytest.mark.parametrize("root", ["nope://bucket", "~nobody-of-that-name/library"])
def test_a_root_of_no_known_kind_is_refused(root: str) -> None:
    with pytest.raises(BadRequest, match="cannot be opened"):
        open_library(root)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("no folder")
    with pytest.raises(LibraryUnreachable, match="is a file"):
        open_library(str(tmp_path / "library"))


def test_a_file_in_the_way_is_one_clear_line(folder: Library, tmp_path: Path) -> None:
    folder.write_bytes("books", b"a file where a folder should be")
    for act in (
        lambda: folder.write_bytes("books/x", b""),
        lambda: folder.create_bytes("books/x", b""),
        lambda: folder.write_bytes("books/x/y", b""),
        lambda: folder.exists("books/x"),
        lambda: folder.list("books/x"),
    ):
        with pytest.raises(LibraryUnreachable, match="a file stands where a folder should be") as error:
            act()
        assert "\n" not in str(error.value)
        assert error.value.remedy


def test_a_folder_in_the_way_is_one_clear_line(folder: Library) -> None:
    folder.write_bytes("books/x", b"")
    with pytest.raises(LibraryUnreachable, match="a folder stands where a file should be"):
        folder.write_bytes("books", b"")
    with pytest.raises(LibraryUnreachable, match="a folder stands where a file should be"):
        folder.read_bytes("books")
    assert folder.create_bytes("books", b"") is False


def test_an_unreadable_folder_is_not_an_empty_one(folder: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_bytes("a/x", b"")

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(LibraryUnreachable, match="permission denied"):
        folder.list()
    with pytest.raises(LibraryUnreachable, match="permission denied"):
        folder.folders()


def test_a_store_that_does_not_answer_is_not_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    library = open_library("s3://nobody-s-bucket/library")
    for ask in (library.exists, library.read_bytes, library.list, lambda p: library.write_bytes(p, b"")):
        with pytest.raises(LibraryUnreachable, match="nobody-s-bucket/library/a") as error:
            ask("a")
        assert "\n" not in str(error.value)
