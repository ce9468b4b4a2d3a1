"""What the environment tells, and every fault in it at once."""

import pytest

from processing.errors import Misconfigured
from processing.settings import Settings

GOOD = {
    "UPLOADS_BUCKET": "uploads",
    "UPLOADS_PREFIX": "images/",
    "VARIANTS_BUCKET": "variants",
    "IMAGES_TABLE": "images",
    "QUEUE_URL": "http://127.0.0.1/queue",
    "MAX_RECEIVE_COUNT": "5",
    "FUNCTION_TIMEOUT": "60",
    "TRY_SECONDS": "15",
    "LEASE_SECONDS": "90",
    "REMOVALS": "true",
    "CODE_VERSION": "c0de",
    "LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "RENDERING": "in-process",
}
OPTIONAL = {"UPLOADS_PREFIX", "REMOVALS", "LOG_LEVEL", "RENDERING"}


def test_good_settings_are_read() -> None:
    settings = Settings.from_mapping(GOOD)

    assert (settings.uploads_bucket, settings.uploads_prefix, settings.variants_bucket) == (
        "uploads",
        "images/",
        "variants",
    )
    assert (settings.max_receive_count, settings.function_timeout, settings.lease_seconds) == (5, 60, 90)
    assert settings.try_seconds == 15
    assert (settings.removals, settings.log_level) == (True, "DEBUG")
    assert (settings.memory, settings.rendering) == (1769, "in-process")


def test_what_has_a_default_may_be_left_out() -> None:
    rest = {name: value for name, value in GOOD.items() if name not in OPTIONAL}

    settings = Settings.from_mapping(rest)

    assert (settings.uploads_prefix, settings.removals, settings.log_level) == ("", False, "INFO")
    assert settings.rendering == "sandbox"


def test_cpus_are_those_that_are_set() -> None:
    assert Settings.from_mapping(GOOD).cpus is None
    assert Settings.from_mapping(GOOD | {"CPUS": "0.5"}).cpus == 0.5
    with pytest.raises(Misconfigured, match=r"CPUS: 0 must be at least 0\.1"):
        Settings.from_mapping(GOOD | {"CPUS": "0"})


def test_every_missing_setting_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as error:
        Settings.from_mapping({})

    named = {fault.split(":")[0] for fault in error.value.faults}
    assert named == set(GOOD) - OPTIONAL


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MAX_RECEIVE_COUNT", "many", "MAX_RECEIVE_COUNT: 'many' is not a number"),
        ("MAX_RECEIVE_COUNT", "0", "MAX_RECEIVE_COUNT: 0 must be at least 1"),
        ("FUNCTION_TIMEOUT", "nan", "FUNCTION_TIMEOUT: nan must be at least 1"),
        ("LEASE_SECONDS", "inf", "LEASE_SECONDS: inf must be at least 1"),
        ("LEASE_SECONDS", "60", "LEASE_SECONDS: 60 must exceed FUNCTION_TIMEOUT 60"),
        ("TRY_SECONDS", "0", "TRY_SECONDS: 0 must be at least 1"),
        ("TRY_SECONDS", "31", "TRY_SECONDS: 31 must be at most half of FUNCTION_TIMEOUT 60"),
        ("REMOVALS", "yes", "REMOVALS: 'yes' is not one of true, false"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: 'LOUD' is not one of"),
        ("RENDERING", "elsewhere", "RENDERING: 'elsewhere' is not one of sandbox, sandbox-only, in-process"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "64", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE: 64 must be at least 128"),
        ("UPLOADS_BUCKET", "", "UPLOADS_BUCKET: is not set"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(Misconfigured) as error:
        Settings.from_mapping(GOOD | {name: value})

    assert len(error.value.faults) == 1
    assert error.value.faults[0].startswith(says)
