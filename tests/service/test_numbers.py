"""The numbers that hang together, as they stand in the packaged template."""

import pytest

from handlers.clients import REQUEST_SECONDS
from processing.batch import BACKOFF, NOT_STARTED_JITTER
from processing.recipe import load
from processing.sandbox.capacity import LONGEST_TIMEOUT, RESERVE, SLOW, animation_seconds, capacity, rounds
from processing.settings import Settings
from tests.service.packaged_service import PROJECT, Package

OUTAGE = 3600  # seconds
NEW_ACCOUNT = 10  # concurrent executions, of all functions
DAY = 24 * 60 * 60
MAPPING = "ConsumerEventSourceMappingSQSUploadsQueue"


def test_the_function_has_one_cpu_and_the_runtime_the_package_is_made_for(default: Package) -> None:
    function = default.properties("ConsumerLambdaFunction")

    assert function["Handler"] == "handlers.consumer.handler"
    assert function["Runtime"] == "python3.13"
    assert function["MemorySize"] == 1769
    assert function["Timeout"] == 805
    assert function["Architectures"] == ["x86_64"]


def test_no_concurrency_is_reserved_for_throttled_invocations_would_kill_healthy_messages(default: Package) -> None:
    assert "ReservedConcurrentExecutions" not in default.properties("ConsumerLambdaFunction")


def test_a_message_stays_hidden_for_six_timeouts_and_the_window(default: Package, changed: Package) -> None:
    assert default.properties("UploadsQueue")["VisibilityTimeout"] == 6 * 805 + 1
    assert changed.properties("UploadsQueue")["VisibilityTimeout"] == 6 * 300 + 3


@pytest.mark.parametrize("which", ["default", "changed"])
def test_each_message_of_a_batch_can_have_its_try_and_one_of_them_a_second(
    which: str, request: pytest.FixtureRequest
) -> None:
    package: Package = request.getfixturevalue(which)
    function, told = package.properties("ConsumerLambdaFunction"), package.environment
    renderers = capacity(function["MemorySize"]).renderers
    seconds = float(told["TRY_SECONDS"])

    tries = rounds(package.properties(MAPPING)["BatchSize"], 1, renderers)
    assert tries * seconds + RESERVE + SLOW < function["Timeout"] <= LONGEST_TIMEOUT
    assert told["FUNCTION_TIMEOUT"] == str(function["Timeout"])
    assert (
        Settings.from_mapping(
            {name: value if isinstance(value, str) else "ref" for name, value in told.items()}
            | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["MemorySize"])}
        ).try_seconds
        == seconds
    )


def test_the_longest_animation_fits_into_a_try(default: Package) -> None:
    limits = load((PROJECT / "recipe.toml").read_text()).limits

    assert animation_seconds(1769, limits.max_pixels["animation"]) <= float(default.environment["TRY_SECONDS"])


def test_one_request_that_hangs_leaves_time_to_hand_the_batch_back() -> None:
    assert REQUEST_SECONDS < RESERVE


def test_what_is_handed_back_unstarted_is_back_before_a_killed_invocation_would_be(default: Package) -> None:
    assert default.properties("ConsumerLambdaFunction")["Timeout"] >= NOT_STARTED_JITTER
    assert default.properties("UploadsQueue")["VisibilityTimeout"] > NOT_STARTED_JITTER


def test_the_receives_outlast_an_outage_of_an_hour(default: Package) -> None:
    receives = int(default.environment["MAX_RECEIVE_COUNT"])

    assert sum(BACKOFF[: receives - 1]) >= OUTAGE > sum(BACKOFF[: receives - 2])


def test_a_message_is_tried_five_times_and_the_function_knows_which_is_the_last(
    default: Package, changed: Package
) -> None:
    for package, attempts in ((default, 5), (changed, 8)):
        redrive = package.properties("UploadsQueue")["RedrivePolicy"]

        assert redrive == {"deadLetterTargetArn": {"Fn::GetAtt": ["UploadsDlq", "Arn"]}, "maxReceiveCount": attempts}
        assert package.environment["MAX_RECEIVE_COUNT"] == str(attempts)


def test_a_dead_letter_is_kept_longer_than_its_message_could_wait(default: Package, changed: Package) -> None:
    for package, waiting, dead in ((default, 4, 14), (changed, 2, 9)):
        assert package.properties("UploadsQueue")["MessageRetentionPeriod"] == waiting * DAY
        assert package.properties("UploadsDlq")["MessageRetentionPeriod"] == dead * DAY


def test_the_lease_follows_the_timeout(default: Package, changed: Package) -> None:
    for package, timeout in ((default, 805), (changed, 300)):
        assert package.properties("ConsumerLambdaFunction")["Timeout"] == timeout
        assert package.environment["FUNCTION_TIMEOUT"] == str(timeout)
        assert int(package.environment["LEASE_SECONDS"]) == 5 * timeout


def test_the_mapping_takes_a_batch_at_once_and_hears_which_of_them_failed(default: Package) -> None:
    assert default.properties(MAPPING) == {
        "EventSourceArn": {"Fn::GetAtt": ["UploadsQueue", "Arn"]},
        "FunctionName": {"Fn::GetAtt": ["ConsumerLambdaFunction", "Arn"]},
        "Enabled": True,
        "BatchSize": 50,
        "MaximumBatchingWindowInSeconds": 1,
        "ScalingConfig": {"MaximumConcurrency": 5},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }  # and no FilterCriteria: a message that a filter does not match is deleted without a word


def test_the_mapping_follows_its_parameters(changed: Package) -> None:
    mapping = changed.properties(MAPPING)

    assert mapping["BatchSize"] == 4
    assert mapping["MaximumBatchingWindowInSeconds"] == 3
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 77}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_on_the_local_stage_nobody_but_the_local_runner_takes_messages(changed: Package) -> None:
    assert changed.properties(MAPPING)["Enabled"] is False


def test_the_queues_wait_for_messages_instead_of_asking_again_and_again(default: Package) -> None:
    assert default.properties("UploadsQueue")["ReceiveMessageWaitTimeSeconds"] == 20


def test_the_consumer_leaves_half_of_a_new_accounts_concurrency_to_the_api(default: Package) -> None:
    most = default.properties(MAPPING)["ScalingConfig"]["MaximumConcurrency"]

    assert most <= NEW_ACCOUNT / 2


def test_logs_are_not_kept_for_ever(default: Package, changed: Package) -> None:
    of_switches = {"ApiAccessLogGroup", "AnnouncerLogGroup", "EraserLogGroup"}
    for package, days, more in ((default, 30, set()), (changed, 90, of_switches)):
        groups = package.of_type("AWS::Logs::LogGroup")

        assert groups.keys() == {"ConsumerLogGroup", "ApiLogGroup"} | more
        assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}


def test_where_images_are_rendered_follows_its_parameter(default: Package, changed: Package) -> None:
    assert default.environment["RENDERING"] == "sandbox"
    assert changed.environment["RENDERING"] == "sandbox-only"


def test_memory_and_architecture_follow_their_parameters(changed: Package) -> None:
    function = changed.properties("ConsumerLambdaFunction")

    assert function["MemorySize"] == 3008
    assert function["Architectures"] == ["arm64"]
