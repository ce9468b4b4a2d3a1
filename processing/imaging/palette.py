"""Fewer bits a pixel, for PNG: gray, or a palette of at most 256 colors with their alpha.

Without loss where there are few colors. Where the original had a palette, its resized pixels get one again, as long as
the difference is not seen.
"""

from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageStat

MOST: Final = 256
UNSEEN: Final = 1.5  # levels: the mean error of a palette for the resized pixels of a palette
SAMPLE: Final = (32, 32)  # pixels, which show most pictures to be in color
NEAR_SAMPLE: Final = 256  # pixels of each side
ALPHAS: Final = 16  # levels of alpha in a palette that is near
GRAYS: Final = 16  # levels of a gray that 4 bits hold: with more, a palette saves nothing


@dataclass(frozen=True, slots=True)
class Palette:
    """At most so many colors, where their mean error is smaller than so many levels."""

    colors: int
    error: float = UNSEEN


def compact(image: Image.Image) -> Image.Image:
    """The same pixels in the mode with the fewest bits: 1, L, LA, P, or the mode they are in."""
    image = _without_unused_color(image)
    return _as_bits(image) or exact(image) or image


def near(image: Image.Image, wanted: Palette) -> Image.Image | None:
    """The image in a palette; None when its error is too large."""
    if image.mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        ways = (image.quantize(wanted.colors, Image.Quantize.FASTOCTREE), _near_with_alpha(image, wanted.colors))
        indexed = min((way for way in ways if way), key=lambda way: _mean_error(image, way))
    else:
        indexed = _quantized(image.convert("RGB"), wanted.colors)
    return indexed if _mean_error(image, indexed) < wanted.error else None


def _near_with_alpha(image: Image.Image, colors: int) -> Image.Image | None:
    """Most pictures are opaque but for an edge or a shadow, so few levels of alpha are enough.

    What does not suffice for some of the pixels does not for all: most ways are found too few by a sample.
    """
    sample = image.resize([min(side, NEAR_SAMPLE) for side in image.size], Image.Resampling.NEAREST)
    for opaque, levels in ((colors - ALPHAS, ALPHAS), (colors // 2, ALPHAS), (colors // 4, ALPHAS // 2)):
        for pixels in (sample, image):
            *bands, alpha = pixels.split()
            step = 255 // (levels - 1)
            coarse = alpha.point([min(255, round(level / step) * step) for level in range(256)])
            indexed = _with_alpha(Image.merge("RGBA", (*bands, coarse)), max(opaque, 2), colors)
            if indexed is None:
                break
        else:
            return indexed
    return None


def exact(image: Image.Image) -> Image.Image | None:
    """The image in a palette of all its colors; None when there are more than 256, or as many as a gray has levels."""
    found = image.getcolors(GRAYS if image.mode == "L" else MOST)
    if not found:
        return None
    indexed = _with_alpha(image) if image.mode in ("LA", "RGBA") else _quantized(image.convert("RGB"))
    return indexed if indexed is not None and _mean_error(image, indexed) == 0 else None


def _without_unused_color(image: Image.Image) -> Image.Image:
    """Gray where red, green and blue are equal in every pixel."""
    if image.mode not in ("RGB", "RGBA") or not _is_gray(image.resize(SAMPLE, Image.Resampling.NEAREST)):
        return image
    if not _is_gray(image):
        return image
    red, _, _, *alpha = image.split()
    return Image.merge("LA", (red, *alpha)) if alpha else red


def _is_gray(image: Image.Image) -> bool:
    red, green, blue, *_ = image.split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


def _as_bits(image: Image.Image) -> Image.Image | None:
    """Black and white only."""
    found = image.getcolors(2) if image.mode == "L" else None
    if not found or not {level for _, level in found} <= {0, 255}:
        return None
    return image.convert("1", dither=Image.Dither.NONE)


def _quantized(image: Image.Image, colors: int = MOST) -> Image.Image:
    return image.quantize(colors, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _with_alpha(image: Image.Image, opaque: int = MOST, most: int = MOST) -> Image.Image | None:
    """A palette with alpha: the pairs of a color's index and its alpha are themselves quantized as if colors."""
    shown = Image.new("RGB", image.size)
    shown.paste(image.convert("RGB"), mask=image.getchannel("A").point([0, *[255] * 255]))
    colors = _quantized(shown, opaque)
    numbers = Image.frombytes("L", colors.size, colors.tobytes())
    pairs = Image.merge("RGB", (numbers, image.getchannel("A"), Image.new("L", image.size)))
    if not pairs.getcolors(most):
        return None
    indexed = _quantized(pairs)
    table, entries = colors.getpalette() or [], indexed.getpalette() or []
    rgb = [table[3 * number : 3 * number + 3] for number in entries[0::3]]
    indexed.putpalette([value for color in rgb for value in color])
    indexed.info["transparency"] = bytes(entries[1::3])
    return indexed


def _mean_error(image: Image.Image, indexed: Image.Image) -> float:
    """In levels, of the worst band; colors count by their alpha, for what is transparent shows none."""
    if image.mode in ("LA", "RGBA"):
        one, other = (each.convert("RGBA").convert("RGBa") for each in (image, indexed))
        bands = ImageChops.difference(*(Image.merge("RGBA", each.split()) for each in (one, other)))
    else:
        bands = ImageChops.difference(image.convert("RGB"), indexed.convert("RGB"))
    return max(ImageStat.Stat(bands).mean)
