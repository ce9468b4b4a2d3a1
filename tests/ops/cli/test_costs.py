"""What images cost: the sums are held to what the prices and the measurements say, one by one."""

import pytest

from ops.cli import costs
from ops.cli.costs import FunctionSettings, Requests, beyond_rendering, bill, bill_of_backfill, cpu_of, first_upload

MILLION = 1_000_000
UPLOADS = first_upload(3) * MILLION


def test_half_a_second_on_arm_costs_what_the_readme_says():
    made = bill(MILLION, FunctionSettings(architecture="arm64", batch=1), seconds=0.5, requests=UPLOADS, uploads=True)

    assert made.dollars == pytest.approx(34, abs=1.5)
    assert made.by_service()["S3"] == pytest.approx(20.8)


def test_each_service_is_charged_for_what_an_image_asks_of_it():
    made = bill(MILLION, FunctionSettings(batch=10), seconds=0.1, requests=UPLOADS, uploads=True)

    assert {f"{line.service} {line.what}": round(line.units, 2) for line in made.lines} == {
        "Lambda GB-s": round(MILLION * 0.1 * 1769 / 1024, 2),
        "Lambda invocations": 100_000,
        "S3 PUT of originals": MILLION,
        "S3 PUT of variants": 3 * MILLION,
        "S3 PUT refused": 0,
        "S3 GET": MILLION,
        "S3 HEAD": MILLION,
        "SQS requests": 1_200_000,
        "DynamoDB write units": 2 * MILLION,
        "CloudWatch GB of logs": 0.56,
    }


def test_a_backfill_pays_neither_for_uploads_nor_for_a_message_at_a_time():
    with_uploads, without = (
        bill(MILLION, FunctionSettings(), seconds=0.1, requests=UPLOADS, uploads=uploads) for uploads in (True, False)
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
    alone, ten, few_threads = (
        FunctionSettings(batch=1),
        FunctionSettings(batch=10),
        FunctionSettings(batch=10, memory=512),
    )

    assert alone.billed_seconds(100) == pytest.approx(0.1 + costs.WAIT)
    assert ten.billed_seconds(100) == pytest.approx(0.1 + costs.WAIT / 10)
    assert few_threads.rounds == 4


def test_more_memory_is_more_cpu():
    assert FunctionSettings(memory=3538).billed_seconds(1000) == pytest.approx(0.5 + costs.WAIT / 10)


def test_hours_follow_the_concurrency_until_the_table_is_the_limit():
    slow, fast, endless = (
        bill(MILLION, FunctionSettings(concurrency=at_once), seconds=0.1, requests=UPLOADS, uploads=True)
        for at_once in (10, 100, 100_000)
    )

    assert slow.hours == pytest.approx(MILLION * 0.1 / 10 / 3600)
    assert fast.hours == pytest.approx(slow.hours / 10)
    assert endless.hours == pytest.approx(MILLION / 2000 / 3600)


def test_hours_of_images_that_write_less_to_the_table_are_fewer():
    (first, again) = (
        bill(MILLION, FunctionSettings(concurrency=100_000), seconds=0.1, requests=each * MILLION, uploads=False)
        for each in (first_upload(3), costs.repeated(3))
    )

    assert again.hours == pytest.approx(first.hours / 2)


def test_requests_are_counted_by_variant():
    assert first_upload(3) == Requests(gets=1, puts=3, heads=1, writes=2)
    assert costs.overwrite(3) == Requests(gets=1, puts=3, refused=3, heads=7, writes=2)
    assert costs.repeated(3) == Requests(heads=3, writes=1)
    assert costs.removed(3) == Requests(heads=5, writes=2)
    assert costs.rebuilt(1, known=3, done=True) == Requests(gets=1, puts=1, heads=4, writes=3)


def test_files_of_one_size_cost_what_as_many_images_of_that_size_do():
    size = round(12e6 * costs.BYTES_A_PIXEL)
    one_by_one = bill_of_backfill([(size, first_upload(3))] * 50, FunctionSettings())
    seconds = FunctionSettings().billed_seconds(cpu_of(12))
    together = bill(50, FunctionSettings(), seconds=seconds, requests=first_upload(3) * 50, uploads=False)

    assert one_by_one.dollars == pytest.approx(together.dollars)


def test_a_file_that_needs_no_variant_costs_no_rendering():
    made, repeated = (
        bill_of_backfill([(10_000_000, requests)], FunctionSettings())
        for requests in (first_upload(3), costs.repeated(3))
    )

    assert repeated.seconds == pytest.approx(FunctionSettings().billed_seconds(costs.REQUESTS))
    assert repeated.seconds < made.seconds
    assert (made.made, repeated.made) == (1, 0)
    assert (repeated.requests()["S3 PUT of variants"], repeated.requests()["S3 HEAD"]) == (0, 3)


def test_no_files_cost_nothing():
    assert (bill_of_backfill([], FunctionSettings()).dollars, bill_of_backfill([], FunctionSettings()).hours) == (0, 0)
