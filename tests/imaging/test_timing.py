"""The times of frames: kept as they are where a format can, otherwise in sum; and as long as browsers show them."""

import pytest
from PIL import Image

from processing.imaging import gif
from processing.imaging.timing import in_units
from tests.corpus import animations
from tests.corpus.animations import Frame
from tests.imaging.making import decoded, made

SOURCES = {"gif": (0, 10, 20, 70, 1000), "png": (0, 5, 10, 33, 1000), "webp": (0, 5, 10, 33, 1000)}
COLORS = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250))


def film(kind, times):
    """An animation whose frames all differ."""
    pictures = [Image.new("RGB", (16, 16), COLORS[number % 5]) for number in range(len(times))]
    if kind == "gif":
        frames = [Frame(picture.quantize(2), time=time // 10) for picture, time in zip(pictures, times, strict=True)]
        return animations.gif(frames, repeats=0)
    frames = [Frame(picture, time=time) for picture, time in zip(pictures, times, strict=True)]
    return animations.apng(frames) if kind == "png" else animations.webp(frames, size=(16, 16))


def is_ignored(time):
    """Whether browsers show such a frame for 100 ms instead."""
    return time <= 10


@pytest.mark.parametrize("output", ["keep", "png", "webp", "avif"])
@pytest.mark.parametrize("kind", SOURCES)
def test_every_time_is_kept(kind, output):
    times = SOURCES[kind]

    after = decoded(made(film(kind, times), format=output).data).durations

    shortest = 1 if output == "avif" else 0  # an AVIF has no frame without a time
    assert after == [max(time, shortest) for time in times]


def test_fractions_of_milliseconds_are_not_lost_in_sum():
    data = film("png", [(1, 30)] * 30)

    assert decoded(data).durations == pytest.approx([1000 / 30] * 30)
    assert sum(decoded(made(data, format="webp").data).durations) == 1000


def test_a_time_without_a_denominator_is_in_hundredths():
    assert decoded(film("png", [(7, 0), (7, 100)])).durations == [70, 70]


@pytest.mark.parametrize("time", [24, 25, 26, 33, 37])
def test_hundredths_of_a_second_have_the_same_sum(time):
    found = in_units([time] * 100, 10)

    assert abs(10 * sum(found) - 100 * time) <= 5
    assert {abs(10 * each - time) < 10 for each in found} == {True}


@pytest.mark.parametrize("unit", [1, 10])
@pytest.mark.parametrize("time", [0, 1, 4, 5, 6, 9, 10, 10.4, 11, 12, 14, 15, 16, 17, 19, 20, 21])
def test_a_time_that_browsers_ignore_stays_one_and_no_other_becomes_one(time, unit):
    found = in_units([time] * 50, unit)

    assert {is_ignored(each * unit) for each in found} == {is_ignored(time)}


def test_a_time_that_browsers_ignore_gets_nothing_from_the_one_before_it():
    assert in_units([25, 10], 10) == [2, 1]


def test_what_short_times_take_too_much_is_not_taken_from_a_long_one():
    assert in_units([12] * 100 + [1000], 10)[-1] == 100


@pytest.mark.parametrize(("time", "expected"), [(0, [0, 0]), (10, [10, 10]), (20, [40]), (400_000, [400_000] * 2)])
def test_equal_frames_of_a_gif_are_one_only_where_their_times_add_up(time, expected):
    indexer = gif.Indexer()
    frames = [indexer(Image.new("RGB", (8, 8), COLORS[0])) for _ in range(2)]

    assert decoded(gif.encode(frames, [time, time], 0)).durations == expected
