"""Texts and logos laid over variants: each is drawn once for each size, and cached."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from processing import geometry
from processing.imaging import color, exif, pixels
from processing.imaging.png_reader import PngFile
from processing.picture import Size
from processing.recipe import Watermark
from processing.recipe.lettering import FONT

MEASURED_AT: Final = 100  # the font size in pixels at which a text is measured before it is drawn
OUTLINE: Final = 0.06  # of the font size
LANCZOS: Final = Image.Resampling.LANCZOS


def marked(image: Image.Image, watermark: Watermark) -> Image.Image:
    """A copy of the image with the mark on it, of the same size, in RGB or RGBA."""
    placed = _placed(watermark, image.size)
    if placed is None:
        return image
    mark, corners = placed
    result = image.copy() if image.mode == "RGBA" else image.convert("RGB")
    for corner in corners:
        if result.mode == "RGBA":
            result.alpha_composite(mark, corner)
        else:
            result.paste(mark, corner, mark)
    return result


def coverage(size: Size, watermark: Watermark) -> Image.Image:
    """How far the mark covers each pixel of an image of this size, in L."""
    result = Image.new("L", size)
    placed = _placed(watermark, size)
    if placed is None:
        return result
    mark, corners = placed
    for corner in corners:
        result.paste(mark.getchannel("A"), corner)
    return result


def _placed(watermark: Watermark, size: Size) -> tuple[Image.Image, Iterable[tuple[int, int]]] | None:
    """The mark for an image of this size and its upper left corners; None where it cannot be seen."""
    margin = round(watermark.margin * min(size))
    room = (size[0] - 2 * margin, size[1] - 2 * margin)
    width = round(watermark.scale * size[0])
    if width < 1 or min(room) < 1 or not watermark.opacity:
        return None
    mark = _drawn(watermark, min(width, room[0]), room[1])
    return mark, _corners(watermark, mark.size, size, margin)


def _corners(watermark: Watermark, mark: Size, image: Size, margin: int) -> Iterator[tuple[int, int]]:
    if watermark.position != "tile":
        yield geometry.place(mark, image, watermark.position, margin)
        return
    for top in range(margin, image[1], mark[1] + margin):
        for left in range(margin, image[0], mark[0] + margin):
            yield left, top


@lru_cache(maxsize=16)
def _drawn(watermark: Watermark, width: int, max_height: int) -> Image.Image:
    """The mark in RGBA, ``width`` wide, or less where it would be higher than ``max_height``."""
    mark = _text(watermark, width) if watermark.text else _logo(watermark.logo or b"")
    scale = min(width / mark.width, max_height / mark.height)
    mark = mark.resize((max(1, round(mark.width * scale)), max(1, round(mark.height * scale))), LANCZOS)
    mark.putalpha(mark.getchannel("A").point(lambda level: round(level * watermark.opacity)))
    return mark


def _logo(content: bytes) -> Image.Image:
    """The logo, read as an original is: all depths, upright, in sRGB."""
    logo = PngFile(BytesIO(content))
    logo.load()
    picture = pixels.unpacked(logo)
    shown = color.to_srgb(picture, color.profile_of("png", content, logo))
    return pixels.upright(shown, exif.read(logo).orientation).convert("RGBA")


def _text(watermark: Watermark, width: int) -> Image.Image:
    """The text, drawn at about the size it will have, so that its edges are sharp."""
    text = watermark.text or ""
    left, _, right, _ = _box(text, MEASURED_AT, watermark)
    size = max(1, round(MEASURED_AT * width / max(1, right - left)))
    box = _box(text, size, watermark)
    drawn = Image.new("RGBA", (max(1, box[2] - box[0]), max(1, box[3] - box[1])), (*watermark.color[:3], 0))
    ImageDraw.Draw(drawn).text(
        (-box[0], -box[1]),
        text,
        font=_font(size),
        fill=tuple(watermark.color),
        stroke_width=_stroke(size, watermark),
        stroke_fill=tuple(watermark.outline) if watermark.outline else None,
    )
    return drawn


def _box(text: str, size: int, watermark: Watermark) -> tuple[int, int, int, int]:
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = draw.textbbox((0, 0), text, font=_font(size), stroke_width=_stroke(size, watermark))
    return int(left), int(top), -int(-right // 1), -int(-bottom // 1)


def _stroke(size: int, watermark: Watermark) -> int:
    return max(1, round(size * OUTLINE)) if watermark.outline else 0


def _font(size: int) -> ImageFont.FreeTypeFont:
    # Not Pillow's choice, which depends on a library of the system: Lambda has no libfribidi
    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
