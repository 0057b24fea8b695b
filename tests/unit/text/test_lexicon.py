from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.errors import LexiconError
from rhapsode.text.lexicon import Lexicon, load_lexicon


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "lexicon.toml"
    path.write_text(
        """
        Ukridge = "YEW-kridge"
        sept = "set"
        "Wagga Wagga" = "wogga wogga"
        Wagga = "wag"
        "St. John" = "sinjun"
        "O’Brien" = "oh bryan"
        "saké" = "sah-kay"
        """,
        encoding="utf-8",
    )
    return load_lexicon(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ukridge, UKRIDGE and Ukridge’s hens", "YEW-kridge, YEW-kridge and YEW-kridge’s hens"),
        ("ukridge and Ukridges stay", "ukridge and Ukridges stay"),
        ("sept, Sept, SEPT, septet", "set, set, set, septet"),
        ("Wagga  Wagga and Wagga", "wogga wogga and wag"),
        ("St. John’s", "sinjun’s"),
        ("O’Brien and O'Brien", "oh bryan and oh bryan"),
        ("Saké, ſept", "sah-kay, ſept"),
    ],
)
def test_whole_words_and_the_case_rule(lexicon: Lexicon, text: str, said: str) -> None:
    assert lexicon.apply(text) == said


def test_digest_is_of_the_entries_and_not_of_their_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text('a = "b"\nc = "d"\n')
    other.write_text('# mine\nc = "d"\na = "b"\n')
    assert load_lexicon(one).digest == load_lexicon(other).digest != load_lexicon(None).digest


def test_no_lexicon_changes_nothing() -> None:
    assert load_lexicon(None).apply("Any text. (Any.)") == "Any text. (Any.)"


@pytest.mark.parametrize(
    ("content", "named", "allowed"),
    [
        (b'a = "b"\nc = = "d"\n', "line 2", 'word = "respelling"'),
        (b'a = "b"\na = "c"\n', "TOML", 'word = "respelling"'),
        (b"a = 5\n", "'a': the respelling is a int", 'word = "respelling"'),
        (b'[words]\na = "b"\n', "'words'", 'word = "respelling"'),
        (b'"!" = "b"\n', "'!'", 'word = "respelling"'),
        (b'a = " "\n', "'a'", "cannot drop"),
        (b'a = "' + b"b" * 41 + b'"\n', "too long", "40 characters"),
        (b'a = "12345678901234"\n', "too long", "4 seconds"),
        (b'a = "b b b b b b b b b"\n', "too long", "8 words"),
        (b'a = "\xff"\n', "not UTF-8", "UTF-8"),
    ],
)
def test_errors_name_the_file_the_place_and_what_is_allowed(
    tmp_path: Path, content: bytes, named: str, allowed: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(LexiconError) as caught:
        load_lexicon(path)
    assert str(path) in caught.value.message
    assert named in caught.value.message
    assert allowed in caught.value.remedy


def test_a_missing_lexicon(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="cannot be read"):
        load_lexicon(tmp_path / "none.toml")
