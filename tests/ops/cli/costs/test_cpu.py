"""The CPU of an image: what was measured, what lies between, and what the other processor takes."""

import pytest

from ops.cli.costs import cpu
from ops.cli.costs.cpu import bytes_of, megapixels_of, rendering, requesting
from ops.cli.costs.encoding import extra_cpu
from ops.cli.recipes import read_recipe


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_a_measured_size_takes_what_was_measured_and_another_lies_between(architecture):
    for megapixels, milliseconds in cpu.PIXELS[architecture]:
        assert rendering(megapixels, 0, architecture) == pytest.approx(cpu.SPEED * milliseconds)

    assert rendering(2, 0, architecture) < rendering(7, 0, architecture) < rendering(12, 0, architecture)
    assert rendering(48, 0, architecture) < rendering(100, 0, architecture)
    assert rendering(0.001, 0, architecture) == rendering(0.25, 0, architecture)


def test_what_was_measured_stands_in_the_order_of_its_size():
    assert list(cpu.MEGAPIXELS) == sorted(cpu.MEGAPIXELS)


def test_a_photo_as_cameras_write_it_takes_a_fifth_to_a_third_more_than_the_soft_picture():
    """The picture of `bench.engine`, of 1.4 MB, and photos of 3 and of 4 MB."""
    soft = rendering(12, 1.4e6)

    assert rendering(12, 3e6) / soft == pytest.approx(1.21, abs=0.03)
    assert rendering(12, 4e6) / soft == pytest.approx(1.35, abs=0.03)
    assert 3e6 <= bytes_of(12) <= 4e6


def test_without_simd_a_photo_takes_two_to_three_times_the_cpu_and_its_requests_what_they_took():
    times = {
        megapixels: rendering(megapixels, size, "arm64") / rendering(megapixels, size)
        for megapixels, size in ((1.56, 0.19e6), (12, 2.9e6), (24, 5.6e6))
    }

    measured = {1.56: 2.3, 12: 3.1, 24: 2.2}
    assert times == {megapixels: pytest.approx(more, abs=0.1) for megapixels, more in measured.items()}


def test_beyond_its_rendering_an_image_takes_more_for_more_bytes():
    assert requesting(0) == cpu.SPEED * cpu.REQUESTS
    assert requesting(3e6) - requesting(0) == pytest.approx(cpu.SPEED * 3 * cpu.BODY)


def test_megapixels_and_bytes_follow_from_each_other():
    assert megapixels_of(bytes_of(7.5)) == pytest.approx(7.5)


@pytest.mark.parametrize("megapixels", [0.01, 0.25, 2, 12, 48])
def test_the_recipe_that_was_measured_takes_the_cpu_that_was_measured(megapixels):
    assert extra_cpu(read_recipe(), megapixels) == pytest.approx(0, abs=0.1)
