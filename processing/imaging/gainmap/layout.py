"""The gain map of one variant: the same part of the picture, the same way up, at a quarter of the variant's sides."""

from dataclasses import replace
from typing import Any, Final

from PIL import Image, ImageFilter

from processing.geometry import FINEST, Layout
from processing.imaging import pixels, watermark
from processing.imaging.gainmap.model import GainMap, neutral, with_neutral
from processing.imaging.steps import Job
from processing.picture import Box, Size
from processing.recipe import Watermark

NEIGHBORS: Final = 9  # a level and those around it, of which one is enough


def laid_out(gain_map: GainMap, job: Job) -> GainMap:
    """The map of a variant; what is not of the original, its canvas and its mark, stays as bright as it is drawn."""
    layout = job.layout
    picture = pixels.upright(gain_map.picture, job.orientation)
    size, place = _scaled(layout, picture.size)
    scaled = replace(gain_map, picture=_cut_out(picture, layout, (place[2] - place[0], place[3] - place[1])))
    if layout.canvas is not None:
        scaled = _padded(scaled, size, place)
    return scaled if layout.spec.watermark is None else _unlit(scaled, layout.size, layout.spec.watermark)


def _scaled(layout: Layout, available: Size) -> tuple[Size, Box]:
    """The size of the map, and the box of it that shows the picture; no finer than the map that is ``available``."""
    whole, inner = layout.size, layout.shown
    scale = min(FINEST, max(a / b for a, b in zip(available, layout.frame, strict=True)))
    width, height = (max(1, round(side * scale)) for side in whole)
    across, down = width / whole[0], height / whole[1]
    x, y = ((a - b) // 2 for a, b in zip(whole, inner, strict=True))
    left, top = round(x * across), round(y * down)
    right, bottom = round((x + inner[0]) * across), round((y + inner[1]) * down)
    return (width, height), (left, top, max(left + 1, right), max(top + 1, bottom))


def _cut_out(picture: Image.Image, layout: Layout, size: Size) -> Image.Image:
    """The part that is shown, cropped to fractions of a pixel and scaled at once."""
    left, top, right, bottom = layout.crop or (0, 0, *layout.frame)
    across, down = picture.width / layout.frame[0], picture.height / layout.frame[1]
    box = (left * across, top * down, right * across, bottom * down)
    return picture.resize(size, Image.Resampling.BILINEAR, box=box)


def _padded(gain_map: GainMap, size: Size, place: Box) -> GainMap:
    gain_map = with_neutral(gain_map)
    canvas = Image.new(gain_map.picture.mode, size, neutral(gain_map))
    canvas.paste(gain_map.picture, place[:2])
    return replace(gain_map, picture=canvas)


def _unlit(gain_map: GainMap, size: Size, mark: Watermark) -> GainMap:
    """The map without effect where the variant is marked: a white mark would shine, with the sky's texture in it.

    A reader interpolates between the levels of the map, each of which stands for 4 x 4 pixels: so levels that are
    covered in part, and their neighbors, have no effect either.
    """
    gain_map = with_neutral(gain_map)
    covered = watermark.coverage(size, mark)
    most: Any = covered.crop(covered.getbbox()).getextrema()[1]
    near = covered.resize(gain_map.picture.size, Image.Resampling.BOX, reducing_gap=1.0).filter(ImageFilter.BoxBlur(1))
    mask = near.point([min(most, level * NEIGHBORS) for level in range(256)])
    without = Image.new(gain_map.picture.mode, mask.size, neutral(gain_map))
    return replace(gain_map, picture=Image.composite(without, gain_map.picture, mask))
