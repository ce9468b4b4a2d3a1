"""A stage's life as the framework plays it on the emulated AWS, with looks ahead and the policy's rights alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.local.emulator import Emulator
from tests.service.packaged_service import serverless, set_parameters
from tests.service.pairs import quick_project
from tests.service.recording_proxy import recording
from tests.service.test_deployer import is_granted

STACK = "darkroom-dev"
ASKED_FOR_NOTHING = {
    "sts:GetCallerIdentity": "everybody may",
    "ecr:DescribeRepositories": "whether the service has images; the framework takes a denial for no",
}
READS = {"cloudformation:DescribeStacks", "cloudformation:GetTemplate", "sts:GetCallerIdentity"}
TAGS = {"tags": "team=photos, cost-center=42"}
DEMANDS = {"kmsKey": "new", "tags": "team=pictures", "originalsExpireDays": 90}


@dataclass(frozen=True)
class Step:
    """What the framework did in one command."""

    run: CompletedProcess[str]
    asked: frozenset[str]
    template: Any
    """Of the stack after it; None where there is none."""
    tags: dict[str, str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Step]]:
    """The steps of a stage, each after the one before."""
    folder = tmp_path_factory.mktemp("life")
    project = quick_project(folder / "project")
    described = project / "serverless.yml"
    before = described.read_text()
    set_parameters(project, "dev", TAGS)
    emulator = Emulator(region="eu-west-1", log=folder / "emulator.log")
    emulator.start()
    try:
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
            described.write_text(before)
            set_parameters(project, "dev", DEMANDS)
            steps["look at more"] = step("deploy", "--dry-run")
            steps["versions"] = step("deploy", "list")
            version = steps["versions"].run.stdout.split("Timestamp: ")[1].split()[0]
            steps["rollback"] = step("rollback", "--timestamp", version)
            steps["removal"] = step("remove")  # the emulator fails at its end
            yield steps
    finally:
        emulator.stop()


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
    look = life["look at more"]

    assert look.run.returncode == 0, look.run.stderr
    assert {
        "+ Key (AWS::KMS::Key)",
        "~ UploadsQueue (AWS::SQS::Queue)",
        "    - Properties.SqsManagedSseEnabled: true",
        '~ team: "photos" -> "pictures" (tag)',
        '- cost-center: "42" (tag)',
    } <= {*look.run.stdout.splitlines()}
    assert look.run.stdout.splitlines()[-1].endswith(" changes. Nothing was deployed.")
    assert look.template == life["deployment"].template
    assert "Service deployed" not in look.run.stderr


@pytest.mark.parametrize("name", ["look before", "look after", "look at more"])
def test_a_look_asks_for_nothing_but_the_stack_and_its_template(life: dict[str, Step], name: str) -> None:
    assert life[name].asked <= READS


def test_the_stack_has_the_tags_and_cloudformation_alone_passes_them_on(life: dict[str, Step]) -> None:
    assert life["deployment"].tags == {"STAGE": "dev", "team": "photos", "cost-center": "42"}
    assert [action for action in life["deployment"].asked if action.startswith("apigateway:")] == []


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
