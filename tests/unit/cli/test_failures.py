"""Whatever is wrong with a command line is one line on stderr, with the exit code of its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode.cli.failures import report, request
from rhapsode.errors import BadRequest, EncodeFailed, NotInLibrary, RunIncomplete
from rhapsode.settings import ConvertRequest
from tests.conftest import SHARED
from tests.unit.cli.conftest import Said

Rhapsode = Callable[..., Said]


def assert_one_line(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said
    assert said.err.startswith("error: ") and said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err + said.out
    for word in words:
        assert word in said.err


def test_there_is_no_file(rhapsode: Rhapsode, tmp_path: Path) -> None:
    said = rhapsode("convert", tmp_path / "none.epub")
    assert_one_line(said, 2, "no file", "none.epub", "Give the path")


def test_a_folder_of_books_is_no_book(rhapsode: Rhapsode, tmp_path: Path) -> None:
    for command in ("convert", "inspect"):
        assert_one_line(rhapsode(command, tmp_path), 2, f"{tmp_path} is a folder.", "`rhapsode up`")


def test_a_file_that_is_no_epub(rhapsode: Rhapsode, tmp_path: Path) -> None:
    path = tmp_path / "book.epub"
    path.write_text("Once upon a time")
    for command in ("convert", "inspect"):
        assert_one_line(rhapsode(command, path), 2, "book.epub")


def test_a_book_under_drm(rhapsode: Rhapsode, tmp_path: Path) -> None:
    found = sorted((SHARED / "epubs").rglob("*drm*.epub"))
    if not found:
        pytest.skip(f"no EPUB with DRM in {SHARED / 'epubs'}")
    for path in found:
        assert_one_line(rhapsode("convert", path, "--library", tmp_path / "library"), 2, "DRM")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--voice", "nobody", ("nobody", "It has: ")),
        ("--speed", "9", ("--speed", "9", "0.5 to 2")),
        ("--format", "ogg", ("--format", "'ogg'", "'m4b', 'mp3' or 'flac'")),
        ("--footnotes", "loud", ("--footnotes", "'skip', 'inline' or 'end-of-chapter'")),
        ("--engine", "siri", ("--engine", "'auto'", "'hibari'", "'tone'")),
        ("--loudness", "3", ("--loudness", "-40 to -6")),
        ("--ceiling", "3", ("--ceiling", "-20 to 0")),
        ("--bitrate", "1", ("--bitrate", "24 to 320")),
        ("--workers", "-1", ("--workers", "0 to 64")),
        ("--lexicon", "none.toml", ("none.toml",)),
    ],
)
def test_an_option_that_cannot_be(
    rhapsode: Rhapsode, story: Path, tmp_path: Path, option: str, value: str, words: tuple[str, ...]
) -> None:
    said = rhapsode("convert", story, "--library", tmp_path / "library", "--engine", "tone", option, value)
    assert_one_line(said, 2, *words)


def test_a_library_that_is_a_file(rhapsode: Rhapsode, story: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert_one_line(rhapsode("convert", story, "--library", file), 4, str(file), "not a folder")
    assert_one_line(rhapsode("convert", story, "--library", file / "below"), 4, str(file))


def test_a_command_line_that_is_wrong(rhapsode: Rhapsode) -> None:
    assert_one_line(rhapsode("convert"), 2, "BOOK.epub", "rhapsode convert --help")
    assert_one_line(rhapsode("sing"), 2, "sing", "--help")
    assert_one_line(rhapsode("inspect", "book.epub", "--loud"), 2, "--loud")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequest("a", "b"), 2),
        (NotInLibrary("a", "b"), 4),
        (EncodeFailed("a", "b"), 5),
        (RunIncomplete("a", "b"), 6),
        (PermissionError(13, "Permission denied", "/x"), 4),
        (MemoryError(), 1),
    ],
)
def test_each_error_has_its_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_an_error_of_many_lines_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    report(BadRequest("first\nsecond\x1b[31m", "third"))
    assert capsys.readouterr().err == "error: first second [31m third\n"


def test_what_is_not_given_keeps_its_default() -> None:
    asked = {"epub": "x", "library": None, "audio": {"format": "mp3", "bitrate_kbps": None}}
    assert request(ConvertRequest, asked) == ConvertRequest.model_validate({"epub": "x", "audio": {"format": "mp3"}})
