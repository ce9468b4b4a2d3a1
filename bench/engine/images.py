"""The originals, made in code from a seed, with the statistics of photographs.

A scene is noise whose amplitude falls with its frequency, as in nature, under hard edges: ellipses and lines.
"""

import io
from typing import Any, TypeAlias

import numpy as np
import pyvips
from PIL import Image, ImageCms, ImageDraw

from tests.corpus.profiles import adobe_rgb

Array: TypeAlias = Any  # mypy runs with and without numpy


def scene(width: int, height: int, *, seed: int = 1, detail: float = 0.62, grain: float = 3) -> Image.Image:
    """An RGB picture; each octave of noise has ``detail`` times the amplitude of the one below it.

    ``grain`` is a sensor's noise: the standard deviation of every value.
    """
    random = np.random.default_rng(seed)
    total: Array = np.zeros((height, width, 3), np.float32)
    amplitude, step = 1.0, max(width, height) / 2
    while step >= 1:
        shape = (int(height / step) + 2, int(width / step) + 2)
        gray = _upscaled(random.standard_normal(shape), width, height)
        for channel in range(3):
            tint = _upscaled(random.standard_normal(shape), width, height)
            total[..., channel] += amplitude * (gray + 0.35 * tint)
        amplitude *= detail
        step /= 2
    total = 127 + total * (60 / float(total.std()))
    image = Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))
    _draw_edges(image, random)
    noise = random.standard_normal(total.shape, np.float32) * np.float32(grain)
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _upscaled(grid: Array, width: int, height: int) -> Array:
    small = Image.fromarray(grid.astype(np.float32))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def _draw_edges(image: Image.Image, random: np.random.Generator) -> None:
    draw = ImageDraw.Draw(image)
    side = min(image.size)
    for _ in range(40):
        x, y = (int(random.integers(0, side_)) for side_ in image.size)
        r = int(random.integers(side // 60, side // 10))
        color = tuple(int(c) for c in random.integers(0, 256, 3))
        if random.random() < 0.5:
            draw.ellipse((x, y, x + r, y + r), fill=color)
        else:
            draw.line((x, y, x + 3 * r, y + r), fill=color, width=max(1, side // 600))


def jpeg(image: Image.Image, **options: object) -> bytes:
    return saved(image, "JPEG", **{"quality": 92, **options})


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def cut_out(image: Image.Image) -> Image.Image:
    """The scene with soft holes: a quarter is transparent, and the edges are half transparent."""
    wide = Image.radial_gradient("L").resize(image.size)
    mask = wide.point(lambda level: max(0, min(255, (level - 60) * 4)))
    result = image.convert("RGBA")
    result.putalpha(mask)
    return result


def animated_gif(width: int = 800, height: int = 600, frames: int = 24) -> bytes:
    """An animation of a disc that crosses a scene."""
    background = scene(width, height, detail=0.6, grain=2)
    pictures = []
    for number in range(frames):
        picture = background.copy()
        x = number * (width - 120) // frames
        ImageDraw.Draw(picture).ellipse((x, 200, x + 120, 320), fill=(250, 200 - 5 * number, 40))
        pictures.append(picture.quantize(256, Image.Quantize.MEDIANCUT))
    return saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=60, loop=0)


def cmyk_jpeg(image: Image.Image) -> bytes:
    """In CMYK, with libvips's own press profile embedded."""
    rgb = pyvips.Image.new_from_array(np.asarray(image)).copy(interpretation="srgb")
    return bytes(rgb.icc_transform("cmyk", input_profile="srgb").jpegsave_buffer(Q=92))


def adobe_rgb_jpeg(image: Image.Image) -> bytes:
    """The scene's values, tagged as Adobe RGB."""
    return jpeg(image, icc_profile=adobe_rgb())


def srgb_jpeg(image: Image.Image) -> bytes:
    """The scene with the profile of what it is in anyway, as phones and editors write it."""
    return jpeg(image, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
