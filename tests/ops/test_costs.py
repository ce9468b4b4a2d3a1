"""What images cost: the sums are held to what the prices and the measurements say, one by one."""

import pytest

from ops import costs
from ops.costs import Function, beyond_rendering, bill, bill_of_files, cpu_of

MILLION = 1_000_000


def test_half_a_second_on_arm_costs_what_the_readme_says():
    made = bill(MILLION, Function(architecture="arm64", batch=1), seconds=0.5, variants=3, uploads=True)

    assert made.dollars == pytest.approx(34, abs=1.5)
    assert made.by_service()["S3"] == pytest.approx(20.8)


def test_each_service_is_charged_for_what_an_image_asks_of_it():
    made = bill(MILLION, Function(batch=10), seconds=0.1, variants=3, uploads=True)

    assert {f"{line.service} {line.what}": round(line.units, 2) for line in made.lines} == {
        "Lambda GB-s": round(MILLION * 0.1 * 1769 / 1024, 2),
        "Lambda invocations": 100_000,
        "S3 PUT of originals": MILLION,
        "S3 PUT of variants": 3 * MILLION,
        "S3 GET and HEAD": 2 * MILLION,
        "SQS requests": 1_200_000,
        "DynamoDB writes": 2 * MILLION,
        "CloudWatch GB of logs": 0.56,
    }


def test_a_backfill_pays_neither_for_uploads_nor_for_a_message_at_a_time():
    with_uploads, without = (
        bill(MILLION, Function(), seconds=0.1, variants=3, uploads=uploads) for uploads in (True, False)
    )

    assert with_uploads.dollars - without.dollars == pytest.approx(5 + 0.9 * 0.4)


def test_a_measured_size_costs_what_was_measured_and_another_lies_between():
    for megapixels, milliseconds in costs.CPU:
        assert cpu_of(megapixels) == pytest.approx(beyond_rendering(megapixels) + milliseconds)

    assert cpu_of(2) < cpu_of(7) < cpu_of(12)
    assert cpu_of(48) < cpu_of(100)
    assert cpu_of(0.001) - beyond_rendering(0.001) == pytest.approx(cpu_of(0.25) - beyond_rendering(0.25))


def test_what_was_measured_stands_in_the_order_of_its_size():
    assert list(costs.CPU) == sorted(costs.CPU)


def test_the_pictures_take_longer_without_simd_and_the_requests_do_not():
    assert cpu_of(12, "arm64") - beyond_rendering(12) == pytest.approx(3 * (cpu_of(12) - beyond_rendering(12)))


def test_a_batch_waits_once_for_all_the_images_its_threads_have_at_a_time():
    alone, ten, few_threads = Function(batch=1), Function(batch=10), Function(batch=10, memory=512)

    assert alone.billed_seconds(100) == pytest.approx(0.1 + costs.WAIT)
    assert ten.billed_seconds(100) == pytest.approx(0.1 + costs.WAIT / 10)
    assert few_threads.rounds == 4


def test_more_memory_is_more_cpu():
    assert Function(memory=3538).billed_seconds(1000) == pytest.approx(0.5 + costs.WAIT / 10)


def test_hours_follow_the_concurrency_until_the_table_is_the_limit():
    slow, fast, endless = (
        bill(MILLION, Function(concurrency=at_once), seconds=0.1, variants=3, uploads=True)
        for at_once in (10, 100, 100_000)
    )

    assert slow.hours == pytest.approx(MILLION * 0.1 / 10 / 3600)
    assert fast.hours == pytest.approx(slow.hours / 10)
    assert endless.hours == pytest.approx(MILLION / 2000 / 3600)


def test_files_of_one_size_cost_what_as_many_images_of_that_size_do():
    size = round(12e6 * costs.BYTES_A_PIXEL)
    one_by_one = bill_of_files([size] * 50, Function(), variants=3, uploads=False)
    seconds = Function().billed_seconds(cpu_of(12))

    assert one_by_one.dollars == pytest.approx(bill(50, Function(), seconds=seconds, variants=3, uploads=False).dollars)


def test_no_files_cost_nothing():
    assert bill_of_files([], Function(), variants=3, uploads=False).dollars == 0
    assert bill_of_files([], Function(), variants=3, uploads=False).hours == 0
