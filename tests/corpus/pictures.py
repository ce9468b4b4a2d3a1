"""What the samples show: a scene with every kind of edge and color, and four corners that tell which way is up."""

from typing import Final

from PIL import Image, ImageChops, ImageDraw

SIZE: Final = (96, 64)
CORNERS: Final = {
    "top-left": (220, 30, 30),
    "top-right": (30, 180, 40),
    "bottom-left": (40, 50, 210),
    "bottom-right": (230, 210, 60),
}


def scene(size: tuple[int, int] = SIZE, *, shift: int = 0) -> Image.Image:
    """Gradients in every band under saturated shapes; ``shift`` moves the disc, for the frames of an animation."""
    width, height = size
    ramp = Image.linear_gradient("L").resize(size)
    side = Image.linear_gradient("L").rotate(90).resize(size)
    picture = Image.merge("RGB", (ramp, side, ImageChops.invert(ramp)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 8, height // 8, width // 3, height // 2), fill=(250, 20, 20))
    left = width // 2 + shift
    draw.ellipse((left, height // 4, left + width // 4, 3 * height // 4), fill=(20, 230, 40))
    draw.line((0, height - 8, width, height - 24), fill=(255, 255, 255), width=3)
    return picture


def pixel(picture: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    """The values of a pixel in each band."""
    found = picture.getpixel(at)
    assert isinstance(found, tuple)
    return found


def holes(size: tuple[int, int] = SIZE) -> Image.Image:
    """An alpha channel with everything in it: clear, half clear, opaque."""
    return Image.radial_gradient("L").resize(size).point(lambda level: max(0, min(255, (200 - level) * 4)))


def cut_out(size: tuple[int, int] = SIZE, *, shift: int = 0) -> Image.Image:
    """The scene in RGBA, with `holes` in it."""
    picture = scene(size, shift=shift).convert("RGBA")
    picture.putalpha(holes(size))
    return picture


def stamped_out(size: tuple[int, int] = SIZE, *, shift: int = 0) -> Image.Image:
    """The scene in RGBA, each pixel either there or not, as a GIF needs it."""
    picture = scene(size, shift=shift).convert("RGBA")
    picture.putalpha(holes(size).point(lambda level: 255 if level >= 128 else 0))
    return picture


def corners(size: tuple[int, int] = SIZE) -> Image.Image:
    """A quarter of the picture in each of the colors of `CORNERS`."""
    width, height = size
    picture = Image.new("RGB", size)
    for where, color in CORNERS.items():
        left = width // 2 if "right" in where else 0
        top = height // 2 if "bottom" in where else 0
        picture.paste(color, (left, top, left + width // 2, top + height // 2))
    return picture


def laid(upright: Image.Image, orientation: int) -> Image.Image:
    """How a camera that writes this orientation stores a picture that is shown as ``upright``.

    EXIF 2.32, tag 0x0112: which side of the shown picture row 0 and column 0 of the stored one are.
    """
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # counter-clockwise: row 0 is the right side
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    return upright.copy() if turn is None else upright.transpose(turn)
