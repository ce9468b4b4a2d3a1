"""Lanczos: by SIMD where the resizer is installed and agrees with Pillow, by Pillow itself everywhere else.

cykooz-resizer reads the memory of Pillow's images, whose layout is not documented: so once in each process it must
resize small test pictures as Pillow does before it is used. It takes an eighth of the time.
"""

import threading
from functools import cache
from typing import Any, Final

from PIL import Image, ImageChops

from processing.picture import Size

MODES: Final = ("L", "RGB", "RGBA", "CMYK")  # the only modes that are resized
TOLERANCE: Final = 2  # levels by which the two may differ, from rounding alone

_of_thread = threading.local()


def resize(image: Image.Image, size: Size) -> Image.Image:
    """Scale to ``size``, which may not be larger; the same image when it is that size already."""
    if image.size == size:
        return image
    if not simd_is_sound():
        return image.resize(size, Image.Resampling.LANCZOS)
    return _by_simd(image, size)


@cache
def simd_is_sound() -> bool:
    """Whether the SIMD resizer is installed and gives the same results as Pillow."""
    try:
        import cykooz_resizer  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        return False
    return all(_agrees(mode) for mode in MODES)


def _agrees(mode: str) -> bool:
    picture = _test_picture(mode)
    for size in ((31, 17), (1, 40), (64, 5)):
        pillow, simd = picture.resize(size, Image.Resampling.LANCZOS), _by_simd(picture, size)
        if simd.mode != mode or simd.size != size:
            return False
        if mode == "RGBA":  # colors of nearly transparent pixels are rounded: compare premultiplied
            pillow, simd = pillow.convert("RGBa"), simd.convert("RGBa")
            pillow, simd = (Image.merge("RGB", each.split()[:3]) for each in (pillow, simd))
        if largest_difference(pillow, simd) > TOLERANCE:
            return False
    return True


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    """By how many levels any band of any pixel differs."""
    extrema: Any = [band.getextrema() for band in ImageChops.difference(one, other).split()]
    return int(max(high for _, high in extrema))


def _test_picture(mode: str) -> Image.Image:
    """Gradients and edges, different in every band; the edges stay clear of black and white.

    Where Lanczos overshoots, the two clip at different moments, and both are right.
    """
    ramp = Image.linear_gradient("L").resize((67, 41))
    waves = Image.radial_gradient("L").resize((67, 41)).point(lambda level: 64 + level * 7 % 128)
    bands = (ramp, waves, ImageChops.invert(ramp), ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    return waves if mode == "L" else Image.merge(mode, bands[: len(mode)])


def free_memory() -> None:
    """Free what is kept for the next image: after a large one, Pillow keeps 256 MB, and the resizer more."""
    Image.core.clear_cache()  # type: ignore[attr-defined]  # documented, but missing in Pillow's types
    vars(_of_thread).clear()


@cache
def keep_freed_memory() -> None:
    """Let Pillow keep up to 16 blocks of 16 MB for the next image, instead of allocating each anew."""
    Image.core.set_blocks_max(16)  # type: ignore[attr-defined]  # documented, but missing in Pillow's types


def _by_simd(image: Image.Image, size: Size) -> Image.Image:
    # The resizer does not check the target's mode, so it is made here; None leaves its memory uninitialized
    target = Image.new(image.mode, size, None)
    resizer, options = _tools()
    resizer.resize_pil(image, target, options)
    return target


def _tools() -> tuple[Any, Any]:
    """This thread's resizer, which keeps buffers between calls."""
    if not hasattr(_of_thread, "tools"):
        from cykooz_resizer import FilterType, ResizeAlg, ResizeOptions, Resizer

        _of_thread.tools = Resizer(), ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.lanczos3))
    tools: tuple[Any, Any] = _of_thread.tools
    return tools
