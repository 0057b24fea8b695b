"""Draws the cover of the example book: `python -m examples.draw_cover TARGET.jpg`."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 1600)


def draw_cover(title: str, author: str) -> bytes:
    """The cover as a JPEG of 1200 x 1600 pixels."""
    image = Image.new("RGB", SIZE, "#1d4a55")
    pen = ImageDraw.Draw(image)
    pen.text((600, 300), title, "white", ImageFont.load_default(120), anchor="mm")
    pen.text((600, 1400), author, "white", ImageFont.load_default(50), anchor="mm")
    out = BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(draw_cover("The Tide Clock", "The Rhapsode Founders"))
