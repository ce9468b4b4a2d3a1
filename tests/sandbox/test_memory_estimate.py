"""What a header promises is enough: each image is rendered in a child that is refused any byte more."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from PIL import Image

from processing.imaging import Header
from processing.imaging.render import WORKING_MEGABYTES, memory_estimate
from processing.recipe import Recipe
from processing.sandbox import Children, Renderer
from processing.sandbox import Image as File
from tests.corpus.gain_maps import COLOURED, iso_segment, map_file, with_pictures
from tests.sandbox.conftest import animation, picture

CASES = {
    "small JPEG": partial(picture, size=(640, 480)),
    "12 MP JPEG": partial(picture, size=(4000, 3000)),
    "48 MP JPEG": partial(picture, size=(8000, 6000)),
    "12 MP progressive JPEG": partial(picture, size=(4000, 3000), progressive=True),
    "24 MP progressive JPEG, not subsampled": partial(picture, size=(6000, 4000), progressive=True, subsampling=0),
    "12 MP JPEG with a map as large": lambda: with_map((4000, 3000)),
    "12 MP JPEG with a progressive map": lambda: with_map((2000, 1500), progressive=True),
    "3 MP JPEG with a progressive map of twice its pixels": lambda: with_map(
        (2800, 2100), (2000, 1500), progressive=True
    ),
    "CMYK JPEG": partial(picture, (0, 50, 50, 0), size=(4000, 3000), mode="CMYK"),
    "12 MP PNG": partial(picture, size=(4000, 3000), kind="PNG"),
    "RGBA PNG": partial(picture, (0, 50, 50, 99), size=(4000, 3000), mode="RGBA", kind="PNG"),
    "16 bit PNG": partial(picture, 30_000, size=(4000, 3000), mode="I;16", kind="PNG"),
    "palette PNG": partial(picture, 3, size=(4000, 3000), mode="P", kind="PNG", transparency=3),
    "TIFF": partial(picture, size=(4000, 3000), kind="TIFF", compression="tiff_lzw"),
    "BMP": partial(picture, size=(4000, 3000), kind="BMP"),
    "12 MP WebP": partial(picture, size=(4000, 3000), kind="WEBP"),
    "12 MP AVIF": partial(picture, size=(4000, 3000), kind="AVIF", speed=10),
    "6 MP GIF": partial(picture, size=(3000, 2000), kind="GIF"),
    "GIF of 20 frames": partial(animation, "GIF", frames=20, size=(1200, 900)),
    "WebP of 20 frames": partial(animation, "WEBP", frames=20, size=(1200, 900)),
}


def with_map(size: tuple[int, int], of: tuple[int, int] = (4000, 3000), **options: Any) -> bytes:
    """A picture with a gain map in three channels."""
    second = map_file(Image.new("RGB", size, (0, 50, 100)), iso_segment(COLOURED), **options)
    return with_pictures(picture(size=of), second)


Estimate = Callable[[bytes], float]


@pytest.fixture(scope="module")
def estimate(recipe: Recipe) -> Iterator[Estimate]:
    """Renders in a fresh child that may have exactly what the header promises, and gives that: megabytes."""
    renderer = Renderer(Children(recipe, environ=os.environ))

    def render(data: bytes) -> float:
        renderer.kill()  # a child that has rendered before needs less
        image = File.of(data)
        megabytes = renderer.estimate(image, seconds=30)
        renderer.render(image, megabytes=megabytes, seconds=30)
        return megabytes

    renderer.wait_until_started()
    yield render
    renderer.close()


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_an_image_needs_no_more_than_its_header_promised(estimate: Estimate, make: Callable[[], bytes]) -> None:
    assert estimate(make()) > WORKING_MEGABYTES


def test_a_progressive_jpeg_is_dearer(recipe: Recipe) -> None:
    header = Header("jpeg", "RGB", 4000, 3000, 1, progressive=False)

    assert memory_estimate(replace(header, progressive=True), recipe) > 1.5 * memory_estimate(header, recipe)


def test_a_gain_map_counts_where_it_takes_more_than_its_picture(recipe: Recipe) -> None:
    header = Header("jpeg", "RGB", 4000, 3000, 1, progressive=False)
    grey = Header("jpeg", "L", 1000, 750, 1, progressive=False)
    large = Header("jpeg", "RGB", 5600, 4200, 1, progressive=True)

    assert memory_estimate(replace(header, gain_map=grey), recipe) == memory_estimate(header, recipe)
    assert memory_estimate(replace(header, gain_map=large), recipe) > 1.5 * memory_estimate(header, recipe)
