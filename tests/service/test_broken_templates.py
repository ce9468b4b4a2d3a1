"""A fault in the packaged service turns a gate red: each gate is called with a template, or a zip, that has it."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.service import test_access as access
from tests.service import test_numbers as numbers
from tests.service import test_package as contents
from tests.service import test_resources as resources
from tests.service.access import test_rights as rights
from tests.service.packaged_service import Package

Gate = Callable[..., None]


def broken(package: Package, change: Callable[[Package], object]) -> Package:
    """A copy of the package with a fault; ``change`` is done to what the copy has read."""
    copy = Package(package.folder)
    change(copy)
    return copy


def of(logical_id: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Package], object]:
    """Change the properties of a resource."""
    return lambda package: change(package.properties(logical_id))


def statement(logical_id: str, sid: str) -> Callable[[Package], object]:
    """Drop a statement of a resource's policy."""

    def drop(properties: dict[str, Any]) -> None:
        document = properties["PolicyDocument"]
        kept = [each for each in document["Statement"] if each["Sid"] != sid]
        assert len(kept) < len(document["Statement"])
        document["Statement"] = kept

    return of(logical_id, drop)


def widen(properties: dict[str, Any]) -> None:
    properties["Policies"][0]["PolicyDocument"]["Statement"][1]["Action"] = ["s3:GetObject", "s3:PutObject"]


def pattern(sid: str, ending: str, other: str) -> Callable[[Package], object]:
    """Have a pattern of the consumer's end in another way."""

    def change(properties: dict[str, Any]) -> None:
        statements = properties["Policies"][0]["PolicyDocument"]["Statement"]
        at = next(at for at, each in enumerate(statements) if each["Sid"] == sid)
        text = json.dumps(statements[at])
        assert f'{ending}"' in text
        statements[at] = json.loads(text.replace(f'{ending}"', f'{other}"'))

    return of("ConsumerRole", change)


def trust_somebody_else(properties: dict[str, Any]) -> None:
    properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"] = "999999999999"


def a_policy_beside_the_role(package: Package) -> None:
    policy = {"PolicyName": "more", "RoleName": {"Ref": "ConsumerRole"}, "PolicyDocument": {"Statement": []}}
    package.template["Resources"]["More"] = {"Type": "AWS::IAM::RolePolicy", "Properties": policy}


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda properties: properties.pop(name)


def setting(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda properties: properties.update(values)


MAPPING = numbers.MAPPING
MATRIX = rights.test_everybody_may_do_what_they_do_and_nothing_else
ZIP = contents.test_the_zip_has_the_code_the_recipe_and_what_they_import_and_nothing_else
FAULTS: dict[str, tuple[Callable[[Package], object], Gate]] = {
    "a widened role": (of("ConsumerRole", widen), MATRIX),
    "variants of one name": (pattern("PublishVariants", "/*", "/phone/*"), MATRIX),
    "variants of one extension": (pattern("PublishVariants", "/*", "/*.jpg"), MATRIX),
    "originals of one extension": (pattern("ReadOriginals", "/*", "/*.jpg"), MATRIX),
    "originals beside the prefix": (pattern("ReadOriginals", "/images/*", "/*"), MATRIX),
    "records beside the prefix": (pattern("KeepTheLedger", "/images/*", "/*"), MATRIX),
    "records of one extension": (pattern("KeepTheLedger", "/images/*", "/images/*.jpg"), MATRIX),
    "a role for another account": (
        of("ConsumerRole", trust_somebody_else),
        rights.test_each_role_is_one_services_alone,
    ),
    "a policy that is no role's own": (
        a_policy_beside_the_role,
        rights.test_no_role_has_rights_by_anything_but_its_own_inline_policy,
    ),
    "the topic of alarms closed to alarms": (
        statement("AlarmTopicPolicy", "Alarms"),
        access.test_alarms_of_this_account_alone_publish_to_the_topic_of_alarms,
    ),
    "a managed policy beside a role's own": (
        of("ApiRole", setting(ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])),
        rights.test_no_role_has_rights_by_anything_but_its_own_inline_policy,
    ),
    "TLS only dropped from a queue": (
        statement("UploadsQueuePolicy", "TlsOnly"),
        access.test_the_queues_speak_tls_only,
    ),
    "TLS only dropped from a bucket": (
        statement("VariantsBucketPolicy", "TlsOnly"),
        access.test_the_buckets_speak_tls_only,
    ),
    "the queue open to every bucket": (
        of("UploadsQueuePolicy", lambda it: it["PolicyDocument"]["Statement"][0].pop("Condition")),
        access.test_only_this_bucket_of_this_account_may_send_to_the_uploads_queue,
    ),
    "the DLQ unlinked": (
        of("UploadsQueue", without("RedrivePolicy")),
        numbers.test_a_message_is_tried_five_times_and_the_function_knows_which_is_the_last,
    ),
    "the DLQ open to every queue": (
        of("UploadsDlq", without("RedriveAllowPolicy")),
        access.test_only_the_uploads_queue_may_bury_its_messages_in_the_dead_letter_queue,
    ),
    "visibility lowered": (
        of("UploadsQueue", setting(VisibilityTimeout=6 * 260 - 1)),
        numbers.test_a_message_stays_hidden_for_six_timeouts_and_the_window,
    ),
    "the dead kept as short as the living": (
        of("UploadsDlq", setting(MessageRetentionPeriod=4 * numbers.DAY)),
        numbers.test_a_dead_letter_is_kept_longer_than_its_message_could_wait,
    ),
    "concurrency reserved": (
        of("ConsumerLambdaFunction", setting(ReservedConcurrentExecutions=5)),
        numbers.test_no_concurrency_is_reserved_for_throttled_invocations_would_kill_healthy_messages,
    ),
    "a filter of events": (
        of(MAPPING, setting(FilterCriteria={"Filters": []})),
        numbers.test_the_mapping_takes_a_batch_at_once_and_hears_which_of_them_failed,
    ),
    "batches that fail as one": (
        of(MAPPING, without("FunctionResponseTypes")),
        numbers.test_the_mapping_takes_a_batch_at_once_and_hears_which_of_them_failed,
    ),
    "all of a new account's concurrency": (
        of(MAPPING, setting(ScalingConfig={"MaximumConcurrency": 10})),
        numbers.test_the_consumer_leaves_half_of_a_new_accounts_concurrency_to_the_api,
    ),
    "a public bucket": (
        of("VariantsBucket", lambda it: it["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False)),
        access.test_every_bucket_is_closed_to_the_public_and_encrypted,
    ),
    "a bucket without encryption": (
        of("UploadsBucket", setting(BucketEncryption={})),
        access.test_every_bucket_is_closed_to_the_public_and_encrypted,
    ),
    "a queue without encryption": (
        of("UploadsDlq", setting(SqsManagedSseEnabled=False)),
        access.test_every_queue_is_encrypted,
    ),
    "pictures that go with the stack": (
        lambda package: package.template["Resources"]["UploadsBucket"].pop("DeletionPolicy"),
        lambda package: resources.test_what_cannot_be_made_again_stays_with_its_policy_when_the_stack_goes(
            package, "UploadsBucket"
        ),
    ),
    "logs kept for ever": (
        of("ApiLogGroup", without("RetentionInDays")),
        numbers.test_logs_are_not_kept_for_ever,
    ),
    "a test file packaged": (lambda package: package.files.update({"tests/decoy.py": 1}), ZIP),
    "a secret packaged": (lambda package: package.files.update({".env": 1}), ZIP),
    "somebody's byte code packaged": (
        lambda package: package.files.update({"handlers/__pycache__/decoy.cpython-313.pyc": 1}),
        contents.test_compiled_files_are_for_the_functions_python_or_there_are_none,
    ),
    "a source file left out": (
        lambda package: package.files.pop("handlers/consumer.py"),
        contents.test_every_file_of_the_code_is_in_the_zip,
    ),
    "AWS's libraries packaged": (
        lambda package: package.files.update({"boto3/__init__.py": 1}),
        contents.test_boto3_is_left_to_lambdas_runtime,
    ),
    "a zip that is too large": (
        lambda package: package.files.update({"api/large.bin": 2**26}),
        contents.test_the_package_is_small_enough_for_a_direct_upload_and_a_quick_start,
    ),
}
"""What is done to the default package, and the gate that has to notice."""


def passes(gate: Gate, package: Package, changed: Package) -> bool:
    """Whether a test is content with a package in place of the default one."""
    given = {"default": package, "each": package, "package": package, "changed": changed}
    try:
        gate(**{name: given[name] for name in inspect.signature(gate).parameters})
    except (AssertionError, KeyError):
        return False
    return True


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_turns_its_gate_red(default: Package, changed: Package, fault: str) -> None:
    change, gate = FAULTS[fault]

    assert passes(gate, default, changed)
    assert not passes(gate, broken(default, change), changed)


def test_a_package_without_a_fault_is_a_copy(default: Package) -> None:
    copy = broken(default, lambda _: None)

    assert (copy.template, copy.files) == (default.template, default.files)
    assert copy.template is not default.template
