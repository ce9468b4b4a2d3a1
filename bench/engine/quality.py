"""The similarity of a variant to the best possible picture: SSIM of its luma against a reference in floating point.

The reference is the original decoded in full, converted to sRGB, scaled by Lanczos in 32-bit floats, and watermarked,
without draft decoding, cascades or rounding.
"""

import io
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageCms

from bench.engine.classes import Job

Array: TypeAlias = Any  # mypy runs with and without numpy
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # Wang et al. 2004, equation 13
RADIUS, SIGMA = 5, 1.5
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def reference(job: Job, data: bytes, variant: str) -> Array:
    """Return the reference as float32 RGB, on white where it is transparent."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        picture = _to_srgb(image)
    bands = [np.asarray(band, np.float32) for band in picture.split()]
    if picture.mode == "RGBA":
        alpha = bands[3] / 255
        premultiplied = [_scaled(band * alpha, job.sizes[variant]) for band in bands[:3]]
        alpha = _scaled(alpha, job.sizes[variant])
        color = [band + 255 * (1 - alpha) for band in premultiplied]
    else:
        color = [_scaled(band, job.sizes[variant]) for band in bands]
    result = np.clip(np.stack(color, axis=-1), 0, 255)
    if variant in job.marks:
        _mark(result, *job.marks[variant])
    return result


def rounded(picture: Array) -> Image.Image:
    """Return a reference as a picture of 8 bits."""
    return Image.fromarray(np.rint(picture).astype(np.uint8))


def on_white(content: bytes) -> Array:
    """Return a variant on white; of an animation, the first frame."""
    with Image.open(io.BytesIO(content)) as image:
        picture = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    return np.asarray(picture, np.float32)


def ssim(one: Array, other: Array) -> float:
    a, b = one @ LUMA, other @ LUMA
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return float((likeness / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))).mean())


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    picture = (
        image if image.mode in ("RGB", "CMYK") else image.convert("RGBA" if image.has_transparency_data else "RGB")
    )
    if not profile:
        return picture.convert("RGB") if picture.mode == "CMYK" else picture
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None
    return converted


def _scaled(band: Array, size: tuple[int, int]) -> Array:
    return np.asarray(Image.fromarray(band).resize(size, Image.Resampling.LANCZOS))


def _mark(picture: Array, file: str, left: int, top: int) -> None:
    with Image.open(file) as image:
        mark = np.asarray(image.convert("RGBA"), np.float32)
    height, width = mark.shape[:2]
    alpha = mark[..., 3:] / 255
    place = picture[top : top + height, left : left + width]
    place[:] = mark[..., :3] * alpha + place * (1 - alpha)


def _blurred(values: Array) -> Array:
    """By a Gaussian window, only where it lies completely inside."""
    x = np.arange(-RADIUS, RADIUS + 1)
    weights = np.exp(-(x**2) / (2 * SIGMA**2)).astype(np.float32)
    weights /= weights.sum()
    height, width = values.shape
    inner = height - 2 * RADIUS
    rows = sum((w * values[i : i + inner] for i, w in enumerate(weights)), np.zeros((inner, width), np.float32))
    inner = width - 2 * RADIUS
    return sum(
        (w * rows[:, i : i + inner] for i, w in enumerate(weights)), np.zeros((rows.shape[0], inner), np.float32)
    )
