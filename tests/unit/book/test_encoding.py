from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.book.encoding import decode

FRENCH = "L’été, à l’orée du bois, un garçon très pâle rêvait près de l’église ; « Où êtes-vous ? » dit-il. " * 5
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. " * 5
POLISH = "Kiedy wędrowiec zbłądził w gęstwinie, usłyszał żałosny śpiew źródła i ujrzał łódź pośród mgły. " * 5
GREEK = "Άνδρα μοι έννεπε, Μούσα, πολύτροπον, ος μάλα πολλά πλάγχθη, επεί Τροίης ιερόν πτολίεθρον έπερσε. " * 5
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 5
XHTML = "<html><body><p>{}</p></body></html>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_with_or_without_its_mark(encoding: str) -> None:
    text = XHTML.format(FRENCH + RUSSIAN + "\U0001f600")
    if encoding == "utf-32":
        assert decode(b"\xff\xfe\0\0" + text.encode("utf-32-le")) == text
    else:
        assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("declared", "actual", "text"),
    [
        ("windows-1252", "cp1252", FRENCH),
        ("iso-8859-1", "cp1252", FRENCH),  # as every browser reads it: ’ and « are not in Latin-1 proper
        ("ISO-8859-15", "iso8859-15", "œuvre à 5 €"),
        ("koi8-r", "koi8-r", RUSSIAN),
        ("Shift_JIS", "shift_jis", "吾輩は猫である。名前はまだ無い。"),
        ("gb2312", "gb2312", "道可道非常道"),
        ("utf-16", "utf-8", FRENCH),  # transcoded, and the label forgotten
        ("utf-8", "cp1252", FRENCH),  # a lie
        ("no-such-encoding", "utf-8", FRENCH),
        ("us-ascii", "utf-8", FRENCH),
    ],
)
def test_declared(declared: str, actual: str, text: str) -> None:
    marked = f'<?xml version="1.0" encoding="{declared}"?>' + XHTML.format(text)
    assert decode(marked.encode(actual)) == marked


def test_meta_charset() -> None:
    marked = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset=cp1251"/></head>{RUSSIAN}</html>'
    assert decode(marked.encode("cp1251")) == marked


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", FRENCH),
        ("cp1252", "café"),
        ("cp1252", "Größe, Übermut und Ärger – „ja“"),
        ("cp1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("cp1250", POLISH),
        ("cp1253", GREEK),
        ("shift_jis", JAPANESE),
    ],
)
def test_undeclared(encoding: str, text: str) -> None:
    assert decode(XHTML.format(text).encode(encoding)) == XHTML.format(text)


def test_codecs_that_are_no_encodings_of_text_are_ignored() -> None:
    for label in ("unicode_escape", "zlib", "idna", "utf-7", "rot13", "undefined"):
        text = f'<?xml version="1.0" encoding="{label}"?><p>a\\u0041b</p>'
        assert decode(text.encode()) == text


def test_torn_utf8_is_damage_and_not_another_encoding() -> None:
    torn = bytearray(XHTML.format(FRENCH).encode())
    place = torn.index("é".encode()) + 1
    del torn[place]
    with pytest.raises(UnicodeError, match=f"torn bytes, the first at byte {place}"):
        decode(bytes(torn))


@pytest.mark.parametrize("data", [b"a\0b", "a\0b".encode("utf-16")])
def test_nul_is_damage(data: bytes) -> None:
    with pytest.raises(UnicodeError, match="NUL at character 2"):
        decode(data)


def test_control_characters_print_nothing() -> None:
    assert decode(b"so\x1fft\x0bbreak\x08\tand\nend\x0c") == "soft break\tand\nend "


def test_half_a_character_of_utf16() -> None:
    with pytest.raises(UnicodeError, match="utf-16"):
        decode(b"\xff\xfea\0b")


@given(st.binary(max_size=200))
def test_never_a_replacement_character(data: bytes) -> None:
    try:
        text = decode(data)
    except UnicodeError:
        return
    assert "\0" not in text
    if "\ufffd" in text:
        assert "\ufffd".encode() in data or b"\xfd\xff" in data or b"\xff\xfd" in data or b"\x84\x31\xa4\x37" in data
