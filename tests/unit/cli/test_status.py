"""The command `status`, as people run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rhapsode.cli.status import convert_command
from rhapsode.settings import AudioSettings, ChunkBudget, ConvertRequest, Format, Listen, Verification
from rhapsode.stages.plan import parse_book, plan_chunks
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]


def test_a_library_is_a_table_or_json(rhapsode: Rhapsode, library: Path) -> None:
    said = rhapsode("status", "--library", library)
    assert said.code == 0, said.err
    _, line, last = said.out.splitlines()
    assert line.startswith("The Tide Clock")
    assert " published " in line
    assert line.rstrip().endswith("editions/0001")
    assert last.startswith("1 book, 1 of them published")
    (book,) = json.loads(rhapsode("status", "--library", library, "--json").out)
    assert book["book"].startswith("the-tide-clock-")
    assert book["spoken"] == book["chunks"] > 10


def test_a_book_shows_its_chapters(rhapsode: Rhapsode, library: Path) -> None:
    said = rhapsode("status", "tide", "--library", library)
    assert said.code == 0, said.err
    assert "published, by tone (tone)" in said.out
    assert "Chapter III. High Water" in said.out
    assert "Go on" not in said.out
    book = json.loads(rhapsode("status", "tide", "--library", library, "--json").out)
    assert [chapter["spoken"] for chapter in book["chapters"]] == [chapter["chunks"] for chapter in book["chapters"]]
    assert all(each["is_spoken"] for each in book["ranges"])


def test_a_book_that_is_only_planned_says_how_to_go_on(rhapsode: Rhapsode, booklet: Path, tmp_path: Path) -> None:
    root = tmp_path / "library"
    request = ConvertRequest.model_validate({"epub": str(booklet), "library": str(root), "engine": "tone"})
    plan_chunks(request, parse_book(request))
    said = rhapsode("status", "The Lamps", "--library", root)
    assert said.code == 0, said.err
    assert "0 of 2 ranges spoken" in said.out
    assert "00001-00032 (chapters 1 to" in said.out
    go_on = f"rhapsode convert {booklet} --library {root} --engine tone --voice tone"
    assert said.out.splitlines()[-1] == f"Go on:  {go_on}"


def test_the_command_repeats_what_was_asked_for() -> None:
    request = ConvertRequest(
        epub="a b.epub",
        library="s3://b/p",
        speed=1.25,
        audio=AudioSettings(format=Format.MP3, loudness_lufs=-16.0),
        verify=Verification(listen=Listen.ALL),
    )
    said = convert_command(request, "hibari", "heart")
    assert said[:3] == ["rhapsode", "convert", "a b.epub"]
    options = dict(zip(said[3::2], said[4::2], strict=True))
    assert options == {
        "--library": "s3://b/p",
        "--engine": "hibari",
        "--voice": "heart",
        "--speed": "1.25",
        "--format": "mp3",
        "--loudness": "-16.0",
        "--listen": "all",
    }


def test_no_command_is_named_that_would_ask_for_less() -> None:
    request = ConvertRequest(epub="a.epub", budget=ChunkBudget(words=30))
    assert convert_command(request, "hibari", "heart") == []
    assert convert_command(request.model_copy(update={"budget": ChunkBudget(), "workers": 3}), "hibari", "heart")


def test_a_book_that_is_not_there(rhapsode: Rhapsode, library: Path) -> None:
    assert_one_line(rhapsode("status", "Moby-Dick", "--library", library), 4, "Moby-Dick", "the-tide-clock")


def test_nothing_heavy_is_loaded(library: Path) -> None:
    script = (
        "import sys; from rhapsode.cli.app import run; code = run(sys.argv[1:]);"
        "heavy = ('prefect', 'torch', 'onnxruntime', 'hibari', 'faster_whisper', 'duckdb');"
        "print('loaded:', *(name for name in heavy if name in sys.modules)); sys.exit(code)"
    )
    arguments = [sys.executable, "-c", script, "status", "--library", str(library)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1].strip() == "loaded:"
