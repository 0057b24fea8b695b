"""Draws the cover of the example book: `python -m examples.draw_cover TARGET.jpg`.

A clock face sinks into the sea like a moon: the boat of high water at its top, the crab of low water under the waves.
All measures are pixels of the finished cover; it is drawn twice as large and reduced, which smooths every edge.
"""

from __future__ import annotations

import sys
from io import BytesIO
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 1600
SCALE = 2

CREAM = (246, 233, 207)
INK = (13, 40, 52)
BRASS = (214, 166, 92)
GREEN = (38, 110, 98)
CORAL = (226, 112, 78)
SKY = [(0.0, (12, 34, 54)), (0.38, (42, 84, 104)), (0.56, (196, 140, 122)), (0.68, (250, 204, 150))]

CLOCK = (600, 800)
RADIUS = 330
WATERLINE = 985
WAVES = [  # top, height of a crest, length, shift, colour, opacity
    (WATERLINE, 9, 300, 0.0, (58, 132, 134), 118),
    (1062, 13, 380, 2.1, (40, 108, 116), 150),
    (1135, 17, 460, 4.0, (27, 84, 97), 190),
    (1240, 22, 560, 0.9, (19, 62, 78), 225),
    (1360, 26, 680, 3.0, (13, 45, 60), 255),
]

Colour = tuple[int, int, int]
Points = list[tuple[float, float]]


class Brush:
    """Draws in pixels of the finished cover, whatever the scale."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        self.oval(x, y, radius, radius, fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self.draw.ellipse([SCALE * v for v in (x - rx, y - ry, x + rx, y + ry)], fill)

    def polygon(self, points: Points, fill: Colour | tuple[int, int, int, int]) -> None:
        self.draw.polygon([(SCALE * x, SCALE * y) for x, y in points], fill)

    def line(self, points: Points, width: float, fill: Colour | tuple[int, int, int, int]) -> None:
        self.draw.line([(SCALE * x, SCALE * y) for x, y in points], fill, round(SCALE * width), joint="curve")

    def spaced(self, text: str, y: float, size: float, spacing: float) -> None:
        """Writes a centred line with space between its letters; the font is the one that Pillow carries."""
        font = ImageFont.load_default(SCALE * size)
        widths = [font.getlength(letter) + SCALE * spacing for letter in text]
        x = SCALE * WIDTH / 2 - (sum(widths) - SCALE * spacing) / 2
        for letter, width in zip(text, widths, strict=True):
            self.draw.text((x, SCALE * y), letter, CREAM, font, anchor="ls")
            x += width


def draw_cover(title: str, author: str) -> bytes:
    """The cover as a JPEG of 1200 x 1600 pixels; the same bytes every time with one version of Pillow."""
    image = _sky()
    _stars(Brush(image))
    _clock(Brush(image))
    for wave in WAVES:
        image = _under(image, *wave)
    brush = Brush(image)
    article, _, rest = title.upper().partition(" ")
    brush.spaced(article, 190, 58, 34)
    brush.spaced(rest, 330, 128, 20)
    brush.spaced(author.upper(), 1500, 40, 13)
    out = BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()


def _sky() -> Image.Image:
    column = Image.new("RGB", (1, SCALE * HEIGHT))
    for y in range(column.height):
        column.putpixel((0, y), _sky_at(y / column.height))
    return column.resize((SCALE * WIDTH, SCALE * HEIGHT))


def _sky_at(height: float) -> Colour:
    for (above, upper), (below, lower) in pairwise(SKY):
        if height <= below:
            part = (height - above) / (below - above)
            red, green, blue = (round(u + part * (v - u)) for u, v in zip(upper, lower, strict=True))
            return red, green, blue
    return SKY[-1][1]


def _stars(brush: Brush) -> None:
    for i in range(1, 60):
        x, y = 40 + (i * 0.618034) % 1 * 1120, 30 + ((i * 0.414214) % 1) ** 2 * 540  # even, without random numbers
        if not (120 < x < 1080 and 130 < y < 350):  # not between the letters
            brush.disc(x, y, 1.2 + (i % 4) * 0.6, CREAM)


def _clock(brush: Brush) -> None:
    x, y = CLOCK
    for radius, colour in ((RADIUS + 44, INK), (RADIUS + 38, BRASS), (RADIUS + 14, INK), (RADIUS + 8, CREAM)):
        brush.disc(x, y, radius, colour)
    brush.disc(x, y, RADIUS, GREEN)
    for i in range(60):
        angle = 2 * pi * i / 60
        brush.disc(x + 300 * sin(angle), y - 300 * cos(angle), 6 if i % 5 == 0 else 2.5, CREAM)
    _boat(brush, x, y - 215)
    _crab(brush, x, y + 220)
    angle = 0.62
    along, across = (sin(angle), -cos(angle)), (cos(angle), sin(angle))
    outline = [(-70, -9), (150, -9), (165, -26), (262, 0), (165, 26), (150, 9), (-70, 9)]
    brush.polygon([(x + a * along[0] + b * across[0], y + a * along[1] + b * across[1]) for a, b in outline], CREAM)
    brush.disc(x, y, 27, BRASS)
    brush.disc(x, y, 11, INK)


def _boat(brush: Brush, x: float, y: float) -> None:
    brush.polygon([(x - 5, y - 62), (x - 5, y + 12), (x - 52, y + 12)], CREAM)
    brush.polygon([(x + 5, y - 44), (x + 5, y + 12), (x + 40, y + 12)], CREAM)
    brush.polygon([(x - 60, y + 20), (x + 60, y + 20), (x + 38, y + 46), (x - 40, y + 46)], CREAM)


def _crab(brush: Brush, x: float, y: float) -> None:
    for side in (-1, 1):
        for i in range(3):
            knee = (x + side * (62 + 4 * i), y - 4 + 14 * i)
            brush.line([(x + side * 30, y + 4 + 6 * i), knee, (x + side * (72 - 4 * i), y + 22 + 16 * i)], 6, CORAL)
        brush.line([(x + side * 34, y - 10), (x + side * 62, y - 30), (x + side * 52, y - 48)], 8, CORAL)
        brush.oval(x + side * 48, y - 58, 17, 20, CORAL)
        brush.polygon([(x + side * 46, y - 56), (x + side * 38, y - 84), (x + side * 54, y - 84)], GREEN)
        brush.disc(x + side * 14, y - 32, 6, CORAL)
    brush.oval(x, y, 48, 32, CORAL)


def _under(
    image: Image.Image, top: float, crest: float, length: float, shift: float, colour: Colour, opacity: int
) -> Image.Image:
    """Lays one translucent wave, with a bright crest, over all that is below it."""
    edge: Points = [(x, top - crest * sin(2 * pi * x / length + shift)) for x in range(0, WIDTH + 8, 8)]
    layer = Image.new("RGBA", image.size)
    brush = Brush(layer)
    brush.polygon([*edge, (WIDTH + 8, HEIGHT), (0, HEIGHT)], (*colour, opacity))
    brush.line(edge, 3, (*CREAM, 120))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(draw_cover("The Tide Clock", "The Rhapsode Founders"))
