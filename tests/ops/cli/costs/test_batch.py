"""The seconds of a batch: by a formula, and by a simulation that shares none."""

import itertools

import pytest

from handlers import bootstrap
from ops.cli.costs import batch, cpu
from ops.cli.costs.batch import FunctionSettings, ImageSeconds, Latency, image_seconds
from ops.cli.costs.requests import first_upload, overwrite, repeated
from processing.sandbox.capacity import VCPU
from tests.ops.cli.costs.batch_simulation import RENDER, REQUEST, WAIT, simulate, steps_of

PHOTOS = {"small": (1.56, 0.19e6), "12 MP": (12.0, 3.6e6), "24 MP": (24.0, 5.6e6)}
SIZES = (1, 10, 14, 50, 100)


def image(kind, function, *, puts=3):
    megapixels, size = PHOTOS[kind]
    requests = first_upload(puts)
    return image_seconds(function, requests, variants=puts, megapixels=megapixels, original_bytes=size)


def simulated(kind, function, *, puts=3):
    seconds, latency = image(kind, function, puts=puts), function.latency
    steps = steps_of(
        rendering=seconds.rendering,
        requesting=seconds.requesting,
        s3=latency.s3,
        table=latency.s3 / batch.TABLE_SHARE,
        puts=puts,
        at_once=batch.VARIANTS_AT_ONCE,
    )
    steps.insert(steps.index((WAIT, latency.s3)), (WAIT, PHOTOS[kind][1] / latency.bytes_a_second))
    room = function.capacity
    return simulate([steps] * function.batch, threads=room.threads, renderers=room.renderers, vcpus=function.vcpus)


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("memory", [1024, VCPU, 3008])
@pytest.mark.parametrize("kind", PHOTOS)
def test_the_formula_is_within_a_tenth_of_the_simulation(kind, memory, architecture):
    for size, latency in itertools.product(SIZES, (0.02, 0.05, 0.1) if memory == VCPU else (0.02, 0.05)):
        function = FunctionSettings(memory, architecture, batch=size, latency=Latency(latency))

        assert function.batch_seconds(image(kind, function)) == pytest.approx(simulated(kind, function), rel=0.1), (
            size,
            latency,
        )


def test_requests_for_variants_side_by_side_wait_once(monkeypatch):
    one_by_one = FunctionSettings(batch=10)
    monkeypatch.setattr(batch, "VARIANTS_AT_ONCE", 1)
    before = one_by_one.batch_seconds(image("small", one_by_one, puts=9))
    monkeypatch.setattr(batch, "VARIANTS_AT_ONCE", 4)
    after = one_by_one.batch_seconds(image("small", one_by_one, puts=9))

    assert before - after == pytest.approx((9 - 3) * batch.S3_SECONDS)
    assert after == pytest.approx(simulated("small", one_by_one, puts=9), rel=0.1)


def test_the_simulation_does_what_can_be_reckoned_by_hand():
    alone = [(REQUEST, 1.0), (WAIT, 2.0), (RENDER, 3.0)]
    settings = {"threads": 2, "renderers": 1, "vcpus": 1.0}

    assert simulate([alone], **settings) == pytest.approx(6)
    assert simulate([alone], **settings | {"vcpus": 0.5}) == pytest.approx(10)
    # Both requests end after 2, both waits after 4, and one render follows the other
    assert simulate([alone] * 2, **settings) == pytest.approx(2 + 2 + 2 * 3)
    assert simulate([alone] * 2, **settings | {"renderers": 2, "vcpus": 2.0}) == pytest.approx(2 + 2 + 3)
    assert simulate([alone] * 2, **settings | {"threads": 1}) == pytest.approx(12)


def test_only_the_first_head_and_the_last_tail_of_a_busy_batch_are_paid_beyond_its_cpu():
    ten, fifty = (FunctionSettings(batch=size) for size in (10, 50))
    photo = image("12 MP", ten)

    assert ten.batch_seconds(photo) == pytest.approx(10 * photo.cpu + photo.waiting)
    assert fifty.batch_seconds(photo) == pytest.approx(50 * photo.cpu + photo.waiting)
    assert fifty.billed_seconds(photo) < ten.billed_seconds(photo)


def test_where_nothing_is_rendered_the_threads_wait_in_rounds():
    waits = ImageSeconds(waiting=0.3)

    assert FunctionSettings(batch=50).batch_seconds(waits) == pytest.approx(5 * 0.3)
    assert FunctionSettings(batch=50, memory=512).batch_seconds(waits) == pytest.approx(17 * 0.3)


def test_more_memory_is_more_cpu_for_many_images_and_none_for_one():
    photo = ImageSeconds(rendering=1.0)

    assert FunctionSettings(memory=2 * VCPU).batch_seconds(photo) == pytest.approx(5.5)  # and one more half of one
    assert FunctionSettings(memory=2 * VCPU, batch=1).batch_seconds(photo) == pytest.approx(1.0)
    assert FunctionSettings(memory=VCPU // 2, batch=1).batch_seconds(photo) == pytest.approx(2.0, rel=0.01)


def test_waits_follow_the_requests_and_the_bytes(monkeypatch):
    monkeypatch.setattr(batch, "VARIANTS_AT_ONCE", 1)
    latency, seconds = Latency(0.05, 100e6), 0.05
    table = 2 / batch.TABLE_SHARE

    assert latency.waits(first_upload(3), 10e6, variants=3) == pytest.approx((1 + 3 + 1 + table) * seconds + 0.1)
    assert latency.waits(overwrite(3), 0, variants=3) == pytest.approx((1 + 6 + 7 + table) * seconds)
    assert latency.waits(repeated(3), 0, variants=3) == pytest.approx((3 + table) * seconds)


def test_what_needs_no_variant_is_not_rendered():
    function = FunctionSettings()

    assert image_seconds(function, repeated(3), variants=3).rendering == 0
    assert image_seconds(function, repeated(3), variants=3).requesting == cpu.requesting(0) / 1000


def test_as_many_variants_are_sent_side_by_side_as_the_consumer_sends():
    assert bootstrap.IMAGE_REQUESTS == batch.VARIANTS_AT_ONCE
