"""No variant takes more bytes than its original shows to be enough, and a smaller one not more than a larger one."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.sizes import measure
from processing.imaging import render
from processing.imaging.budget import Budget
from processing.imaging.coded import picture_alone
from processing.imaging.original import open_original
from processing.recipe import Watermark
from tests.corpus import profiles, sample
from tests.corpus.files import png
from tests.corpus.metadata import exif
from tests.corpus.pictures import cut_out, scene
from tests.corpus.samples import BUILDERS, film, saved
from tests.imaging.making import LIMITS, frames_of, made, opened, recipe, spec
from tests.imaging.test_coded import SURVIVES_NOWHERE
from tests.imaging.test_palette import sketch

THREE = recipe(*(spec(str(side), width=side, height=side, quality=82) for side in (80, 48, 24)))
SAMPLES = Path(__file__).parents[2] / "samples"
PHOTO = Image.open(SAMPLES / "rocket.jpg").convert("RGB")
PHOTO.info = {}


def sizes_of(data, variants):
    """The lengths of the variants that have the original's format, in the order of the recipe."""
    result = render(data, variants)
    return [len(each.data) for each in result.variants if each.format == result.source.image_format]


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {"png-alpha", "png-animated", "png-animated-alpha"}))
def test_no_variant_is_larger_than_its_original(name):
    data = sample(name).data

    assert max(sizes_of(data, THREE), default=0) <= len(data)


MARK = Watermark(text="M")
DRAWN = sketch((600, 450))
ORIGINALS = {
    "jpeg": lambda: saved(PHOTO, "JPEG", quality=60),
    "webp": lambda: saved(PHOTO, "WEBP", quality=60),
    "avif": lambda: saved(PHOTO, "AVIF", quality=40, speed=10, max_threads=1),
    "photograph": lambda: saved(PHOTO, "PNG", optimize=True),
    "drawing": lambda: saved(DRAWN, "PNG", optimize=True),
    "palette": lambda: saved(PHOTO.quantize(200), "PNG", optimize=True),
    "bit": lambda: saved(PHOTO.convert("1"), "PNG", optimize=True),
    "gif": lambda: saved(PHOTO.quantize(200), "GIF"),
}


@pytest.mark.parametrize(
    ("kind", "mark"),
    [*((kind, None) for kind in ORIGINALS), *((kind, MARK) for kind in ORIGINALS if kind not in ("drawing", "bit"))],
)
def test_a_smaller_variant_is_not_larger_than_a_larger_one(kind, mark):
    data = ORIGINALS[kind]()
    variants = recipe(*(spec(str(side), width=side, height=side, watermark=mark) for side in (800, 500, 400, 150)))

    sizes = [len(data), *sizes_of(data, variants)]

    assert sizes == sorted(sizes, reverse=True)


def test_a_mark_of_many_strokes_does_not_take_the_quality_of_the_picture():
    plain = saved(Image.new("RGB", (800, 600), "steelblue"), "JPEG", quality=60)

    variant = made(plain, watermark=Watermark(text="Example", scale=0.2, position="tile"))

    least = opened(saved(PHOTO, "JPEG", quality=round(0.6 * 82))).quantization
    assert opened(variant.data).quantization == least


def test_nor_is_one_of_the_samples():
    files = [SAMPLES / name for name in ("moose.webp", "astronaut-alpha.png", "cameraman-gray.png", "rocket.jpg")]

    found = list(measure(files, recipe(*(spec(str(side), width=side, height=side) for side in (1024, 480, 200)))))

    assert {each.name: list(each.faults()) for each in found} == {file.name: [] for file in files}


PHOTOS = {
    "jpeg": lambda quality, **options: saved(PHOTO, "JPEG", quality=quality, **options),
    "webp": lambda quality, **options: saved(PHOTO, "WEBP", quality=quality, **options),
    "avif": lambda quality, **options: saved(PHOTO, "AVIF", quality=quality, speed=10, max_threads=1, **options),
}


@pytest.mark.parametrize("quality", [20, 50, 70])
@pytest.mark.parametrize("image_format", PHOTOS)
def test_a_turned_original_of_a_low_quality_is_encoded_again(image_format, quality):
    data = PHOTOS[image_format](quality, exif=exif(6))
    result = render(data, recipe(*(spec(str(side), width=side, height=side, quality=90) for side in (640, 300, 150))))

    sizes = [len(data), *(len(each.data) for each in result.variants)]

    assert sizes == sorted(sizes, reverse=True)


def test_a_progressive_original_is_not_copied_and_not_outgrown():
    data = saved(PHOTO, "JPEG", quality=60, progressive=True)

    variant = made(data, quality=95)

    assert picture_alone("jpeg", data) is None
    assert len(variant.data) <= len(data)


def test_an_original_of_a_high_quality_gets_the_recipes():
    data = saved(PHOTO, "JPEG", quality=97)

    at_82 = opened(saved(PHOTO, "JPEG", quality=82))
    assert opened(made(data, quality=82).data).quantization == at_82.quantization


def test_the_limit_falls_with_the_size_and_depends_on_nothing_else():
    original = open_original(saved(PHOTO, "JPEG", quality=80, comment=b"x" * 9000), LIMITS)
    original.image.load()
    budget = Budget.of(original)

    whole = budget.whole
    assert whole < len(original.data) - 9000
    assert budget.limit((1280, 854)) == budget.limit(original.shown_size) == whole
    assert budget.limit((320, 214)) == pytest.approx(whole * 0.354, rel=0.01)
    assert budget.limit((3, 2)) == 1000


def test_a_variant_is_the_same_whichever_others_are_made():
    data = PHOTOS["jpeg"](40, exif=exif(3))

    everything = render(data, THREE).variants

    assert [render(data, THREE, only=[each.name]).variants[0] for each in everything] == list(everything)


UNTOUCHED = {
    "jpeg": saved(PHOTO, "JPEG", quality=50),
    "png": png(scene()),
    "webp": saved(PHOTO, "WEBP", quality=30),
    "gif": saved(sketch().quantize(20), "GIF"),
}


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_where_nothing_changed_the_coded_picture_is_published_if_it_is_shorter(image_format):
    data = UNTOUCHED[image_format]
    better: dict[str, Any] = {"effort": 0} if image_format == "png" else {"quality": 95}

    assert made(data, **better).data == picture_alone(image_format, data)


CHANGES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "crop": (saved(PHOTO, "JPEG", quality=50), {"width": 427, "height": 427, "fit": "cover"}),
    "smaller": (saved(PHOTO, "JPEG", quality=50), {"width": 600}),
    "canvas": (saved(PHOTO, "JPEG", quality=50), {"width": 700, "height": 700, "fit": "pad"}),
    "mark": (saved(PHOTO, "JPEG", quality=50), {"watermark": MARK}),
    "notice": (saved(PHOTO, "JPEG", quality=50, exif=exif()), {"metadata": "copyright"}),
    "orientation": (saved(PHOTO, "JPEG", quality=50, exif=exif(2)), {}),
    "profile": (saved(PHOTO, "JPEG", quality=50, icc_profile=profiles.adobe_rgb()), {}),
    "inks": (saved(PHOTO.convert("CMYK"), "JPEG", quality=10), {}),
    "more pictures": (saved(PHOTO, "MPO", save_all=True, append_images=[PHOTO], quality=50), {}),
    "16 bits": (png(scene(), deep=True), {"effort": 0}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_where_a_pixel_changed_it_is_not(change):
    data, settings = CHANGES[change]
    better: dict[str, Any] = {} if "effort" in settings else {"quality": 95}
    coded = picture_alone("png" if "effort" in settings else "jpeg", data)

    assert coded is not None
    assert made(data, **better, **settings).data != coded


@pytest.mark.parametrize("change", ["crop", "canvas", "smaller", "orientation"])
def test_and_its_pixels_are_those_of_the_steps(change):
    data, settings = CHANGES[change]

    variant = made(data, quality=95, **settings)

    assert (variant.width, variant.height) != PHOTO.size or variant.data != UNTOUCHED["jpeg"]


@pytest.mark.parametrize("place", ["behind a png's last row", "behind a webp's lossless pixels"])
def test_a_shorter_file_in_which_something_hides_is_not_published(place):
    data = SURVIVES_NOWHERE[place]
    settings: dict[str, Any] = {"effort": 0} if "png" in place else {"quality": 100}

    assert made(data, **settings).data != picture_alone("png" if "png" in place else "webp", data)


def test_keep_gives_avif_its_own_quality_and_jpeg_and_webp_the_recipes():
    avif = sample("avif-still").data

    assert made(avif, quality=95).data == made(avif).data
    assert len(made(avif, format="avif", quality=95).data) > len(made(avif, format="avif").data)
    for name in ("jpeg-baseline", "webp-lossy"):
        assert len(made(sample(name).data, quality=30).data) < len(made(sample(name).data).data)


def test_an_animation_gets_fewer_colors_where_it_must():
    first, options = film(lambda shift: sketch((200, 150)).rotate(shift, expand=False).quantize(8))
    data = saved(first, "GIF", **options)

    variant = made(data, width=190)

    assert len(frames_of(variant.data)) == 3
    assert len(frames_of(variant.data)[0].getcolors() or ()) in range(1, 9)
    assert len(variant.data) <= 1.2 * len(data)


@pytest.mark.parametrize("colors", [64, None])
def test_a_drawing_with_alpha_stays_within_its_bytes(colors):
    drawing = cut_out((300, 200))
    data = saved(drawing.quantize(colors) if colors else drawing, "PNG", optimize=True)

    assert len(made(data, width=280).data) <= len(data)
