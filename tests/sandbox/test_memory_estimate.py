"""What a header promises is enough: each image is rendered in a child that is refused any byte more."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.imaging import Header, Rendered, inspect
from processing.imaging.gainmap import reading
from processing.memory import WORKING_MEGABYTES, memory_estimate
from processing.reach import at_limit
from processing.recipe import Recipe
from processing.recipe.model import DEFAULT_PIXELS, Format
from processing.sandbox import Children, MemoryBudget, Renderer, Renderers
from processing.sandbox import Image as File
from processing.sandbox.capacity import TimeBudget, capacity
from tests.corpus.gain_maps import COLORED, iso_segment, map_file, with_pictures
from tests.sandbox.conftest import animation, picture

TILED = Path(__file__).parents[1] / "imaging" / "golden" / "tiled.heic"
PLANES = {"8 bits 4:2:0": 1.5, "10 bits 4:2:0": 3.0, "8 bits 4:4:4": 3.0, "10 bits 4:2:2": 4.0}  # bytes a pixel
CASES = {
    "small JPEG": partial(picture, size=(640, 480)),
    "12 MP JPEG": partial(picture, size=(4000, 3000)),
    "48 MP JPEG": partial(picture, size=(8000, 6000)),
    "12 MP progressive JPEG": partial(picture, size=(4000, 3000), progressive=True),
    "24 MP progressive JPEG, not subsampled": partial(picture, size=(6000, 4000), progressive=True, subsampling=0),
    "12 MP JPEG with a map as large": lambda: with_map((4000, 3000)),
    "12 MP JPEG with a map of the most bytes": lambda: with_map((1000, 750), padding=reading.MOST_BYTES // 65_000 - 1),
    "small JPEG with a map of the most bytes": lambda: with_map(
        (320, 240), (640, 480), padding=reading.MOST_BYTES // 65_000 - 1
    ),
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


def with_map(size: tuple[int, int], of: tuple[int, int] = (4000, 3000), *, padding: int = 0, **options: Any) -> bytes:
    """A picture with a gain map in three channels."""
    second = map_file(
        Image.new("RGB", size, (0, 50, 100)), iso_segment(COLORED), *[(0xE5, bytes(65_000))] * padding, **options
    )
    assert padding == 0 or reading.MOST_BYTES - 200_000 < len(second) <= reading.MOST_BYTES
    return with_pictures(picture(size=of), second)


Estimate = Callable[[bytes], float]


class Counting(Renderer):
    """Counts the tries."""

    tries = 0

    def render(self, *args: Any, **options: Any) -> Rendered:
        self.tries += 1
        return super().render(*args, **options)


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


@pytest.mark.parametrize(
    ("output", "make"),
    [
        ("avif", partial(picture, size=(4000, 3000))),
        ("avif", partial(picture, (0, 50, 50, 99), size=(2000, 1500), mode="RGBA", kind="PNG")),
        ("webp", partial(picture, (0, 50, 50, 99), size=(4000, 3000), mode="RGBA", kind="PNG")),
        ("avif", partial(animation, "WEBP", frames=8, size=(600, 450))),
        ("gif", partial(animation, "AVIF", frames=8, size=(1200, 900))),
    ],
    ids=["AVIFs of 12 MP", "AVIFs with alpha", "WebPs with alpha", "animated AVIFs", "of an animated AVIF"],
)
def test_an_encoder_needs_no_more_than_was_estimated_for_its_format(
    recipe: Recipe, output: Format, make: Callable[[], bytes]
) -> None:
    written = replace(recipe, variants=tuple(replace(spec, format=output) for spec in recipe.variants))
    renderer = Renderer(Children(written, environ=os.environ))
    renderer.wait_until_started()
    image = File.of(make())
    try:
        renderer.render(image, megabytes=renderer.estimate(image, seconds=30), seconds=30)
    finally:
        renderer.close()


@pytest.mark.parametrize(
    ("header", "output", "peak"),
    [
        (Header("jpeg", "RGB", 3464, 3464, 1), "avif", 205),
        (Header("png", "RGBA", 3464, 3464, 1), "avif", 258),
        (Header("png", "RGBA", 3464, 3464, 1), "webp", 218),
        (Header("avif", "RGB", 1825, 1368, 24), "keep", 499),
        (Header("avif", "RGBA", 1825, 1368, 24), "keep", 675),
        (Header("avif", "RGBA", 2581, 1937, 12), "keep", 664),
        (Header("avif", "RGBA", 1414, 1061, 8), "keep", 330),
        (Header("webp", "RGBA", 2828, 2121, 8, copied_bytes=31_100_000), "avif", 600),
        (Header("webp", "RGBA", 1414, 1061, 8, copied_bytes=9_600_000), "avif", 311),
    ],
)
def test_what_an_encoder_took_is_estimated(header: Header, output: Format, peak: int, recipe: Recipe) -> None:
    """In the way of `python -m bench.memory --format`, in megabytes."""
    written = replace(recipe, variants=tuple(replace(spec, format=output) for spec in recipe.variants))

    assert memory_estimate(header, written) >= peak


def test_a_progressive_jpeg_is_dearer(recipe: Recipe) -> None:
    header = Header("jpeg", "RGB", 4000, 3000, 1, progressive=False)

    held = replace(header, progressive=True, decoder_bytes=6.0)

    assert memory_estimate(held, recipe) > 1.1 * memory_estimate(header, recipe)


def test_a_gain_map_counts_where_it_takes_more_than_its_picture(recipe: Recipe) -> None:
    header = Header("jpeg", "RGB", 4000, 3000, 1, progressive=False)
    gray = Header("jpeg", "L", 1000, 750, 1, progressive=False)
    large = Header("jpeg", "RGB", 5600, 4200, 1, progressive=True, decoder_bytes=6.0)

    assert memory_estimate(replace(header, gain_map=gray), recipe) == memory_estimate(header, recipe)
    assert memory_estimate(replace(header, gain_map=large), recipe) > 1.5 * memory_estimate(header, recipe)


def test_a_tiled_heic_of_12_megapixels_renders_at_its_estimate_every_time(estimate: Estimate) -> None:
    """With threads of its own, each with a stack and a heap, its decoder failed every other time."""
    data = TILED.read_bytes()

    prices = [estimate(data) for _ in range(8)]

    assert len(set(prices)) == 1
    assert prices[0] < 200


def test_a_heic_among_nine_jpegs_renders_at_the_first_try_and_so_do_they(recipe: Recipe) -> None:
    batch = [*(picture(size=(4000, 3000)) for _ in range(4)), TILED.read_bytes()]
    batch += [picture(size=(4000, 3000)) for _ in range(5)]
    room = capacity(1769)
    renderers = Renderers(
        [renderer := Counting(Children(recipe, environ=os.environ, kept=room.kept))],
        recipe,
        memory=MemoryBudget(room.rendering),
        budget=TimeBudget(30),
    )

    with ThreadPoolExecutor(room.threads) as threads:
        made = list(threads.map(lambda data: renderers.render(data, recipe), batch))
    renderers.close()

    assert renderer.tries == len(batch)
    assert [each.source.image_format for each in made] == ["jpeg"] * 4 + ["heic"] + ["jpeg"] * 5


@pytest.mark.parametrize("kind", [*DEFAULT_PIXELS, "frames"])
def test_a_picture_at_a_default_limit_fits_a_function_of_1769_megabytes(recipe: Recipe, kind: str) -> None:
    for header in at_limit(kind, recipe.limits):
        assert memory_estimate(header, recipe) <= capacity(1769).rendering, header


def test_a_body_at_the_default_limit_fits_a_function_of_1769_megabytes(recipe: Recipe) -> None:
    assert recipe.limits.max_bytes <= capacity(1769).largest_body


def test_a_long_animation_of_small_frames_is_cheap(recipe: Recipe) -> None:
    """Its variants are equal, so one is made, of one byte a pixel."""
    header = Header("gif", "P", 480, 360, 300)

    assert memory_estimate(header, recipe) < 150


@pytest.mark.parametrize(
    ("header", "peak"),
    [
        (Header("png", "LA", 8944, 8944, 1), 928),
        (Header("png", "P", 8944, 8944, 1, is_keyed=True), 770),
        (Header("png", "RGB", 1527, 1146, 40), 612),
        (Header("png", "RGBA", 1527, 1146, 40), 682),
        (Header("png", "RGB", 305, 229, 1000), 334),
        (Header("png", "RGBA", 305, 229, 1000), 432),
        (Header("png", "RGBA", 270, 203, 1000), 367),
    ],
    ids=[
        "gray with alpha",
        "palette, keyed",
        "40 frames",
        "40 frames, alpha",
        "1,000 frames",
        "1,000 frames, alpha",
        "1,000 frames, 55 MP",
    ],
)
def test_what_took_too_long_to_render_here_is_estimated_above_its_measured_peak(
    header: Header, peak: int, recipe: Recipe
) -> None:
    """By `python -m bench.memory`, in megabytes."""
    assert memory_estimate(header, recipe) >= peak


def test_a_transparent_color_is_as_dear_as_an_alpha_channel(recipe: Recipe) -> None:
    header = Header("png", "RGB", 4000, 3000, 1)

    assert memory_estimate(replace(header, is_keyed=True), recipe) == memory_estimate(
        replace(header, mode="RGBA"), recipe
    )


@pytest.mark.parametrize(
    ("make", "held"),
    [
        (partial(picture, progressive=True), 3.0),
        (partial(picture, progressive=True, subsampling=0), 6.0),
        (partial(picture, (0, 50, 50, 0), mode="CMYK", progressive=True), 8.0),
        (picture, 0.0),
    ],
)
def test_the_coefficients_of_a_jpeg_are_known_from_its_sampling(
    recipe: Recipe, make: Callable[[], bytes], held: float
) -> None:
    header = inspect(make(), recipe.limits)

    assert (header.decoder_bytes, header.progressive) == (held, held > 0)


@pytest.mark.parametrize("planes", PLANES.values(), ids=PLANES)
def test_a_heic_at_its_limit_fits_a_function_of_1769_memory_estimate(recipe: Recipe, planes: float) -> None:
    header = Header("heic", "RGB", DEFAULT_PIXELS["heic"] // 5000, 5000, 1, progressive=False, decoder_bytes=planes)

    assert memory_estimate(header, recipe) < capacity(1769).rendering


def test_a_deeper_or_less_subsampled_heic_is_dearer(recipe: Recipe) -> None:
    header = Header("heic", "RGB", 4000, 3000, 1, progressive=False, decoder_bytes=1.5)

    assert memory_estimate(replace(header, decoder_bytes=3.0), recipe) > 1.1 * memory_estimate(header, recipe)
