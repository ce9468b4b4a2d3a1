"""What images cost once: each line has the units of what an image takes, and the price that is listed for it."""

import pytest

from ops.cli.costs import cpu
from ops.cli.costs.batch import FunctionSettings, image_seconds
from ops.cli.costs.bill import bill, bill_of_backfill
from ops.cli.costs.drain import AccountLimits
from ops.cli.costs.requests import Requests, first_upload, overwrite, rebuilt, removed, repeated
from ops.cli.prices import GB_SECOND, MILLION

UPLOADS = first_upload(3) * MILLION


def of_million(function=None, *, seconds=0.1, requests=UPLOADS, uploads=True, **more):
    return bill(
        MILLION,
        function or FunctionSettings(),
        seconds=seconds,
        requests=requests,
        variants=3,
        uploads=uploads,
        **more,
    )


def test_a_second_costs_a_fifth_less_on_arm64_and_nothing_else_does():
    x86_64, arm64 = (of_million(FunctionSettings(architecture=name)) for name in ("x86_64", "arm64"))

    assert arm64.lines[0].dollars == pytest.approx(0.8 * x86_64.lines[0].dollars, rel=1e-4)
    assert arm64.lines[1:] == x86_64.lines[1:]


def test_each_service_is_charged_for_what_an_image_requests_of_it():
    made = of_million()

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
    with_uploads, without = (of_million(uploads=uploads) for uploads in (True, False))

    assert with_uploads.dollars - without.dollars == pytest.approx(5 + 0.9 * 0.4)


def test_larger_batches_cost_fewer_invocations_and_requests_to_the_queue():
    ten, fifty = (of_million(FunctionSettings(batch=size)) for size in (10, 50))

    assert ten.dollars - fifty.dollars == pytest.approx(0.08 * 0.2 + 0.16 * 0.4)


def test_hours_follow_the_concurrency_until_the_account_s3_or_the_table_is_the_limit():
    few, many, most = (of_million(FunctionSettings(concurrency=at_once)) for at_once in (5, 50, 1000))
    account = of_million(FunctionSettings(concurrency=1000), limits=AccountLimits(account=5))
    by_storage = of_million(FunctionSettings(concurrency=1000), limits=AccountLimits(warm=40_000))

    assert few.hours == account.hours == pytest.approx(MILLION * 0.1 / 5 / 3600)
    assert many.hours == pytest.approx(few.hours / 10, rel=0.05)
    assert most.hours == pytest.approx(MILLION / 2000 / 3600, rel=0.1)
    assert by_storage.hours == pytest.approx((MILLION / 2750 + 60) / 3600, rel=0.05)  # a minute of ramp


def test_the_load_of_a_prefix_is_that_of_one_variant_and_of_the_original():
    first, over = (of_million(requests=each(3) * MILLION).work for each in (first_upload, overwrite))

    assert (first.puts, first.reads, first.writes) == (1, 2, 2)
    assert (over.puts, over.reads, over.writes) == (2, 1 + 4, 2)


def test_requests_are_counted_by_variant():
    assert first_upload(3) == Requests(gets=1, puts=3, heads=1, writes=2)
    assert overwrite(3) == Requests(gets=1, puts=3, refused=3, heads=7, writes=2)
    assert repeated(3) == Requests(heads=3, writes=1)
    assert removed(3) == Requests(heads=5, writes=2)
    assert rebuilt(1, known=3, done=True) == Requests(gets=1, puts=1, heads=4, writes=3)


def test_files_of_one_size_cost_what_as_many_images_of_that_size_do():
    function, size, requests = FunctionSettings(), round(cpu.bytes_of(12)), first_upload(3)
    one_by_one = bill_of_backfill([(size, requests)] * 50, function, variants=3)
    image = image_seconds(function, requests, variants=3, megapixels=12, original_bytes=size)
    together = bill(
        50, function, seconds=function.billed_seconds(image), requests=requests * 50, variants=3, uploads=False
    )

    assert one_by_one.dollars == pytest.approx(together.dollars)


def test_a_file_that_needs_no_variant_costs_no_rendering():
    function = FunctionSettings()
    made, again = (
        bill_of_backfill([(10_000_000, requests)], function, variants=3) for requests in (first_upload(3), repeated(3))
    )

    assert again.seconds == pytest.approx(function.billed_seconds(image_seconds(function, repeated(3), variants=3)))
    assert again.seconds < made.seconds
    assert (made.made, again.made) == (1, 0)
    assert (again.requests()["S3 PUT of variants"], again.requests()["S3 HEAD"]) == (0, 3)


def test_no_files_cost_nothing():
    made = bill_of_backfill([], FunctionSettings(), variants=3)

    assert (made.dollars, made.hours) == (0, 0)


def test_the_price_of_a_second_on_arm64_is_a_fifth_less():
    assert GB_SECOND["arm64"] / GB_SECOND["x86_64"] == pytest.approx(0.8, rel=1e-4)
