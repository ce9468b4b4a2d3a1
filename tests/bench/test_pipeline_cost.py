"""The cost of a million images follows the price list."""

import pytest

from bench.pipeline.cost import cost, gb_seconds

REQUESTS = {"S3 GetObject": 1.0, "S3 PutObject": 3.0, "S3 HeadObject": 1.0, "DynamoDB UpdateItem": 2.0}


def test_a_batch_is_billed_in_whole_milliseconds_of_all_its_memory() -> None:
    assert gb_seconds(batch_seconds=1.0, batch=10, memory=1024) == pytest.approx(100_000)
    assert gb_seconds(batch_seconds=0.0001, batch=1, memory=2048) == pytest.approx(2_000)


def test_a_larger_batch_of_the_same_time_costs_less_for_each_image() -> None:
    small, large = (cost(batch_seconds=1, batch=n, memory=1769, requests=REQUESTS, logged=0) for n in (5, 10))

    assert large.compute == pytest.approx(small.compute / 2)
    assert large.invocations == pytest.approx(small.invocations / 2)


def test_every_part_follows_the_price_list() -> None:
    found = cost(batch_seconds=1.0, batch=10, memory=1024, requests=REQUESTS, logged=1 << 10)

    assert found.compute == pytest.approx(1.66667)  # 100,000 GB-s
    assert found.invocations == pytest.approx(0.02)  # 100,000 of them
    assert found.s3 == pytest.approx(15.80)  # 3 PUT, 1 GET, 1 HEAD
    assert found.dynamodb == pytest.approx(1.25)  # 2 writes
    assert found.sqs == pytest.approx(0.48)  # sent one by one, received and deleted by tens
    assert found.logs == pytest.approx(0.5 * 1e6 / (1 << 20))
    assert found.total == pytest.approx(1.66667 + 0.02 + 15.80 + 1.25 + 0.48 + 0.47684, abs=1e-3)


def test_a_request_without_a_price_is_an_error() -> None:
    with pytest.raises(KeyError, match="ListObjectsV2"):
        cost(batch_seconds=1, batch=1, memory=1024, requests={"S3 ListObjectsV2": 1.0}, logged=0)
