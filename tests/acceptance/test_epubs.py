"""All EPUBs of shared/ end in a Book whose ledger closes or in one typed error, each in 30 s and 512 MB.

One process a folder reads its files and reports time and peak memory; the files that are large when unpacked have a
process each. Files that are not in the tables below (others of the
same kinds may be put beside them) are held to the same promise.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED, shared_files

MAX_S, MAX_MB = 30, 512
ERRORS = {"NotAnEpub", "BookTooLarge", "BookEncrypted", "BookDamaged", "BookError"}  # WordsLost would be our fault
ALONE = {"para-20MB.epub", "deep-nest-20000.epub", "bomb-chapter-1GiB.epub"}

READER = """
import json, resource, sys, time
from collections import Counter
from pathlib import Path

from rhapsode.book.reader import read_book
from rhapsode.errors import RhapsodeError
from rhapsode.model import Book

resource.setrlimit(resource.RLIMIT_CPU, (300, 300))


def peak_mb():  # ru_maxrss would be that of the parent, as a process begins as its copy
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def known(book: Book):
    text = book.text
    return {
        "title": book.metadata.title,
        "authors": book.metadata.authors,
        "chapters": [chapter.title for chapter in book.chapters],
        "text": text[:2000],
        "length": len(text),
        "narrated": sum(line.narrated for line in book.ledger),
        "closes": all(line.words == line.narrated + line.skipped for line in book.ledger),
        "skipped": sum(line.skipped for line in book.ledger),
        "skips": Counter({skip.reason: skip.words for skip in book.skips}),
        "named": sum(skip.words for skip in book.skips),
        "offsets": all(text[block.char_start : block.char_end] == block.text for block in book.blocks),
    }


for line in sys.stdin:
    started = time.monotonic()
    try:
        result = known(read_book(Path(line.strip())))
    except RhapsodeError as error:
        result = {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
    print(json.dumps(result | {"seconds": time.monotonic() - started, "peak_mb": peak_mb()}), flush=True)
"""

Result = dict[str, Any]


def read(paths: list[Path]) -> dict[str, Result]:
    """Name -> what became of it, all read by one process."""
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=280,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    return {path.name: json.loads(line) for path, line in zip(paths, lines, strict=True)}


@cache
def results(folder: str) -> dict[str, Result]:
    paths = shared_files(f"epubs/{folder}")
    found = read([path for path in paths if path.name not in ALONE])
    for path in paths:
        if path.name in ALONE:
            found |= read([path])
    return found


@pytest.fixture(params=["hostile", "malformed", "valid"])
def outcomes(request: pytest.FixtureRequest) -> dict[str, Result]:
    if not shared_files(f"epubs/{request.param}"):
        pytest.skip(f"no EPUBs in {SHARED / 'epubs' / request.param}")
    return results(request.param)


def test_each_is_a_book_or_one_typed_error(outcomes: dict[str, Result]) -> None:
    for name, result in outcomes.items():
        if "error" in result:
            assert result["error"] in ERRORS, (name, result)
            assert name in result["message"] or name.removesuffix(".epub") in result["message"], (name, result)
            assert "\n" not in result["message"], (name, result)
            assert result["remedy"], (name, result)
        else:
            assert result["closes"] and result["offsets"], (name, result)
            assert result["narrated"] > 0, (name, result)
            assert result["named"] == result["skipped"], (name, result)
            assert result["chapters"] and all(result["chapters"]), (name, result)


def test_each_in_time_and_memory(outcomes: dict[str, Result]) -> None:
    for name, result in outcomes.items():
        assert result["seconds"] < MAX_S, (name, result["seconds"])
        assert result["peak_mb"] < MAX_MB, (name, result["peak_mb"])


WELL = {"title": "T", "authors": ["A"], "chapters": ["One"], "text": "One\nHello.", "narrated": 2, "skipped": 0}
HOSTILE: dict[str, Result] = {
    "00-control.epub": WELL,
    # a spine that leads out of the book
    "abs-href.epub": {"error": "BookDamaged", "says": "/etc/passwd, which is not in the book"},
    "traverse-href.epub": {"error": "BookDamaged", "says": "/etc/passwd, which is not in the book"},
    # the zip
    "bitflip-chapter.epub": {"error": "BookDamaged", "says": "E/c.xhtml cannot be unpacked"},
    "bomb-chapter-1GiB.epub": {"error": "BookTooLarge", "says": "E/b.bin, 1024 MiB"},
    "dup-entry.epub": {"error": "BookDamaged", "says": "2 different members named E/c.xhtml"},
    "prefixed-junk.epub": WELL,
    "traverse-member.epub": WELL,
    "truncated.epub": {"error": "NotAnEpub", "says": "torn or damaged"},
    "drm-adept.epub": {"error": "BookEncrypted", "says": "META-INF/rights.xml"},
    # encodings
    "cp1252-chapter.epub": WELL | {"text": "One\ncafé “q”", "narrated": 3},
    "cp1252-nodecl.epub": WELL | {"text": "One\ncafé"},
    "utf16-chapter.epub": WELL,
    "nul-in-opf.epub": {"error": "BookDamaged", "says": "E/p.opf cannot be read: it holds a NUL"},
    "nul-in-xhtml.epub": {"error": "BookDamaged", "says": "E/c.xhtml cannot be read: it holds a NUL"},
    "ctl-bidi-title.epub": WELL | {"title": "Agnp.exe = ; # \\ two", "authors": ["../../x"]},
    # entities
    "laughs-nav.epub": {"error": "BookDamaged", "says": "E/n.xhtml cannot be read: it uses the entity &j;"},
    "laughs-opf.epub": {"error": "BookDamaged", "says": "E/p.opf cannot be read: it uses the entity &j;"},
    "laughs-xhtml.epub": {"error": "BookDamaged", "says": "E/c.xhtml cannot be read: it uses the entity &j;"},
    "quad-opf.epub": {"error": "BookDamaged", "says": "E/p.opf cannot be read: it uses the entity &a;"},
    "xxe-container.epub": {"error": "BookDamaged", "says": "META-INF/container.xml cannot be read: it uses the entity"},
    "xxe-opf.epub": {"error": "BookDamaged", "says": "E/p.opf cannot be read: it uses the entity &e;"},
    "xxe-xhtml.epub": {"error": "BookDamaged", "says": "E/c.xhtml cannot be read: it uses the entity &e;"},
    "xxe-net-dtd.epub": WELL | {"text": "One\nx"},  # its document type is cut off, and never fetched
    # size and depth
    "deep-nest-20000.epub": WELL | {"text": "One\nx"},
    "para-20MB.epub": WELL | {"text": "One\n" + "word " * 399 + "w", "narrated": 4_000_001, "length": 20_000_003},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str) -> None:
    if not (SHARED / "epubs" / "hostile" / name).exists():
        pytest.skip(f"no {name} in {SHARED / 'epubs' / 'hostile'}")
    result = results("hostile")[name]
    expected = dict(HOSTILE[name])
    said = expected.pop("says", "")
    assert said in result.get("message", "")
    if "text" in expected:
        assert result["text"].startswith(expected.pop("text"))
    assert {key: result.get(key) for key in expected} == expected


OTHERS: dict[str, Result] = {
    "malformed/epub3_04-ocf__ocf-zip-unreadable-image-with-epub-extension-fatal.epub": {"error": "NotAnEpub"},
    "malformed/epub3_03-resources__resources-remote-img-undeclared-error.epub": {"error": "BookError"},
    "malformed/epub2__opf-legacy-oebps12-error.epub": {"text": "Loomings\nCall me Ishmael."},
    "malformed/epub2__opf-guide-reference-undeclared-error.epub": {"text": "Loomings\nCall me Ishmael."},
    "malformed/epub3_05-package-document__spine-nonlinear-not-reachable-error.epub": {"skips": {"non-linear": 4}},
    "malformed/epub-indexes__index-whole-pub-content-model-error.epub": {"skips": {"toc": 2, "back-matter: index": 2}},
    "malformed/epub3_B-external-identifiers__xml-external-identifier-disallowed-error.epub": {"narrated": 6},
    "valid/pub-foreign_xml-suffix-spine.epub": {"text": "Test passes if you see this text."},
    "valid/ocf-font_obfuscation_bis.epub": {"narrated": 48},
    "valid/epub3_04-ocf__url-percent-encoded-valid.epub": {"text": "Loomings\nCall me Ishmael."},
    "valid/epub3_04-ocf__ocf-filename-character-space-warning.epub": {"text": "Loomings\nCall me Ishmael."},
    "valid/scr-support_scrolled-doc.epub": {"skips": {"hidden": 76}},
    "valid/nav-activation.epub": {"skips": {"toc": 9}},
    "valid/epub3_07-navigation-document__nav-toc-reading-order-valid.epub": {
        "chapters": ["Chapter 1", "Chapter 2", "Chapter 3", "Chapter 4"]
    },
    "valid/pkg-lang_but_not_content.epub": {"title": "Le contenu n'est pas automatiquement français"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    if not (SHARED / "epubs" / name).exists():
        pytest.skip(f"no {name} in {SHARED / 'epubs'}")
    folder, _, file = name.partition("/")
    result = results(folder)[file]
    assert {key: result.get(key) for key in OTHERS[name]} == OTHERS[name]
