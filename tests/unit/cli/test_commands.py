"""The commands that need no Prefect."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rhapsode import __version__
from rhapsode.audio.titles import clean
from tests.unit.cli.conftest import Said
from tests.unit.cli.test_failures import assert_one_line

Rhapsode = Callable[..., Said]
COMMANDS = [
    "convert",
    "inspect",
    "locate",
    "redo",
    "judge",
    "report",
    "diagnose",
    "query",
    "status",
    "clean",
    "voices",
    "models",
    "doctor",
]


def test_alone_it_shows_help(rhapsode: Rhapsode) -> None:
    said = rhapsode()
    assert said.code == 0
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", said.out)


def test_the_version(rhapsode: Rhapsode) -> None:
    assert rhapsode("--version") == Said(0, f"rhapsode {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_of_itself(rhapsode: Rhapsode, command: str) -> None:
    said = rhapsode(command, "--help")
    assert said.code == 0
    assert f"Example:  rhapsode {command}" in said.out


def test_inspect_accounts_for_every_word(rhapsode: Rhapsode, story: Path) -> None:
    said = rhapsode("inspect", story, "--engine", "tone")
    assert said.code == 0, said.err
    for title in ("Chapter I. The Clock with One Hand", "Chapter III. High Water"):
        assert title in said.out
    for reason in ("footnote", "toc", "back-matter: colophon"):
        assert reason in said.out
    match = re.search(r"([\d,]+) words: ([\d,]+) are read, ([\d,]+) are skipped", said.out)
    assert match
    words, narrated, skipped = (int(number.replace(",", "")) for number in match.groups())
    assert words == narrated + skipped
    assert narrated > 1000


def test_inspect_reads_the_footnote_when_asked(rhapsode: Rhapsode, story: Path) -> None:
    skipping = rhapsode("inspect", story, "--engine", "tone").out
    inline = rhapsode("inspect", story, "--engine", "tone", "--footnotes", "inline").out
    assert "A tide clock follows the moon" in skipping
    assert "A tide clock follows the moon" not in inline


def test_locate_answers_by_chunk_char_time_and_text(rhapsode: Rhapsode, library: Path) -> None:
    by_text = rhapsode("locate", "the-tide-clock", "--text", "what was in the case", "--library", library)
    assert by_text.code == 0, by_text.err
    number = re.search(r"^chunk +(\d+) of", by_text.out, re.MULTILINE)
    assert number
    by_chunk = rhapsode("locate", "The Tide Clock", "--chunk", number[1], "--library", library)
    start = re.search(r"characters (\d+) to", by_chunk.out)
    time = re.search(r"^time +(\S+) to", by_chunk.out, re.MULTILINE)
    assert start and time
    assert rhapsode("locate", "The Tide Clock", "--char", start[1], "--library", library) == by_chunk
    assert by_text == by_chunk
    for name in ("chapter", "take", "key", "file", "audio", "text", "spoken"):
        assert re.search(rf"^{name} +\S", by_chunk.out, re.MULTILINE)
    files = [word for word in by_chunk.out.splitlines() if word.startswith(("file", "audio"))]
    for line in files:
        path = re.sub(r"^\w+ +(.*?)( at \d+:\d\d:\d\d)? *$", r"\1", line)
        assert Path(path).is_file()
    redo = by_chunk.out.splitlines()[-1]
    assert "rhapsode redo the-tide-clock-" in redo and f"--chunks {number[1]} --library" in redo


def test_locate_lists_several_hits(rhapsode: Rhapsode, library: Path) -> None:
    said = rhapsode("locate", "tide", "--text", "THE CLOCK", "--library", library)
    numbers = re.findall(r"^ *(\d+) +\d+:\d\d:\d\d", said.out, re.MULTILINE)
    assert len(numbers) > 1
    assert f"--chunks {','.join(numbers)}" in said.out


@pytest.mark.parametrize(
    ("place", "code", "word"),
    [
        ((), 2, "--char N"),
        (("--char", "1", "--chunk", "1"), 2, "2 places"),
        (("--char", "99999999"), 2, "99999999"),
        (("--chunk", "0"), 2, "1 to"),
        (("--time", "noon"), 2, "H:MM:SS"),
        (("--time", "9:00:00"), 2, "lasts"),
        (("--text", "hippopotamus"), 2, "hippopotamus"),
    ],
)
def test_a_place_that_is_not_there(
    rhapsode: Rhapsode, library: Path, place: tuple[str, ...], code: int, word: str
) -> None:
    assert_one_line(rhapsode("locate", "tide", *place, "--library", library), code, word)


def test_a_book_that_is_not_there(rhapsode: Rhapsode, library: Path) -> None:
    for command in (["locate", "Moby-Dick", "--chunk", 1], ["query", "Moby-Dick", "select 1"]):
        assert_one_line(rhapsode(*command, "--library", library), 4, "Moby-Dick", "the-tide-clock")


def test_redo_refuses_before_prefect_starts(rhapsode: Rhapsode, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flows.resynthesize_range", raising=False)
    assert_one_line(rhapsode("redo", "tide", "--chunks", "9999", "--library", library), 2, "9999")
    assert_one_line(rhapsode("redo", "tide", "--chunks", "failed", "--library", library), 2, "failed")
    assert_one_line(rhapsode("redo", "tide", "--chunks", "1-2", "--text", "x", "--library", library), 2, "single chunk")
    assert "flows.resynthesize_range" not in sys.modules


def test_query_prints_a_table_csv_and_json(rhapsode: Rhapsode, library: Path) -> None:
    ask = (
        "query",
        "tide",
        "select chunk, source, duration_s, started_at from chunks order by chunk",
        "--library",
        library,
    )
    table, comma, objects = rhapsode(*ask), rhapsode(*ask, "--csv"), rhapsode(*ask, "--json")
    rows = json.loads(objects.out)
    assert [row["chunk"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["source"] for row in csv.DictReader(io.StringIO(comma.out))] == [row["source"] for row in rows]
    for row in rows:
        assert clean(row["source"], 1000) in table.out
    assert_one_line(rhapsode("query", "tide", "drop table chunks", "--library", library), 2, "SELECT")


def test_voices_says_who_is_at_hand(rhapsode: Rhapsode) -> None:
    said = rhapsode("voices")
    assert re.search(r"^hibari +heart .* yes *$", said.out, re.MULTILINE)
    assert re.search(r"^hibari +emma .*British +(yes|fetch it: python -c)", said.out, re.MULTILINE)
    assert re.search(r"^tone +tone .* yes *$", said.out, re.MULTILINE)


def test_importing_the_command_line_is_light() -> None:
    script = (
        "import sys, rhapsode.cli; print(*(m for m in ('typer', 'rich', 'pydantic', 'prefect') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
