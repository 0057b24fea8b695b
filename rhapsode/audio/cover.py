"""The cover as players want it: a JPEG of moderate size."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from rhapsode.model import Cover, Metadata

EDGE_PX = 1600


def cover_jpeg(cover: Cover | None, metadata: Metadata) -> bytes:
    """JPEG, RGB, at most 1600 px; drawn from title and author where the book has no readable one."""
    if cover is not None:
        try:
            image = Image.open(io.BytesIO(cover.data)).convert("RGB")
            image.thumbnail((EDGE_PX, EDGE_PX))
        except (OSError, ValueError, SyntaxError):
            image = _drawn(metadata)
    else:
        image = _drawn(metadata)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def _drawn(metadata: Metadata) -> Image.Image:
    image = Image.new("RGB", (1200, 1200), (34, 50, 74))
    draw = ImageDraw.Draw(image)
    draw.text((100, 300), metadata.title, font=ImageFont.load_default(80), fill="white")
    draw.text((100, 1000), metadata.author, font=ImageFont.load_default(50), fill="white")
    return image
