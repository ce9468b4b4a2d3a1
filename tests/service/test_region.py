"""One rule for the region, in a deployment (resources/region.cjs) and in the command (ops/cli/stage.py)."""

import json
import subprocess
from pathlib import Path

import pytest

from ops.cli.stage import profile_of, region_of
from ops.errors import UsageError
from tests.service.packaged_service import NOWHERE, PROJECT, copy_project, serverless

CONFIG = """
[default]
region = eu-north-1
s3 =
    region = not-this-one
[profile work]
output = json
region=ap-south-1
[profile "two words"]
region = sa-east-1
[profile silent]
output = json
"""
CREDENTIALS = """
[elsewhere]
aws_access_key_id = A
aws_secret_access_key = B
region = ca-central-1
"""
SCRIPT = "process.stdout.write(require('./resources/region.cjs')({ options: JSON.parse(process.argv[1]) }))"
ENVIRONMENT = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for variable, text in (("AWS_CONFIG_FILE", CONFIG), ("AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS)):
        file = tmp_path / variable
        file.write_text(text)
        monkeypatch.setenv(variable, str(file))


def deployed_to(options: dict[str, str]) -> str:
    done = subprocess.run(["node", "-e", SCRIPT, json.dumps(options)], cwd=PROJECT, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("region", "profile", "environment", "expected"),
    [
        ("us-west-2", "work", {"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "us-west-2"),
        (None, "work", {"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-3"),
        (None, "work", {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        (None, "work", {"AWS_PROFILE": "silent"}, "ap-south-1"),
        (None, None, {"AWS_PROFILE": "work", "AWS_DEFAULT_PROFILE": "elsewhere"}, "ap-south-1"),
        (None, None, {"AWS_DEFAULT_PROFILE": "work"}, "ap-south-1"),
        (None, "two words", {}, "sa-east-1"),
        (None, "elsewhere", {}, "ca-central-1"),
        (None, None, {}, "eu-north-1"),
        (None, None, {"AWS_REGION": ""}, "eu-north-1"),
    ],
)
def test_a_deployment_and_the_command_go_to_the_same_region(
    monkeypatch: pytest.MonkeyPatch, region: str | None, profile: str | None, environment: dict[str, str], expected: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = {"region": region, "aws-profile": profile}

    assert deployed_to({name: value for name, value in options.items() if value}) == expected
    assert region_of(region, profile_of(profile)) == expected


@pytest.mark.usefixtures("files")
def test_where_no_region_is_known_neither_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "silent")

    assert deployed_to({}) == ""
    with pytest.raises(UsageError, match="no AWS region is known: name one with --region, in AWS_REGION"):
        region_of(None, "silent")


@pytest.mark.parametrize("command", ["package", "deploy", "remove", "info"])
def test_the_framework_guesses_no_region(tmp_path: Path, command: str) -> None:
    copy_project(tmp_path)
    nowhere = {name: value for name, value in NOWHERE.items() if name != "AWS_REGION"}

    run = serverless(tmp_path, command, "--stage", "prod", environ=nowhere)

    assert run.returncode == 2
    assert (
        "\nNo AWS region is known: name one with --region, in AWS_REGION, or in your profile" in run.stderr + run.stdout
    )
    assert not (tmp_path / ".serverless").exists()


def test_the_framework_follows_the_rule(tmp_path: Path) -> None:
    copy_project(tmp_path)
    config = tmp_path / "config"
    config.write_text(CONFIG)
    environ = {name: value for name, value in NOWHERE.items() if name != "AWS_REGION"} | {
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "work",
    }

    run = serverless(tmp_path, "print", "--path", "provider.region", "--format", "text", environ=environ)

    assert run.stdout.strip() == "ap-south-1"
