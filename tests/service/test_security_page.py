"""Each row of the table of controls in docs/security.md holds on the packaged templates."""

import copy
import re
from typing import Any

import pytest
import yaml

from tests.service.conftest import CHANGED, HARDENED
from tests.service.controls import CHECKS, OF_THE_WORKER, properties
from tests.service.packaged_service import PROJECT, Package

PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| ((?:[A-Z]\w+\.\d+(?:, )?)+) \| (?:.+) \| (met|not met|yours|met by `(\w+)`) \| .*\|$", re.MULTILINE
)
PARAMETERS = yaml.safe_load((PROJECT / "serverless.yml").read_text(encoding="utf-8"))["params"]["default"]
ROWS = {control: (said, switch) for controls, said, switch in ROW.findall(PAGE) for control in controls.split(", ")}
"""Control: what the page says, and the parameter that it names."""


@pytest.fixture(scope="module")
def packages(default: Package, hardened: Package, changed: Package) -> dict[str, Package]:
    """With the defaults, and two that have between them every parameter on that the page names."""
    return {"default": default, "hardened": hardened, "changed": changed}


def controls(said: str) -> list[str]:
    return [control for control, (what, _) in ROWS.items() if what.split(" `")[0] == said]


def test_each_row_of_the_table_is_read_and_each_that_a_template_decides_is_checked() -> None:
    table = PAGE.partition("| control | requires |")[2].partition("\n\n")[0]

    assert len(ROW.findall(PAGE)) == len(table.splitlines()) - 2
    assert set(ROWS) - set(controls("yours")) == {*CHECKS, *OF_THE_WORKER}
    assert {"StepFunctions.1", "EventBridge.3"} < set(ROWS)


@pytest.mark.parametrize("control", [each for each in controls("met") if each not in OF_THE_WORKER])
def test_what_is_met_is_met_by_every_package(control: str, packages: dict[str, Package]) -> None:
    parameter = re.search(rf"^\| {re.escape(control)} \|.*`(\w+)`, which can be switched off", PAGE, re.MULTILINE)
    off = {"changed"} if parameter and CHANGED[parameter[1]] == "false" else set[str]()

    assert {name for name, package in packages.items() if not CHECKS[control](package)} == off


@pytest.mark.parametrize("control", controls("met by"))
def test_what_a_parameter_meets_is_met_with_it_and_by_it(control: str, packages: dict[str, Package]) -> None:
    switch = ROWS[control][1]
    on = {name for name, given in (("hardened", HARDENED), ("changed", CHANGED)) if given.get(switch)}
    kinds = {"CloudFront": "AWS::CloudFront::Distribution"}
    there = {
        name for name, each in packages.items() if each.of_type(kinds.get(control.split(".")[0], "AWS::S3::Bucket"))
    }

    assert on
    assert {name for name in there if CHECKS[control](packages[name])} == on


@pytest.mark.parametrize("control", controls("not met"))
def test_what_is_not_met_is_not_met_with_everything_on(control: str, packages: dict[str, Package]) -> None:
    assert not CHECKS[control](packages["hardened"])


@pytest.mark.parametrize("control", OF_THE_WORKER)
def test_the_worker_meets_what_the_page_says(control: str) -> None:
    assert (ROWS[control][0], OF_THE_WORKER[control]) == ("met", True)


def test_every_parameter_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([a-z]+(?:[A-Z][a-z]+)+)(?::[^`]*)?`", PAGE))

    assert {switch for _, switch in ROWS.values() if switch} <= set(PARAMETERS)
    assert sorted(named - set(PARAMETERS)) == []


def test_alarms_act_and_the_retention_of_logs_is_the_parameters(packages: dict[str, Package]) -> None:
    for name, days in (("default", 30), ("changed", CHANGED["logRetentionDays"])):
        alarms = properties(packages[name], "CloudWatch::Alarm")

        assert all(each["AlarmActions"] and each.get("ActionsEnabled", True) for each in alarms)
        assert {each["RetentionInDays"] for each in properties(packages[name], "Logs::LogGroup")} == {days}


OPEN: dict[str, tuple[str, str, list[str | int], Any]] = {
    "S3.2": ("hardened", "VariantsBucket", ["PublicAccessBlockConfiguration", "RestrictPublicBuckets"], False),
    "S3.3": ("hardened", "UploadsBucket", ["PublicAccessBlockConfiguration", "BlockPublicAcls"], False),
    "S3.5": ("hardened", "UploadsBucketPolicy", ["PolicyDocument", "Statement", 0, "Effect"], "Allow"),
    "S3.6": ("hardened", "VariantsBucketPolicy", ["PolicyDocument", "Statement", 1, "Principal"], {"AWS": "*"}),
    "S3.8": ("hardened", "UploadsBucket", ["PublicAccessBlockConfiguration", "BlockPublicPolicy"], False),
    "S3.12": ("hardened", "UploadsBucket", ["OwnershipControls", "Rules"], [{"ObjectOwnership": "ObjectWriter"}]),
    "S3.13": ("hardened", "AccessLogsBucket", ["LifecycleConfiguration", "Rules"], []),
    "SQS.1": ("default", "UploadsDlq", ["SqsManagedSseEnabled"], False),
    "SQS.3": ("hardened", "UploadsQueuePolicy", ["PolicyDocument", "Statement", 0, "Condition"], {}),
    "SNS.4": ("default", "AlarmTopicPolicy", ["PolicyDocument", "Statement", 0, "Condition"], {}),
    "Lambda.1": ("default", "ApiLambdaPermissionApiGateway", ["Principal"], "*"),
    "Lambda.2": ("default", "ApiLambdaFunction", ["Runtime"], "python3.8"),
    "DynamoDB.1": ("default", "ImagesTable", ["BillingMode"], "PROVISIONED"),
    "DynamoDB.2": ("default", "ImagesTable", ["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"], False),
    "DynamoDB.6": ("default", "ImagesTable", ["DeletionProtectionEnabled"], False),
    "APIGateway.5": ("default", "ApiGatewayStage", ["CacheClusterEnabled"], True),
    "CloudFront.3": (
        "hardened",
        "Cdn",
        ["DistributionConfig", "DefaultCacheBehavior", "ViewerProtocolPolicy"],
        "allow-all",
    ),
    "CloudFront.12": (
        "hardened",
        "Cdn",
        ["DistributionConfig", "Origins", 0, "DomainName"],
        {"Fn::Sub": "gone.s3.aws"},
    ),
    "CloudFront.13": ("hardened", "Cdn", ["DistributionConfig", "Origins"], [{}]),
    "KMS.1": ("hardened", "OperatorPolicy", ["PolicyDocument", "Statement", -2, "Resource"], "*"),
    "KMS.2": ("hardened", "ConsumerRole", ["Policies", 0, "PolicyDocument", "Statement", -2, "Resource"], "*"),
    "KMS.5": ("hardened", "Key", ["KeyPolicy", "Statement", 0, "Principal"], {"AWS": "*"}),
    "IAM.1": ("default", "ConsumerRole", ["Policies", 0, "PolicyDocument", "Statement", 0, "Action"], "*"),
    "IAM.21": ("default", "OperatorPolicy", ["PolicyDocument", "Statement", 0, "Action"], ["s3:*"]),
}
"""What would break each control that is met: a package, and a property of one of its resources."""


def test_every_control_that_is_met_could_be_broken() -> None:
    assert set(OPEN) == set(controls("met")) - set(OF_THE_WORKER)


@pytest.mark.parametrize("control", OPEN)
def test_a_control_that_is_broken_is_found(control: str, packages: dict[str, Package]) -> None:
    name, resource, (*path, last), value = OPEN[control]
    broken = Package(packages[name].folder)
    broken.__dict__["template"] = copy.deepcopy(packages[name].template)
    at: Any = broken.properties(resource)
    for step in path:
        at = at[step]

    at[last] = value

    assert not CHECKS[control](broken)
