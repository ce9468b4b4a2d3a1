"""docs/deploying.md: what it names exists, what it computes follows from the template, and its examples are valid."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from typer.core import TyperGroup
from typer.main import get_command

from ops.build.check import faults
from ops.build.deployer import FILE
from ops.build.rules import RULES
from ops.cli.main import make_app
from ops.cli.switches.formulas import POLLS_A_MONTH
from ops.cli.switches.table import ALARMS
from tests.service.packaged_service import PROJECT, Package

PAGE = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w*)\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
SHELL = [text.replace("\\\n", " ") for language, text in BLOCKS if not language]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", PAGE, flags=re.MULTILINE | re.DOTALL))
SCRIPTS = json.loads((PROJECT / "package.json").read_text())["scripts"]

OF_EVERY_COMMAND = {"query", "output", "region", "profile"}
OF_THE_CLI = ("configure", "sso login", "s3 rb", "wait")
"""What the AWS CLI has of its own: no operation of an API."""

POLL_SECONDS = 20


def commands() -> Iterator[str]:
    """All that a reader may type."""
    for text in SHELL:
        yield from re.split(r"\n|&&", text)
    yield from (text for span in INLINE for text in span.split("&&"))


def starting_with(*words: str) -> list[list[str]]:
    """The words after these, in each command that has them."""
    pattern = re.compile(rf"(?:^|[\s(/]){re.escape(' '.join(words))}\s+(.*)")
    return [found[1].split() for text in commands() if (found := pattern.search(text))]


def example(language: str, holding: str) -> Any:
    (text,) = (text for name, text in BLOCKS if name == language and holding in text)
    return json.loads(text) if language == "json" else yaml.safe_load(text)


def test_every_npm_script_exists() -> None:
    named = {words[0].strip("`") for words in starting_with("npm", "run")}

    assert {"deploy", "remove"} <= named <= SCRIPTS.keys()
    assert starting_with("bin/darkroom"), "the command without npm's banner"
    assert (PROJECT / "bin" / "darkroom").stat().st_mode & 0o111


def test_every_subcommand_of_darkroom_exists_with_its_options() -> None:
    group = get_command(make_app())
    assert isinstance(group, TyperGroup)
    found = [*starting_with("darkroom"), *starting_with("npm", "run", "darkroom", "--")]
    used = [words for words in found if words[0].isalpha()]

    known = {"doctor", "status", "upload", "show", "backfill", "audit", "dlq", "estimate"}
    assert {words[0] for words in used} == known
    for name, *rest in used:
        command: Any = group.commands[name]
        if isinstance(command, TyperGroup):
            command = command.commands[rest[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options


def test_every_parameter_and_output_that_is_named_exists(
    default: Package, taken_up: Package, changed: Package, hardened: Package
) -> None:
    outputs = {name for package in (default, taken_up, changed, hardened) for name in package.template["Outputs"]}
    camel = {span for span in INLINE if re.fullmatch(r"[a-z]+[A-Z]\w+", span)}
    pascal = {span for span in INLINE if re.fullmatch(r"([A-Z][a-z]+){2,}", span)}

    assert camel <= RULES.keys()
    assert pascal <= outputs
    assert set(re.findall(r"\$\(output (\w+)\)", PAGE)) <= outputs
    assert "OperatorPolicyArn" in pascal
    assert "ApiUrl" in pascal


@pytest.mark.parametrize("holding", ["alarmEmail:", "existing:"])
def test_the_parameters_in_an_example_are_accepted(holding: str) -> None:
    default = yaml.safe_load((PROJECT / "serverless.yml").read_text())["params"]["default"]
    prod = {
        name: value.replace("${sls:stage}", "prod") if isinstance(value, str) else value
        for name, value in (default | example("yaml", holding)["params"]["prod"]).items()
    }
    recipe = (PROJECT / "recipe.toml").read_text()

    assert faults(prod, region="eu-west-1", recipe_text=recipe) == []


def aws_commands() -> list[list[str]]:
    """The words after ``aws``, without what a shell or a quotation adds."""
    text = "\n".join([*SHELL, *INLINE])
    unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "VALUE", text)
    return [
        found.split()
        for found in re.findall(r"(?:^|[\s(])aws ((?!-)[a-z0-9]+ [a-z-]+[^\n)|>]*)", unquoted, re.MULTILINE)
    ]


@pytest.mark.parametrize("words", aws_commands(), ids=" ".join)
def test_every_command_of_the_aws_cli_is_an_operation_with_such_parameters(words: list[str]) -> None:
    if any(" ".join(words).startswith(own) or own == words[1] for own in OF_THE_CLI):
        return
    service, operation, *rest = words
    model = botocore.session.get_session().get_service_model("s3" if service == "s3api" else service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(name, "-") for name in shape.members} if shape else set()
    given = {word.removeprefix("--") for word in rest if word.startswith("--")}

    assert {name.removeprefix("no-") for name in given} - OF_EVERY_COMMAND <= known


def test_the_page_has_commands_of_the_aws_cli() -> None:
    assert len(aws_commands()) > 20


def test_the_policy_for_a_stage_is_made_by_the_command_on_the_page(tmp_path: Path) -> None:
    (text,) = (line for block in SHELL for line in block.splitlines() if line.startswith("sed "))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / FILE.name).write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")

    subprocess.run(["bash", "-ec", f"account=123456789012\n{text}"], cwd=tmp_path, check=True)

    made = (tmp_path / FILE.name).read_text(encoding="utf-8")
    assert json.loads(made)["Statement"]
    assert not re.search(r"STAGE|REGION|ACCOUNT", made)
    assert '"arn:aws:sqs:eu-west-1:123456789012:darkroom-prod-*"' in made


def test_the_workflow_deploys_with_a_token_that_only_its_job_can_ask_for() -> None:
    workflow = example("yaml", "jobs:")
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]

    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["deploy"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow["jobs"]["deploy"]["needs"] == "test"
    assert runs == ["npm test", "npm ci", "npm run deploy -- --stage prod"]
    assert workflow[True] == {"push": {"branches": ["main"]}}  # YAML reads `on` as true


def test_the_role_of_the_workflow_trusts_one_branch_of_one_repository() -> None:
    (statement,) = example("json", "AssumeRoleWithWebIdentity")["Statement"]
    (action,) = (
        step["with"]
        for step in example("yaml", "jobs:")["jobs"]["deploy"]["steps"]
        if "configure" in step.get("uses", "")
    )

    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:OWNER/REPOSITORY:ref:refs/heads/main",
        }
    }
    assert f"--role-name {action['role-to-assume'].rpartition('/')[2]} " in PAGE


def test_the_costs_at_rest_follow_from_the_template(default: Package) -> None:
    alarms = default.of_type("AWS::CloudWatch::Alarm").values()
    metrics = sum(sum("MetricStat" in each for each in alarm["Properties"].get("Metrics", [])) or 1 for alarm in alarms)

    assert metrics == ALARMS
    assert f"{len(alarms)} of them on {metrics} metrics" in PAGE
    assert f"five pollers that wait {POLL_SECONDS} s each" in PAGE
    assert POLLS_A_MONTH == 5 * 30 * 24 * 3600 / POLL_SECONDS
    assert default.properties("UploadsQueue")["ReceiveMessageWaitTimeSeconds"] == POLL_SECONDS
