"""Animations as Chromium plays them: its frames are ours, and a variant of the same size plays as its original does."""

from itertools import groupby

import pytest
from PIL import Image, ImageChops, ImageStat

from processing.imaging import avif
from tests.corpus.pictures import scene
from tests.corpus.random_animations import animation
from tests.corpus.samples import film, saved
from tests.imaging.making import Played, decoded, made
from tests.imaging.test_composition import CASES

pytest.importorskip("playwright", reason="THE PAGE IS NOT TESTED: pip install -r requirements-dev.txt")

from tests.imaging.chromium import player

FORMATS = ("png", "gif", "webp")
DECODED, RENDERED = 70, 20  # animations of each format by chance
ROUNDED = 3  # levels, where pixels are half transparent
LOSSY = 8  # levels of luma in the mean: the pictures are small and gaudy
OUTPUTS = [(source, output) for source in FORMATS for output in ("keep", "png", "webp", "avif") if source != output]


@pytest.fixture(scope="module")
def screen(browser):
    with player(browser) as screen:
        yield screen


def animations(image_format, count):
    """Numbers and animations of one format, by chance."""
    found = ((seed, animation(seed)) for seed in range(3 * count))
    return [(seed, each) for seed, each in found if each.image_format == image_format]


def apart(one, other):
    """The largest difference of two frames, in levels of what is seen of them."""
    bands = [Image.merge("RGBA", frame.convert("RGBa").split()) for frame in (one, other)]
    return max(high for _, high in ImageStat.Stat(ImageChops.difference(*bands)).extrema)


def luma_apart(one, other):
    ground = Image.new("RGBA", one.size, (128, 128, 128, 255))
    shown = [Image.alpha_composite(ground, frame).convert("L") for frame in (one, other)]
    return ImageStat.Stat(ImageChops.difference(*shown)).mean[0]


def differences(one, other, *, allowed, measure=apart, tolerance=1.0):
    """What is different between two animations, in words, one at a time; times may differ by a millisecond."""
    if len(one.frames) != len(other.frames):
        yield f"{len(one.frames)} frames, {len(other.frames)}"
    elif {frame.size for frame in one.frames} != {frame.size for frame in other.frames}:
        yield "another size"
    else:
        largest = max(map(measure, one.frames, other.frames))
        if largest > allowed:
            yield f"{largest} levels"
        if len(one.frames) == 1:
            return
        if any(abs(a - b) > tolerance for a, b in zip(one.durations, other.durations, strict=True)):
            yield f"times: {one.durations}, {other.durations}"
        if one.plays != other.plays:
            yield f"{one.plays} plays, {other.plays}"


def merged(played):
    """The same, in which equal frames are one, as encoders store them."""
    runs = []
    for _, run in groupby(zip(played.frames, played.durations, strict=True), lambda each: key(each[0])):
        frames, durations = zip(*run, strict=True)
        runs.append((frames[0], sum(durations)))
    return Played([frame for frame, _ in runs], [time for _, time in runs], played.plays)


def key(frame):
    """Equal for frames that look the same."""
    return frame.convert("RGBa").tobytes()


@pytest.mark.parametrize("name", CASES)
def test_pixels_worked_out_by_hand_are_those_that_chromium_shows(screen, name):
    data, _ = CASES[name]

    shown = screen.shown(data, name.partition(",")[0])

    exact = 1 if "half transparent" in name else 0
    assert list(differences(decoded(data), shown, allowed=exact)) == []


@pytest.mark.parametrize("image_format", FORMATS)
def test_chromium_shows_the_frames_that_variants_are_made_of(screen, image_format):
    faults = [
        (seed, fault)
        for seed, each in animations(image_format, DECODED)
        for fault in differences(
            decoded(each.data), screen.shown(each.data, image_format), allowed=0 if each.is_exact else ROUNDED
        )
    ]

    assert faults == []


@pytest.mark.parametrize(("source", "output"), OUTPUTS)
def test_a_variant_of_the_same_size_plays_as_its_original_does(screen, source, output):
    faults = []
    for seed, each in animations(source, RENDERED):
        variant = made(each.data, format=output)
        before, after = screen.shown(each.data, source), screen.shown(variant.data, variant.format)
        if variant.format in ("webp", "avif"):
            faults += [(seed, fault) for fault in lossy_faults(before, after)]
        elif len(after.frames) > 1 or len(merged(before).frames) > 1:
            allowed = 0 if each.is_exact else ROUNDED
            faults += [(seed, fault) for fault in differences(merged(before), merged(after), allowed=allowed)]

    assert faults == []


def lossy_faults(before, after):
    """An encoder may have merged equal frames: then the time in all is compared."""
    if len(before.frames) == len(after.frames):
        yield from differences(before, after, allowed=LOSSY, measure=luma_apart)
    elif len(merged(before).frames) > len(after.frames):
        yield "frames are missing"
    elif len(after.frames) > 1 and (abs(sum(before.durations) - sum(after.durations)) > len(before.frames)):
        yield f"times: {before.durations}, {after.durations}"


@pytest.mark.parametrize("times", [0, 1, 2, 5])
@pytest.mark.parametrize("output", ["keep", "png", "webp"])
def test_an_avif_plays_as_often_and_as_long_in_every_format(screen, output, times):
    first, options = film(lambda shift: scene((64, 48), shift=shift))
    data = avif.finished(saved(first, "AVIF", **options), times)

    variant = made(data, format=output)

    before, after = screen.shown(data, "avif"), screen.shown(variant.data, variant.format)
    assert before.plays == decoded(data).plays == times
    assert list(differences(before, after, allowed=LOSSY, measure=luma_apart)) == []
