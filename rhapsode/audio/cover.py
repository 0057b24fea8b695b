"""The cover as players want it: a JPEG of moderate size, whatever the book has."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator

import resvg_py
from lxml import etree
from PIL import Image, ImageDraw, ImageFont, ImageOps

from rhapsode.audio.titles import TITLE_CHARACTERS, clean
from rhapsode.model import Cover, Metadata

EDGE_PX = 1600
SIZE_BYTES = 1_000_000
"""Players keep covers in memory, several at once; beyond the edge and this size nothing is gained on a phone."""

_PIXELS = 64_000_000  # of a picture before it is made smaller
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_QUALITIES = (90, 80, 65, 45)
_PAPER, _INK, _FAINT = (27, 42, 61), (240, 233, 218), (176, 141, 87)

_LONG_WORD = re.compile(r"(\S{24})(?=\S)")  # 24 letters of the smallest type fit a line, whatever they are
_INWARD = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp)[;,])")

log = logging.getLogger(__name__)


def cover_jpeg(cover: Cover | None, metadata: Metadata) -> bytes:
    """JPEG, RGB, at most 1600 px an edge and 1 MB.

    A book without a cover, or with an unreadable one, gets a drawn one with its title and author; the log says why.
    """
    if cover is None:
        log.info("%s has no cover: one was drawn", metadata.title)
        return _jpeg(_drawn(metadata))
    try:
        return _jpeg(_from_svg(cover.data) if _is_svg(cover) else _from_pixels(cover.data))
    # Pillow's decoders raise SyntaxError for damaged files, beside those that they document.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        log.warning("The cover of %s (%s) cannot be used: %s; one was drawn", metadata.title, cover.media_type, error)
        return _jpeg(_drawn(metadata))


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS)
    for quality in _QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= SIZE_BYTES:
            break
    return out.getvalue()


def _from_pixels(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
    if image.width * image.height > _PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels are too many")
    image.draft("RGB", (EDGE_PX, EDGE_PX))  # lets the JPEG decoder skip what the smaller picture does not need
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        image = paper
    return image.convert("RGB")


def _is_svg(cover: Cover) -> bool:
    return cover.media_type.startswith("image/svg") or b"<svg" in cover.data[:1000]


def _from_svg(data: bytes) -> Image.Image:
    # lxml refuses what is nested deeper than 256 levels; resvg would overflow its stack.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"its SVG is damaged ({error.msg})") from error
    for element, name in _outward_links(root):
        del element.attrib[name]
    text = etree.tostring(root, encoding="unicode")
    png = resvg_py.svg_to_bytes(svg_string=text, width=EDGE_PX, height=EDGE_PX, background="white")
    return Image.open(io.BytesIO(png)).convert("RGB")


def _outward_links(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The attributes by which resvg would open a file of this machine, or an SVG that was not looked at."""
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            if etree.QName(name).localname == "href" and not _INWARD.match(str(value)):
                yield element, str(name)


def _drawn(metadata: Metadata) -> Image.Image:
    """Title above, author below, between two rules: a plain cloth binding."""
    width, height, margin = 1200, 1600, 130
    image = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, width - 60, height - 60), outline=_FAINT, width=4)
    draw.rectangle((76, 76, width - 76, height - 76), outline=_FAINT, width=1)
    title = clean(metadata.title, TITLE_CHARACTERS) or "Untitled"
    title_bottom = _text(draw, title, (margin, 320), (width - 2 * margin, 640), 132)
    middle = max(title_bottom + 90, 820)
    draw.line((width / 2 - 110, middle, width / 2 + 110, middle), fill=_FAINT, width=4)
    _text(
        draw,
        clean(metadata.author, TITLE_CHARACTERS),
        (margin, middle + 90),
        (width - 2 * margin, 1420 - middle - 90),
        64,
    )
    return image


def _text(draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], box: tuple[int, int], largest: int) -> int:
    """Centred lines in the largest type that fits the box; returns their lower edge."""
    for size in (*range(largest, 24, -6), 24):
        font = ImageFont.load_default(size)
        lines = _wrapped(draw, text, font, box[0])
        step = int(size * 1.25)
        fits = len(lines) * step <= box[1] and all(draw.textlength(line, font) <= box[0] for line in lines)
        if fits:
            break
    lines = lines[: max(1, box[1] // step)]
    for number, line in enumerate(lines):
        draw.text((corner[0] + box[0] / 2, corner[1] + number * step), line, font=font, fill=_INK, anchor="ma")
    return corner[1] + len(lines) * step


def _wrapped(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    lines: list[str] = []
    for word in _LONG_WORD.sub(r"\1 ", text).split():
        if lines and draw.textlength(f"{lines[-1]} {word}", font) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
