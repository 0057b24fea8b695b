from __future__ import annotations

import base64
import io
import logging
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rhapsode.audio.cover import EDGE_PX, SIZE_BYTES, cover_jpeg
from rhapsode.model import Cover, Metadata

BOOK = Metadata("Frankenstein; or, The Modern Prometheus", ("Mary Shelley",))
RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves(mode: str = "RGB", size: tuple[int, int] = (300, 400)) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, size[1] // 2, size[0], size[1]))
    return image.convert(mode)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert max(image.size) <= EDGE_PX
    assert len(jpeg) <= SIZE_BYTES
    return image


def near(image: Image.Image, where: tuple[float, float], colour: tuple[int, int, int], tolerance: int = 12) -> bool:
    got = image.getpixel((int(where[0] * image.width), int(where[1] * image.height)))
    return bool(np.abs(np.subtract(got, colour)).max() <= tolerance)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/jpeg", saved(halves(), "JPEG", quality=95)),
        ("image/jpeg", saved(halves("CMYK"), "JPEG", quality=95)),
        ("image/png", saved(halves(), "PNG")),
        ("image/png", saved(halves().quantize(), "PNG")),
        ("image/png", saved(halves("RGBA"), "PNG")),
        ("image/gif", saved(halves().quantize(), "GIF")),
        ("image/webp", saved(halves(), "WEBP", quality=95)),
        ("application/octet-stream", saved(halves(), "PNG")),  # the type is wrong, the picture is not
    ],
)
def test_pictures_become_jpegs(media_type: str, data: bytes) -> None:
    image = opened(cover_jpeg(Cover(media_type, data), BOOK))
    assert image.size == (300, 400)
    assert near(image, (0.5, 0.2), RED) and near(image, (0.5, 0.8), BLUE)


def test_a_transparent_picture_lies_on_white() -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 100, 50))
    jpeg = opened(cover_jpeg(Cover("image/png", saved(image, "PNG")), BOOK))
    assert near(jpeg, (0.5, 0.2), RED) and near(jpeg, (0.5, 0.8), (255, 255, 255))


def test_a_picture_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    jpeg = opened(cover_jpeg(Cover("image/jpeg", saved(halves(), "JPEG", quality=95, exif=exif)), BOOK))
    assert near(jpeg, (0.5, 0.2), BLUE) and near(jpeg, (0.5, 0.8), RED)


def test_a_large_and_noisy_picture_is_made_smaller() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (2400, 3200, 3), dtype=np.uint8))
    assert opened(cover_jpeg(Cover("image/png", saved(noise, "PNG")), BOOK)).size == (1600, 1200)


def svg(body: str, head: str = "") -> Cover:
    link = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return Cover("image/svg+xml", f'{head}<svg {link} viewBox="0 0 1400 2100">{body}</svg>'.encode())


def test_a_drawing_is_rendered() -> None:
    body = '<rect width="1400" height="2100" fill="#c81e1e"/><rect y="1050" width="1400" height="1050" fill="#1e1ec8"/>'
    image = opened(cover_jpeg(svg(body), BOOK))
    assert image.size == (1067, 1600)
    assert near(image, (0.5, 0.2), RED) and near(image, (0.5, 0.8), BLUE)


def test_a_drawing_cannot_show_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(saved(Image.new("RGB", (10, 10), RED), "PNG"))
    uri = f"{tmp_path}/secret.png"
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{uri}' width='9' height='9'/></svg>"
    inner = base64.b64encode(drawing.encode()).decode()
    hidden = [f"data:{kind};base64,{inner}" for kind in ("image/svg+xml", "image/png", "image/bmp", "text/plain", "")]
    for link in (uri, f"file://{uri}", f" {uri}", *hidden):
        for name in ("href", "xlink:href"):
            body = f'<image {name}="{link}" width="1400" height="2100"/>'
            assert near(opened(cover_jpeg(svg(body), BOOK)), (0.5, 0.5), (255, 255, 255)), link


def test_entities_of_a_drawing_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("red")
    head = f'<!DOCTYPE svg [<!ENTITY colour SYSTEM "file://{tmp_path}/secret.txt">]>'
    jpeg = cover_jpeg(svg("<text>&colour;</text>", head), BOOK)
    opened(jpeg)


@pytest.mark.parametrize(
    "cover",
    [
        Cover("image/jpeg", b""),
        Cover("image/jpeg", b"<html>not a picture</html>"),
        Cover("image/png", saved(halves(), "PNG")[:200]),
        Cover("image/jpeg", saved(halves(), "JPEG")[:300]),
        Cover("image/png", saved(Image.new("1", (20_000, 20_000)), "PNG")),  # a bomb: 400 million pixels
        Cover("image/png", saved(Image.new("1", (10_000, 9_500)), "PNG")),
        Cover("image/svg+xml", b"<svg"),
        Cover("image/svg+xml", b"<p>not a drawing</p>"),
        svg("<g>" * 100_000 + "</g>" * 100_000),
        Cover("image/tiff", saved(halves(), "TIFF")),
    ],
)
def test_an_unreadable_cover_is_replaced_and_the_log_says_so(cover: Cover, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        jpeg = cover_jpeg(cover, BOOK)
    assert jpeg == cover_jpeg(None, BOOK)
    assert f"The cover of {BOOK.title} ({cover.media_type}) cannot be used" in caplog.text


@pytest.mark.parametrize(
    ("title", "authors"),
    [("Emma", ("Jane Austen",)), ("", ()), ("Word " * 300, ("Name " * 60,)), ("W" * 400, ("日本語",)), ("a\nb", ())],
)
def test_any_title_can_be_drawn(title: str, authors: tuple[str, ...]) -> None:
    image = opened(cover_jpeg(None, Metadata(title, authors)))
    pixels = np.asarray(image)
    assert image.size == (1200, 1600)
    assert pixels[300:900, 100:1100].max() > 200  # something is written
    frame = np.concatenate([pixels[:50].reshape(-1, 3), pixels[:, :50].reshape(-1, 3)]).astype(int)
    assert np.ptp(frame, axis=0).max() < 20  # and nothing beyond the frame


def test_the_cover_of_a_real_book_can_be_used(books: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    with zipfile.ZipFile(books[0]) as archive:
        data = archive.read("epub/images/cover.svg")
    image = opened(cover_jpeg(Cover("image/svg+xml", data), BOOK))
    assert image.height == 1600
    assert np.asarray(image).std() > 20
    assert not caplog.records
