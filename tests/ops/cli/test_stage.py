"""A stage is found by its name, from its stack's outputs, and what cannot be found says what to do."""

import json
import os

import pytest
import typer
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops.cli import stage
from ops.cli.absent import other_stages, unfinished_stack
from ops.cli.main import make_app
from ops.cli.queues import depth_of
from ops.cli.stage import Stage, find, on_stage
from ops.errors import UsageError
from tests.ops.cli.embedded import use
from tests.scripted_server import Trouble, scripted_server


@pytest.fixture
def local(stack, monkeypatch):
    use(monkeypatch, stack)
    return stack


def test_the_local_stage_is_found_from_its_stacks_outputs(local):
    found = find("local")

    assert found == Stage.of("local", local.region, local.outputs, found.client)
    assert found.client("sqs") is found.client("sqs")
    assert found.client("s3").head_bucket(Bucket=found.uploads_bucket)


@pytest.fixture
def incomplete(local):
    """A stack as the framework creates it before the service: with nothing but the bucket for its packages."""
    cloudformation = local.client("cloudformation")
    template = {"Resources": {"ServerlessDeploymentBucket": {"Type": "AWS::S3::Bucket"}}}
    cloudformation.create_stack(StackName="darkroom-half", TemplateBody=json.dumps(template))
    yield "half"
    cloudformation.delete_stack(StackName="darkroom-half")


def test_a_stage_whose_deployment_is_not_complete_says_so_and_what_to_do(incomplete):
    for command in (["status"], ["dlq", "groups"], ["doctor"]):
        result = CliRunner().invoke(make_app(), [*command, "--stage", incomplete, "--region", "eu-west-1"])
        said = " ".join((result.stdout + result.stderr).split())

        assert result.exit_code in (1, 2), result.exception
        assert "the stack darkroom-half in eu-west-1 is incomplete (CREATE_COMPLETE)" in said
        assert "deploy it again with: npm run deploy -- --stage half --region eu-west-1" in said


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("CREATE_IN_PROGRESS", "run this again when it has ended"),
        ("DELETE_IN_PROGRESS", "run this again when it has ended"),
        ("REVIEW_IN_PROGRESS", "it was never deployed: deploy it with: npm run deploy"),
        ("ROLLBACK_COMPLETE", "delete the stack, then deploy it again"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name darkroom-prod --region eu-west-1"),
        ("UPDATE_ROLLBACK_COMPLETE", "read its events in CloudFormation, then deploy it again"),
    ],
)
def test_what_to_do_about_an_incomplete_stack_follows_from_its_status(status, advice):
    assert advice in str(unfinished_stack("prod", "darkroom-prod", status, "eu-west-1"))


def test_no_setting_of_the_shell_turns_a_command_away_from_the_local_stage(local, monkeypatch):
    for name, value in {
        "AWS_CA_BUNDLE": "/nowhere/ca.pem",
        "AWS_PROFILE": "work",
        "AWS_REGION": "us-gov-west-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)

    assert find("local").client("s3").head_bucket(Bucket=local.outputs["UploadsBucket"])


def test_a_request_that_is_not_answered_is_named_and_tried_again(local, monkeypatch, capsys):
    with scripted_server(local.endpoint) as server:
        monkeypatch.setattr(stage, "CLIENT", stage.CLIENT.merge(Config(read_timeout=0.2)))
        session = local.running.credentials.session(local.region)
        monkeypatch.setattr(stage, "_session", lambda *_: (session, server.url))
        server.script("GetQueueAttributes", [Trouble.HANG])

        depth_of(stage.connect("local", None, None)("sqs"), local.outputs["UploadsQueueUrl"])

    assert "GetQueueAttributes was not answered (try 1 of 5): Read timeout" in capsys.readouterr().err


def test_a_stage_that_was_never_deployed_is_named_with_the_command_that_deploys_it(local, monkeypatch):
    for name, value in local.environ().items():
        monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=r"no stack darkroom-nowhere .* npm run deploy -- --stage nowhere") as refused:
        find("nowhere", "eu-west-1")
    assert "which has the stages local:" in str(refused.value)


def test_an_unknown_stage_is_named_where_the_others_may_not_be_listed(local, monkeypatch):
    def refuse(operation, **_request):
        codes = {"DescribeStacks": "ValidationError" if _request else "AccessDenied"}
        raise ClientError({"Error": {"Code": codes[operation], "Message": "no"}}, operation)

    client = local.client("cloudformation")
    monkeypatch.setattr(client, "_make_api_call", lambda operation, request: refuse(operation, **request))

    assert other_stages("darkroom-", client) == ""


def test_a_profile_that_does_not_exist_is_named():
    with pytest.raises(UsageError, match=r"aws configure --profile nobody"):
        find("dev", "eu-west-1", "nobody")


def test_a_region_is_asked_for_where_none_is_known(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)

    with pytest.raises(UsageError, match=r"--region"):
        find("dev")


def test_a_command_on_a_stage_takes_its_own_options_and_the_three_that_find_it(local):
    app = typer.Typer()

    @app.command()
    @on_stage
    def show(stage: Stage, thing: str, loud: bool = False) -> None:
        """Show it."""
        typer.echo(f"{stage.name} {stage.uploads_bucket} {thing} {loud}")

    result = CliRunner().invoke(app, ["cat", "--loud", "--stage", "local"])

    assert result.output == f"local {local.outputs['UploadsBucket']} cat True\n"
