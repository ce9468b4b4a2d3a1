"""The same pixels as another engine: libvips, with its own decoders, its own arithmetic of alpha and of orientation.

Pillow and libvips both leave profiles to Little CMS; what sRGB is to come of Adobe RGB and Display P3 is therefore
also worked out here by hand. A bound is the largest mean and the largest single difference, in levels of 255.
"""

import pytest
import pyvips
from PIL import Image

from processing.recipe import Color
from tests.corpus import ORIENTED, oriented, sample, samples
from tests.corpus.profiles import adobe_rgb, display_p3, srgb_to_linear
from tests.corpus.samples import saved
from tests.imaging.making import difference, in_color, made, opened

EXACT = (0, 0)  # the same decoder, or arithmetic in whole numbers that has one right answer
ROUNDED = (0.02, 1)  # one engine converts from sRGB to sRGB, and is a level off here and there
MANAGED = (0.15, 2)  # a conversion by a profile: in 8 bits here, in 16 bits or floating point there
AV1 = (1.0, 2)  # YCbCr to RGB by libavif here, by libheif there: whole areas can be rounded to the next level

BOUNDS = {
    "jpeg-baseline": EXACT,
    "jpeg-progressive": EXACT,
    "jpeg-subsampled": EXACT,
    "jpeg-gray": EXACT,
    "jpeg-gray-profile": MANAGED,
    "jpeg-cmyk-profile": MANAGED,
    "jpeg-adobe-rgb": MANAGED,
    "jpeg-p3": MANAGED,
    "jpeg-srgb": ROUNDED,
    "jpeg-mpo": EXACT,
    "jpeg-gain-map": EXACT,
    "png-rgb": ROUNDED,
    "png-alpha": EXACT,
    "png-gray": EXACT,
    "png-gray-alpha": EXACT,
    "png-bit": EXACT,
    "png-palette": ROUNDED,
    "png-palette-alpha": EXACT,
    "png-color-key-alpha": ROUNDED,
    "png-interlaced": EXACT,
    "png-interlaced-alpha": EXACT,
    "png-deep": EXACT,
    "png-deep-alpha": EXACT,
    "png-deep-gray": EXACT,
    "png-deep-gray-alpha": EXACT,
    "gif-still": EXACT,
    "gif-alpha": EXACT,
    "webp-lossy": ROUNDED,
    "webp-lossless": ROUNDED,
    "webp-alpha": EXACT,
    "avif-still": AV1,
    "avif-alpha": AV1,
    "tiff-rgb": EXACT,
    "tiff-alpha": EXACT,
    "tiff-lzw": EXACT,
    "tiff-jpeg": EXACT,
    "tiff-cmyk-profile": MANAGED,
    "tiff-palette": EXACT,
    "tiff-bit": EXACT,
    "tiff-deep-gray": EXACT,
    "tiff-pages": EXACT,
}


def by_vips(data, scale=1.0):
    """A picture as libvips shows it: turned upright, scaled, then in sRGB of 8 bits, in RGB or RGBA."""
    image = pyvips.Image.new_from_buffer(data, "").autorot()
    if scale < 1:
        image = image.resize(scale, kernel="lanczos3")
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
    image = image.colourspace("srgb").cast("uchar", shift=image.format == "ushort")
    return as_pillow(image)


def as_pillow(image):
    mode = {3: "RGB", 4: "RGBA"}[image.bands]
    return Image.frombytes(mode, (image.width, image.height), image.write_to_memory())


def ours(data, **settings):
    return in_color(made(data, format="png", **settings).data)


def visible(image):
    """Colors weighed by their alpha: what is under a clear pixel is nobody's business."""
    return Image.merge("RGBA", image.convert("RGBa").split())


def apart(one, other):
    if "RGBA" in (one.mode, other.mode):
        one, other = visible(one.convert("RGBA")), visible(other.convert("RGBA"))
    return difference(one, other)


def within(found, bound):
    return found[0] <= bound[0] and found[1] <= bound[1]


@pytest.mark.parametrize("name", BOUNDS)
def test_the_pixels_are_those_of_libvips(name):
    data = sample(name).data

    assert within(apart(ours(data), by_vips(data)), BOUNDS[name])


def test_every_still_sample_that_libvips_reads_the_same_way_is_compared():
    """Of the others, AVIF with subsampled color is upsampled smoothly here and in blocks there."""
    elsewhere = {"jpeg-cmyk", "tiff-cmyk", "avif-subsampled", "bmp-rgb", "bmp-palette"}

    assert {each.name for each in samples() if not each.moves} - BOUNDS.keys() == elsewhere


UNCONVERTED = ["jpeg-gray-profile", "jpeg-cmyk-profile", "jpeg-adobe-rgb", "jpeg-p3", "tiff-cmyk-profile"]


@pytest.mark.parametrize("name", [*UNCONVERTED, "png-deep-gray", "tiff-deep-gray", "png-alpha"])
def test_the_bounds_would_not_let_an_unconverted_picture_pass(name):
    """What comes of a file when Pillow alone turns it into RGB."""
    unconverted = opened(sample(name).data).convert("RGB")

    found = apart(unconverted, by_vips(sample(name).data))

    mean, largest = BOUNDS[name]
    assert found[0] > 10 * max(mean, 0.1)
    assert found[1] > 4 * max(largest, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", sorted(ORIENTED.keys() - {"tiff"}))
def test_all_orientations_are_those_of_libvips(image_format, orientation):
    data = oriented(image_format, orientation).data

    assert within(apart(ours(data), by_vips(data)), AV1 if image_format == "avif" else ROUNDED)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_bounds_would_not_let_a_picture_pass_that_was_not_turned(orientation):
    data = oriented("jpeg", orientation).data
    stored, shown = opened(data).convert("RGB"), by_vips(data)

    assert stored.size != shown.size or not within(apart(stored, shown), (10 * ROUNDED[0], 20))


@pytest.mark.parametrize("name", ["jpeg-cmyk", "tiff-cmyk"])
def test_inks_without_a_profile_are_mixed_as_browsers_mix_them(name):
    """CSS Color 4, section 10.2: red is (1 - cyan)(1 - black); libvips has a press profile of its own for these."""
    picture = opened(sample(name).data)
    mixed = Image.new("RGB", picture.size)
    inks = picture.get_flattened_data()
    mixed.putdata([tuple(round((255 - ink) * (255 - black) / 255) for ink in cmy) for *cmy, black in inks])

    assert difference(ours(sample(name).data), mixed)[1] <= 1


@pytest.mark.parametrize("name", ["jpeg-adobe-rgb", "jpeg-p3"])
@pytest.mark.parametrize("color", [(200, 150, 120), (128, 128, 128), (90, 140, 160), (30, 40, 35), (250, 250, 250)])
def test_a_color_becomes_what_its_profile_makes_of_it_on_paper(name, color):
    """IEC 61966-2-1 and the primaries of Adobe RGB and P3, worked out without any profile."""
    profile = {"jpeg-adobe-rgb": adobe_rgb, "jpeg-p3": display_p3}[name]()
    original = saved(Image.new("RGB", (8, 8), color), "PNG", icc_profile=profile)
    if name == "jpeg-adobe-rgb":
        linear = [(value / 255) ** (563 / 256) for value in color]
        matrix = [(1.39836, -0.39836, 0.0), (0.0, 1.0, 0.0), (0.0, -0.04293, 1.04293)]
    else:
        linear = [srgb_to_linear(value / 255) for value in color]
        matrix = [(1.22494, -0.22494, 0.0), (-0.04206, 1.04206, 0.0), (-0.01964, -0.07864, 1.09828)]
    expected = [encoded(sum(a * b for a, b in zip(row, linear, strict=True))) for row in matrix]

    found = ours(original).getpixel((4, 4))

    assert all(abs(a - b) <= 1.5 for a, b in zip(found, expected, strict=True))


def encoded(linear):
    """sRGB's transfer function, to 0 to 255."""
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


TRANSPARENT = ["png-alpha", "png-gray-alpha", "png-palette-alpha", "png-deep-alpha", "webp-alpha", "tiff-alpha"]
BACKGROUND = Color(30, 90, 200)
JPEGS = (1.0, 6)  # both through libjpeg at quality 100, from pixels that are a level apart: in Y, in Cb and in Cr


@pytest.mark.parametrize("name", TRANSPARENT)
def test_what_is_transparent_is_laid_on_the_background_as_libvips_lays_it(name):
    data = sample(name).data
    flat = vips_rgba(data).flatten(background=list(BACKGROUND[:3])).cast("uchar")
    expected = opened(saved(as_pillow(flat), "JPEG", quality=100))

    found = opened(made(data, format="jpeg", quality=100, background=BACKGROUND).data)

    dropped = opened(saved(as_pillow(vips_rgba(data)).convert("RGB"), "JPEG", quality=100))
    assert within(difference(found.convert("RGB"), expected), JPEGS)
    assert difference(dropped, expected)[0] > 10


def vips_rgba(data):
    image = pyvips.Image.new_from_buffer(data, "").colourspace("srgb")
    return image.cast("uchar", shift=image.format == "ushort")


RESIZED = (0.8, 12)  # Lanczos over eight pixels here, in fixed point there, which differ most at hard edges


def test_colors_do_not_bleed_out_of_what_is_transparent_when_it_is_made_smaller():
    """A red disc on transparent green: an engine that does not weigh by alpha leaves a green rim."""
    disc = Image.radial_gradient("L").resize((240, 160)).point(lambda level: 255 if level < 120 else 0)
    original = Image.new("RGBA", disc.size, (0, 255, 0, 0))
    original.paste((255, 0, 0, 255), mask=disc)

    found = ours(saved(original, "PNG"), width=60)

    blind = Image.merge("RGBA", [band.resize((60, 40), Image.Resampling.LANCZOS) for band in original.split()])
    scaled = as_vips(original).premultiply().resize(0.25, kernel="lanczos3").unpremultiply()
    expected = as_pillow((scaled > 255).ifthenelse(255, (scaled < 0).ifthenelse(0, scaled + 0.5)).cast("uchar"))
    assert within(apart(found, expected), RESIZED)
    assert not within(apart(blind, expected), RESIZED)
    assert all(red >= green for red, green, _, alpha in found.get_flattened_data() if alpha > 8)


@pytest.mark.parametrize("name", ["jpeg-baseline", "jpeg-cmyk-profile", "jpeg-adobe-rgb", "png-deep", "tiff-rgb"])
def test_a_smaller_picture_is_that_of_libvips_too(name):
    data = sample(name).data

    assert within(apart(ours(data, width=48), by_vips(data, scale=0.5)), RESIZED)


def as_vips(image):
    bands = len(image.getbands())
    return pyvips.Image.new_from_memory(image.tobytes(), *image.size, bands, "uchar").copy(interpretation="srgb")
