"""Decoded pixels in one of the four modes that the engine works in, and upright: of originals, and of logos."""

from typing import Final

from PIL import Image

from processing.imaging import color

ROWS: Final = 256  # that are looked at together
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def unpacked(image: Image.Image) -> Image.Image:
    """In L, RGB, RGBA or CMYK: from palettes, single bits, 16 bits, a transparent color."""
    if image.mode.startswith("I;16"):
        high = bytes_of_deep(image)[0]
        high.info = image.info
        image = high
    if image.mode == "La":  # premultiplied, which Pillow converts to LA alone
        image = image.convert("LA")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode == "LAB":
        return color.lab_to_rgb(image)
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Rotated and mirrored by EXIF's orientation."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def bytes_of_deep(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The high and the low bytes of samples of 16 bits (I;16 and its kinds), each in L."""
    samples = image.tobytes()
    orders = ("L;16B", "L;16") if image.mode.endswith("B") else ("L;16", "L;16B")
    high, low = (Image.frombytes("L", image.size, samples, "raw", order) for order in orders)
    return high, low


def opaque_if_invisible(image: Image.Image) -> None:
    """Make an image opaque, in place, whose every pixel is transparent: its fourth sample is unused, and no alpha."""
    if image.mode == "RGBA" and has_alpha_of(image, 0):
        image.putalpha(255)


def has_alpha_of(image: Image.Image, level: int) -> bool:
    """Whether the alpha of each pixel is ``level``. A few rows at a time: a whole channel is large."""
    bands = (image.crop((0, top, image.width, min(top + ROWS, image.height))) for top in range(0, image.height, ROWS))
    return all(band.getchannel("A").getextrema() == (level, level) for band in bands)
