"""A stage's life as the framework plays it on the emulated AWS, with looks ahead and the policy's rights alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.local.emulator import Emulator
from tests.service.conftest import HARDENED
from tests.service.packaged_service import copy_project, leave_out_requirements, serverless, set_parameters
from tests.service.recording_proxy import recording
from tests.service.test_deployer import is_granted

STACK = "darkroom-dev"
ASKED_FOR_NOTHING = {
    "sts:GetCallerIdentity": "everybody may",
    "ecr:DescribeRepositories": "whether the service has images; the framework takes a denial for no",
}
READS = {"cloudformation:DescribeStacks", "cloudformation:GetTemplate", "sts:GetCallerIdentity"}
ALL = {name: value for name, value in HARDENED.items() if name not in ("cdn", "cdnWebAclArn")}
"""What the emulator can hold: it has no distribution, and every reference to one is refused."""

LESS = {"tags": "team=pictures"}


@dataclass(frozen=True)
class Step:
    """What the framework did in one command."""

    run: CompletedProcess[str]
    asked: frozenset[str]
    template: Any
    """Of the stack after it; None where there is none."""
    tags: dict[str, str]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Step], dict[str, Any]]]:
    """The steps of a stage, each after the one before, and what the emulator had after the deployment."""
    folder = tmp_path_factory.mktemp("life")
    project = folder / "project"
    copy_project(project)
    leave_out_requirements(project)
    described = project / "serverless.yml"
    before = described.read_text()
    emulator = Emulator(region="eu-west-1", log=folder / "emulator.log")
    emulator.start()
    try:
        set_parameters(project, "dev", ALL | _network(emulator))
        with recording(emulator.endpoint) as (endpoint, asked):
            environ = emulator.environ() | {"AWS_ENDPOINT_URL": endpoint, "SLS_AWS_MONITORING_FREQUENCY": "100"}

            def step(*words: str) -> Step:
                asked.clear()
                run = serverless(project, *words, "--stage", "dev", environ=environ)
                return Step(run, frozenset(asked), *_stack(emulator))

            steps = {
                "look before": step("deploy", "--dry-run"),
                "deployment": step("deploy"),
                "look after": step("deploy", "--dry-run"),
            }
            found = _found(emulator)
            described.write_text(before)
            set_parameters(project, "dev", LESS)
            steps["look at less"] = step("deploy", "--dry-run")
            steps["versions"] = step("deploy", "list")
            version = steps["versions"].run.stdout.split("Timestamp: ")[1].split()[0]
            steps["rollback"] = step("rollback", "--timestamp", version)
            steps["removal"] = step("remove")  # the emulator fails at its end
            yield steps, found
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def life(played: tuple[dict[str, Step], dict[str, Any]]) -> dict[str, Step]:
    return played[0]


@pytest.fixture(scope="module")
def found(played: tuple[dict[str, Step], dict[str, Any]]) -> dict[str, Any]:
    return played[1]


def _network(emulator: Emulator) -> dict[str, str]:
    """The emulator's own VPC, as parameters."""
    ec2 = emulator.client("ec2")
    return {
        "vpcId": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "vpcSubnets": ", ".join(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]),
        "vpcSecurityGroups": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "vpcRouteTables": ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"],
    }


def _found(emulator: Emulator) -> dict[str, Any]:
    """What the switches made, where the emulator has kept it."""
    client = emulator.client
    names = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        for each in page["StackResourceSummaries"]
    }
    queue = client("sqs").get_queue_attributes(QueueUrl=names["UploadsQueue"], AttributeNames=["KmsMasterKeyId"])
    (rule,) = client("s3").get_bucket_encryption(Bucket=names["UploadsBucket"])["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    function = client("lambda").get_function_configuration(FunctionName=f"{STACK}-consumer")
    return {
        "key": names["Key"],
        "queue": queue["Attributes"]["KmsMasterKeyId"],
        "topic": client("sns").get_topic_attributes(TopicArn=names["AlarmTopic"])["Attributes"]["KmsMasterKeyId"],
        "bucket": rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"],
        "boundary": client("iam").get_role(RoleName=names["ConsumerRole"])["Role"]["PermissionsBoundary"],
        "subnets": len(function["VpcConfig"]["SubnetIds"]),
        "endpoints": [each["ServiceName"] for each in client("ec2").describe_vpc_endpoints()["VpcEndpoints"]],
        "buckets": {each["Name"] for each in client("s3").list_buckets()["Buckets"]},
    }


def _stack(emulator: Emulator) -> tuple[Any, dict[str, str]]:
    client = emulator.client("cloudformation")
    try:
        (stack,) = client.describe_stacks(StackName=STACK)["Stacks"]
    except ClientError:
        return None, {}
    tags = {each["Key"]: each["Value"] for each in stack["Tags"]}
    return client.get_template(StackName=STACK)["TemplateBody"], tags


def test_a_look_before_the_first_deployment_says_that_all_is_new_and_makes_nothing(life: dict[str, Step]) -> None:
    look = life["look before"]

    assert look.run.returncode == 0, look.run.stderr
    assert f"The stack {STACK} in eu-west-1 does not exist: everything is new." in look.run.stdout
    assert "+ UploadsBucket (AWS::S3::Bucket)" in look.run.stdout.splitlines()
    assert look.template is None


def test_a_deployment_has_no_differences_to_itself(life: dict[str, Step]) -> None:
    assert life["deployment"].run.returncode == 0, life["deployment"].run.stderr
    assert life["look after"].run.stdout.splitlines() == [
        f"The stack {STACK} in eu-west-1 is UPDATE_COMPLETE.",
        "No changes. Nothing was deployed.",
    ]


def test_a_look_at_other_parameters_names_what_would_change_and_changes_nothing(life: dict[str, Step]) -> None:
    look = life["look at less"]

    assert look.run.returncode == 0, look.run.stderr
    assert {
        "- Key (AWS::KMS::Key): what is there stays, without the stack",
        "- Workflow (AWS::StepFunctions::StateMachine): what is there is deleted",
        "~ UploadsQueue (AWS::SQS::Queue)",
        "    + Properties.SqsManagedSseEnabled: true",
        '~ team: "photos" -> "pictures" (tag)',
        '- cost-center: "42" (tag)',
    } <= {*look.run.stdout.splitlines()}
    assert look.run.stdout.splitlines()[-1].endswith(" changes. Nothing was deployed.")
    assert look.template == life["deployment"].template
    assert "Service deployed" not in look.run.stderr


@pytest.mark.parametrize("name", ["look before", "look after", "look at less"])
def test_a_look_asks_for_nothing_but_the_stack_and_its_template(life: dict[str, Step], name: str) -> None:
    assert life[name].asked <= READS


def test_the_stack_has_the_tags_and_cloudformation_alone_passes_them_on(life: dict[str, Step]) -> None:
    assert life["deployment"].tags == {"STAGE": "dev", "team": "photos", "cost-center": "42"}
    assert [action for action in life["deployment"].asked if action.startswith("apigateway:")] == []


def test_the_emulator_holds_what_the_switches_make(found: dict[str, Any]) -> None:
    keys = {found[each].rpartition("/")[2] for each in ("key", "queue", "topic", "bucket")}

    assert len(keys) == 1
    assert found["boundary"]["PermissionsBoundaryArn"] == HARDENED["permissionsBoundary"]
    assert found["subnets"] == 2
    assert sorted(found["endpoints"]) == ["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"]
    assert "darkroom-dev-logs-123456789012-eu-west-1" in found["buckets"]


def test_a_rollback_names_the_version_and_sends_its_template(life: dict[str, Step]) -> None:
    assert "darkroom.zip" in life["versions"].run.stdout
    assert life["rollback"].run.returncode == 0, life["rollback"].run.stdout + life["rollback"].run.stderr
    assert "cloudformation:UpdateStack" in life["rollback"].asked
    assert life["rollback"].template == life["deployment"].template
    assert life["rollback"].tags == {"STAGE": "dev", "team": "pictures"}


def test_all_that_the_framework_asks_in_the_life_of_a_stage_is_granted(life: dict[str, Step]) -> None:
    asked = {action for step in life.values() for action in step.asked}

    assert {"cloudformation:UpdateStack", "cloudformation:DeleteStack", "s3:DeleteObject"} <= asked
    assert sorted(action for action in asked - ASKED_FOR_NOTHING.keys() if not is_granted(action)) == []
