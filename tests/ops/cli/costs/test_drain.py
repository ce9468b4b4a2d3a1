"""The hours of a full queue: by a formula, and by a simulation that shares none."""

from dataclasses import replace

import pytest

from ops.cli.costs.drain import WARM, AccountLimits, Workload, drain_seconds
from tests.ops.cli.costs.lambda_scaling import simulate

MILLION = 1_000_000
TEN = 10 * MILLION
NEW = AccountLimits()
WARMED = AccountLimits(warm=40_000)
SPLIT = AccountLimits(warm=40_000, prefixes=4)


def work(images, *, concurrency=5, batch=10, seconds=1.38, limits=NEW):
    return Workload(images, batch, seconds, concurrency, 2, limits=limits)


@pytest.mark.parametrize(
    ("images", "concurrency", "batch", "seconds", "limits"),
    [
        (MILLION, 5, 10, 1.38, AccountLimits()),
        (MILLION, 5, 50, 6.1, AccountLimits()),
        (MILLION, 100, 10, 1.38, AccountLimits()),
        (MILLION, 1000, 10, 1.38, AccountLimits()),  # the table binds
        (MILLION, 1000, 10, 1.38, WARMED),  # S3 binds
        (MILLION, 1000, 50, 6.1, SPLIT),  # the ramp binds
        (MILLION, 1000, 10, 1.38, AccountLimits(account=10)),  # a new account
        (MILLION // 20, 1000, 10, 3.3, SPLIT),  # all within the ramp
        (TEN, 100, 50, 6.1, AccountLimits()),
        (TEN, 1000, 10, 1.38, AccountLimits()),  # the table doubles, then S3 binds
        (TEN, 1000, 10, 1.38, AccountLimits(prefixes=4)),  # the table doubles
        (TEN, 1000, 50, 6.1, SPLIT),
        (TEN, 250, 10, 3.3, AccountLimits()),
    ],
)
def test_the_formula_is_within_a_tenth_of_the_simulation(images, concurrency, batch, seconds, limits):
    simulated = simulate(
        images=images,
        batch=batch,
        batch_seconds=seconds,
        concurrency=concurrency,
        writes=2,
        warm=limits.warm,
        account=limits.account,
        prefixes=limits.prefixes,
    )
    reckoned = drain_seconds(work(images, concurrency=concurrency, batch=batch, seconds=seconds, limits=limits))

    assert reckoned == pytest.approx(simulated, rel=0.1)


def test_a_concurrency_below_the_first_five_pollers_is_the_rate_from_the_start():
    assert drain_seconds(work(1000, concurrency=2, seconds=1.0)) == pytest.approx(1000 / 20)


def test_an_accounts_concurrency_binds_like_the_mappings():
    assert drain_seconds(work(MILLION, concurrency=1000, limits=AccountLimits(account=8))) == drain_seconds(
        work(MILLION, concurrency=8)
    )


def test_more_prefixes_and_fewer_requests_raise_what_s3_takes():
    one = work(MILLION, limits=WARMED)

    assert one.storage_rate == 2750  # 5,500 reads a second, two for each image
    assert replace(one, reads=1.0).storage_rate == 3500
    assert replace(one, puts=2.0).storage_rate == 1750
    assert replace(one, limits=SPLIT).storage_rate == 4 * 2750
    assert one.limits.warm > WARM
