from __future__ import annotations

import hashlib
import struct
import zipfile
from pathlib import Path

import pytest

from rhapsode.book import container
from rhapsode.book.container import Container
from rhapsode.book.reader import read_book
from rhapsode.errors import BookDamaged, BookEncrypted, BookTooLarge, NotAnEpub
from tests.unit.book.binding import bind, page

PAGE = page("<h1>One</h1><p>Hello.</p>")


def test_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": PAGE})
    with Container(path) as opened:
        assert opened.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "not an EPUB"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xff\xd8\xff\xe0", "a JPEG"),
        (b"\0" * 60 + b"BOOKMOBI", "a Kindle book"),
        (b"PK\x03\x04 and no more", "torn"),
        (b"PK\x05\x06", "torn"),
    ],
)
def test_other_files_are_not_epubs(tmp_path: Path, head: bytes, said: str) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(head)
    with pytest.raises(NotAnEpub, match=said):
        read_book(path)


def test_absent_file_folder_and_plain_zip(tmp_path: Path) -> None:
    with pytest.raises(NotAnEpub, match="not a file"):
        read_book(tmp_path / "absent.epub")
    with pytest.raises(NotAnEpub, match="not a file"):
        read_book(tmp_path)
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(NotAnEpub, match=r"META-INF/container\.xml"):
        read_book(tmp_path / "plain.zip")


def test_every_truncation_is_a_typed_error(tmp_path: Path) -> None:
    whole = bind(tmp_path, {"c.xhtml": PAGE}).read_bytes()
    torn = tmp_path / "torn.epub"
    for length in range(0, len(whole), 37):
        torn.write_bytes(whole[:length])
        with pytest.raises((NotAnEpub, BookDamaged)):
            read_book(torn)


def test_bytes_that_rotted_are_found(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": PAGE.replace("Hello", "Hello " * 50)})
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("E/c.xhtml")
    whole[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0x40
    path.write_bytes(whole)
    with pytest.raises(BookDamaged, match=r"E/c\.xhtml"):
        read_book(path)


def test_lying_size_is_found(tmp_path: Path) -> None:
    """The directory says 20 bytes, the stream holds more."""
    path = bind(tmp_path, {"c.xhtml": PAGE})
    whole = path.read_bytes()
    size = struct.pack("<L", len(PAGE.encode()))
    path.write_bytes(whole.replace(size, struct.pack("<L", 20)))
    with pytest.raises(BookDamaged, match=r"E/c\.xhtml"):
        read_book(path)


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = bind(tmp_path, {"c.xhtml": PAGE}, extra={"E/b.bin": bytes(65 << 20)})
    with pytest.raises(BookTooLarge, match=r"E/b\.bin, 65 MiB packed"):
        read_book(bomb)
    many = bind(tmp_path, {"c.xhtml": PAGE}, extra={f"E/{number}": b"" for number in range(50)})
    monkeypatch.setattr(container, "MAX_MEMBERS", 40)
    with pytest.raises(BookTooLarge, match="54 members"):
        read_book(many)
    monkeypatch.setattr(container, "MAX_DIRECTORY", 100)
    with pytest.raises(BookTooLarge, match="directory"):
        read_book(many)


def test_document_beyond_the_limit(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": page("<p>" + "word " * (7 << 20) + "</p>")})
    with pytest.raises(BookTooLarge, match=r"E/c\.xhtml"):
        read_book(path)


def test_tags_without_end(tmp_path: Path) -> None:
    with pytest.raises(BookTooLarge, match="tags"):
        read_book(bind(tmp_path, {"c.xhtml": page("<b/>" * 1_300_000)}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_members(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": PAGE})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("E/c.xhtml", PAGE)
        archive.writestr("E/p.png", b"one")
        archive.writestr("E/p.png", b"two")
    assert read_book(path).text == "One\nHello."  # the same twice, and others that are not read
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("E/c.xhtml", PAGE.replace("Hello", "Goodbye"))
    with pytest.raises(BookDamaged, match="3 different members named"):
        read_book(path)


def test_names_that_climb_out_are_never_written(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": PAGE}, extra={"../../climbed": "x", "/tmp/climbed": "x", "..\\climbed": "x"})
    before = set(tmp_path.rglob("*"))
    assert read_book(path).text == "One\nHello."
    assert set(tmp_path.rglob("*")) == before


def test_junk_before_the_zip_and_odd_mimetypes_are_tolerated(tmp_path: Path) -> None:
    path = bind(tmp_path, {"c.xhtml": PAGE})
    path.write_bytes(b"junk" * 100 + path.read_bytes())
    assert read_book(path).text == "One\nHello."


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("E/Text/C 1.xhtml", "text/c%201.xhtml"),
        ("E\\t\\c.xhtml", "t/c.xhtml"),
        ("E/caf\u0065\u0301.xhtml", "caf\u00e9.xhtml"),
    ],
)
def test_members_are_found_by_careless_names(tmp_path: Path, base: str, name: str) -> None:
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>'
        f'<item id="c" href="{name}" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    assert read_book(bind(tmp_path, {}, opf=opf, extra={base: PAGE})).text == "One\nHello."


ENCRYPTION = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
    '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{}"/>'
    '<CipherData><CipherReference URI="{}"/></CipherData></EncryptedData></encryption>'
)
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
OBFUSCATED = "http://www.idpf.org/2008/embedding"


@pytest.mark.parametrize(
    "extra",
    [
        {"META-INF/encryption.xml": ENCRYPTION.format(AES, "E/c.xhtml")},
        {"META-INF/encryption.xml": ENCRYPTION.format(AES, "E/p.opf")},
        {"META-INF/rights.xml": "<rights/>"},
        {"META-INF/sinf.xml": "<sinf/>"},
    ],
)
def test_drm_over_text_is_refused(tmp_path: Path, extra: dict[str, str]) -> None:
    with pytest.raises(BookEncrypted):
        read_book(bind(tmp_path, {"c.xhtml": PAGE}, extra=extra))


@pytest.mark.parametrize(("algorithm", "name"), [(OBFUSCATED, "E/font.otf"), (AES, "E/song.mp3")])
def test_what_narration_does_not_need_may_be_encrypted(tmp_path: Path, algorithm: str, name: str) -> None:
    extra = {"META-INF/encryption.xml": ENCRYPTION.format(algorithm, name), name: b"\x9b\x01"}
    assert read_book(bind(tmp_path, {"c.xhtml": PAGE}, extra=extra)).text == "One\nHello."


def test_packing_unknown_to_epub(tmp_path: Path) -> None:
    path = bind(tmp_path, {"d.xhtml": PAGE}, opf=None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("E/c.xhtml", PAGE)
    opf = bind(tmp_path, {"c.xhtml": PAGE})
    with zipfile.ZipFile(opf) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(opf, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data, zipfile.ZIP_LZMA if name == "E/c.xhtml" else zipfile.ZIP_STORED)
    with pytest.raises(BookDamaged, match="method 14"):
        read_book(opf)
