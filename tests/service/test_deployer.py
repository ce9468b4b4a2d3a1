"""The policy of whoever deploys: what the templates need and the framework asks, and not more."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ops.build import deployer
from ops.build.deployer import (
    FILE,
    HANDLERS,
    NAMELESS,
    RESOURCES,
    SIZE_LIMIT,
    SWITCHED,
    SWITCHES_FILE,
    UNUSED,
    main,
    policy,
)
from ops.cli.doctor.rights import DEPLOYMENT, FUNCTION, PASSED_TO_LAMBDA
from tests.service.packaged_service import Package

CREATE = "cloudformation-template-create-stack.json"
NAMES = {
    "AWS::CloudWatch::Alarm": ("alarm:", "AlarmName"),
    "AWS::DynamoDB::Table": ("table/", "TableName"),
    "AWS::IAM::ManagedPolicy": ("policy/", "ManagedPolicyName"),
    "AWS::Lambda::Function": ("function:", "FunctionName"),
    "AWS::Logs::LogGroup": ("log-group:", "LogGroupName"),
    "AWS::S3::Bucket": ("", "BucketName"),
    "AWS::SNS::Topic": ("", "TopicName"),
    "AWS::SQS::Queue": ("", "QueueName"),
}
"""What stands before a name in the ARN, and the property with the name, where a resource has one."""

ROLE = "AWS::IAM::Role"
DASHBOARD = ("PutDashboard", "GetDashboard", "DeleteDashboards")
LONG = {"STAGE": "production-2026", "REGION": "ap-southeast-1", "ACCOUNT": "123456789012"}


@pytest.fixture
def packages(
    default: Package, changed: Package, taken_up: Package, adopted: Package, hardened: Package
) -> list[Package]:
    return [default, changed, taken_up, adopted, hardened]


def templates(package: Package) -> Iterator[dict[str, Any]]:
    """What a first deployment begins with, and the whole."""
    yield json.loads((package.folder / CREATE).read_text())
    yield package.template


def statements() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def is_granted(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for each in statements() for pattern in listed(each["Action"]))


def test_the_file_has_what_the_generator_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == policy(), f"run {deployer.REGENERATE}"


def test_every_type_of_resource_is_covered_and_no_type_that_no_template_has(packages: list[Package]) -> None:
    there = {
        resource["Type"]
        for package in packages
        for template in templates(package)
        for resource in template["Resources"].values()
    }

    assert {*RESOURCES, *SWITCHED} == there


@pytest.mark.parametrize("kind", NAMES)
def test_every_name_in_the_templates_is_one_that_the_policy_is_for(
    default: Package, taken_up: Package, hardened: Package, kind: str
) -> None:
    for package, stage in ((default, "dev"), (taken_up, "prod"), (hardened, "prod")):
        patterns = [arn.split(":", 5)[5].replace("STAGE", stage) for arn in RESOURCES[kind]]
        names = [name_of(resource, kind) for resource in package.of_type(kind).values()]

        assert [name for name in names if name and not any(fnmatchcase(name, each) for each in patterns)] == []


def name_of(resource: dict[str, Any], kind: str) -> str | None:
    """The last part of a resource's ARN; None where CloudFormation finds a name, which begins with the stack's."""
    prefix, name_property = NAMES[kind]
    name = resource["Properties"].get(name_property)
    return name and prefix + (name if isinstance(name, str) else name["Fn::Sub"])


@pytest.mark.parametrize("file", [FILE, SWITCHES_FILE], ids=lambda file: file.name)
def test_the_policy_fits_into_a_managed_policy_in_any_region(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for name, value in LONG.items():
        text = text.replace(name, value)

    assert len(re.sub(r"\s", "", text)) <= SIZE_LIMIT


def test_only_what_iam_takes_no_name_for_is_granted_everywhere() -> None:
    everywhere = [each for each in statements() if each["Resource"] == "*" and "Condition" not in each]

    assert [set(each["Action"]) for each in everywhere] == [set(NAMELESS)]


def test_the_deployer_can_neither_read_nor_delete_a_photo_or_a_record() -> None:
    on_objects = [each["Resource"] for each in statements() if "s3:GetObject" in each["Action"]]

    assert on_objects == [deployer.DEPLOYMENT_BUCKET]
    assert not any(is_granted(f"dynamodb:{verb}") for verb in ("GetItem", "Query", "Scan", "DeleteItem", "DeleteTable"))
    assert not any(
        fnmatchcase(action, pattern)
        for each in statements()
        if deployer.BUCKETS[0] in listed(each["Resource"])
        for pattern in each["Action"]
        for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject")
    )


def test_a_role_is_passed_to_lambda_alone() -> None:
    (passing,) = (
        each for each in statements() if is_granted("iam:PassRole") and "iam:PassRole" in listed(each["Action"])
    )

    assert listed(passing["Resource"]) == list(deployer.ROLES)
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_the_roles_are_those_of_the_templates(packages: list[Package]) -> None:
    (pattern,) = deployer.ROLES
    arn = pattern.partition("/")[0]
    names = {name for each in packages for name in each.of_type(ROLE)}

    assert names == {"AnnouncerRole", "ApiRole", "ConsumerRole", "EraserRole", "WorkflowRole", "WorkflowRuleRole"}
    assert all(fnmatchcase(f"{arn}/darkroom-STAGE-{name}-1A2B3C", pattern) for name in names)
    assert not fnmatchcase(f"{arn}/darkroom-STAGE-deployer", pattern)


def test_a_deployer_can_change_neither_its_own_role_nor_its_own_policy() -> None:
    own = [f"arn:aws:iam::ACCOUNT:{kind}/darkroom-STAGE-deployer" for kind in ("role", "policy")]
    granted = {
        action
        for each in statements()
        for action in listed(each["Action"])
        for place in listed(each["Resource"])
        if place != "*" and any(fnmatchcase(arn, place) for arn in own)
    }

    assert granted == {"iam:GetRole", "iam:SimulatePrincipalPolicy"}


def test_the_doctor_simulates_nothing_that_the_policy_does_not_grant() -> None:
    names = {"p": "aws", "r": "REGION", "a": "ACCOUNT", "stack": "darkroom-STAGE"}
    buckets = {name: f"darkroom-STAGE-{name}-ACCOUNT-REGION" for name in ("uploads", "variants")}
    wanted = [(action, arn.format(**names, **buckets)) for arn, actions in DEPLOYMENT.items() for action in actions]

    assert [each for each in wanted if not is_granted_on(*each)] == []


def test_the_doctor_simulates_with_all_that_the_policy_makes_a_condition_of() -> None:
    keys = {key for each in statements() for test in each.get("Condition", {}).values() for key in test}

    assert keys == {PASSED_TO_LAMBDA["ContextKeyName"], FUNCTION}


def is_granted_on(action: str, arn: str) -> bool:
    return any(
        fnmatchcase(action, pattern) and fnmatchcase(arn, place)
        for each in statements()
        for pattern in listed(each["Action"])
        for place in listed(each["Resource"])
    )


def test_everything_that_is_left_out_is_in_a_schema() -> None:
    kinds = {*RESOURCES, *SWITCHED}
    schemas = [PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema for kind in kinds]
    actions = {
        action
        for schema in schemas
        for name in HANDLERS
        for action in schema["handlers"].get(name, {}).get("permissions", ())
    }
    patterns = " ".join(UNUSED).split()

    assert [each for each in patterns if not any(fnmatchcase(action, each) for action in actions)] == []


def test_the_policy_for_the_switches_grants_all_that_their_types_take_where_they_are() -> None:
    assert SWITCHES_FILE.read_text(encoding="utf-8") == deployer.policy(deployer.switched_statements())
    granted = json.loads(SWITCHES_FILE.read_text(encoding="utf-8"))["Statement"]
    by_place = {tuple(listed(each["Resource"])): each for each in granted}
    verbs = {"Create", "Update", "Delete"}
    kinds = ("Distribution", "CachePolicy", "Function", "OriginAccessControl", "ResponseHeadersPolicy")
    stage = "arn:aws:apigateway:REGION::/restapis/*/stages/STAGE"
    wanted: dict[tuple[str, ...], set[str]] = {
        ("arn:aws:cloudfront::ACCOUNT:*",): {f"cloudfront:{verb}{kind}" for verb in verbs for kind in kinds},
        ("arn:aws:cloudwatch::ACCOUNT:dashboard/darkroom-STAGE",): {f"cloudwatch:{each}" for each in DASHBOARD},
        ("arn:aws:events:REGION:ACCOUNT:rule/darkroom-STAGE/*",): {"events:PutRule", "events:PutTargets"},
        ("arn:aws:states:REGION:ACCOUNT:stateMachine:darkroom-STAGE-*",): {
            f"states:{each}StateMachine" for each in verbs
        },
        deployer.BUCKETS: {"s3:PutBucketVersioning", "s3:PutBucketLogging"},
        deployer.LOGS: {"logs:AssociateKmsKey"},
        ("arn:aws:ec2:REGION:ACCOUNT:*/*",): {"ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints"},
        (stage,): {"apigateway:SetWebACL"},
        ("arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/*", stage): {"wafv2:AssociateWebACL"},
        ("arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/*",): {"wafv2:GetWebACL"},
    }

    assert by_place.keys() == {*wanted, deployer.ROLES, ("arn:aws:kms:REGION:ACCOUNT:key/*",), ("*",)}
    for place, actions in wanted.items():
        statement = by_place[place]
        assert actions <= set(listed(statement["Action"]))
        assert {action.split(":")[0] for action in listed(statement["Action"])} == {place[0].split(":")[2]}


def test_a_deployer_makes_keys_and_uses_them_through_dynamodb_alone_and_deletes_none() -> None:
    granted = json.loads(SWITCHES_FILE.read_text(encoding="utf-8"))["Statement"]
    manage, use = (each for each in granted if each["Resource"] == "arn:aws:kms:REGION:ACCOUNT:key/*")
    actions = {action for each in granted for action in listed(each["Action"])}

    assert {"kms:PutKeyPolicy", "kms:EnableKeyRotation"} <= {*manage["Action"]}
    assert {"kms:CreateGrant", "kms:Decrypt"} <= {*use["Action"]}
    assert use["Condition"] == {"StringEquals": {"kms:ViaService": "dynamodb.REGION.amazonaws.com"}}
    assert not {"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"} & {*manage["Action"]}
    assert not [each for each in actions if each.startswith(("kms:ScheduleKeyDeletion", "kms:Disable"))]


def test_only_what_iam_takes_no_name_for_is_granted_everywhere_to_switches() -> None:
    granted = json.loads(SWITCHES_FILE.read_text(encoding="utf-8"))["Statement"]
    (everywhere,) = (each for each in granted if each["Resource"] == "*")

    assert everywhere["Action"] == sorted(deployer.SWITCHED_NAMELESS)
    assert [each for each in everywhere["Action"] if not each.startswith("ec2:Describe")] == ["kms:CreateKey"]


def test_the_names_of_what_is_switched_on_are_those_that_the_policy_for_the_switches_is_for(changed: Package) -> None:
    machine = changed.properties("Workflow")["StateMachineName"]
    rule = changed.properties("WorkflowRule")
    placed = {
        "AWS::StepFunctions::StateMachine": f"stateMachine:{machine}",
        "AWS::Events::Rule": f"rule/{rule['EventBusName']}/{rule['Name']}",
    }

    placed["AWS::CloudWatch::Dashboard"] = f"dashboard/{changed.properties('Dashboard')['DashboardName']}"
    for kind, name in placed.items():
        assert fnmatchcase(name, SWITCHED[kind][0].split(":", 5)[5].replace("STAGE", "local"))


def test_a_role_is_passed_to_what_the_workflow_is_made_of_alone() -> None:
    granted = json.loads(SWITCHES_FILE.read_text(encoding="utf-8"))["Statement"]
    (passing,) = (each for each in granted if "iam:PassRole" in listed(each["Action"]))

    assert passing["Action"] == ["iam:PassRole"]
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["events.amazonaws.com", "states.amazonaws.com"]}
    }


def test_a_wrong_word_is_refused() -> None:
    assert main(["--wrong"]) == 2
