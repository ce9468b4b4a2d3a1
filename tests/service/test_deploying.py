"""docs/deploying.md: what it names exists, what it computes follows from the template, and its examples are valid."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.build.check import faults
from ops.build.deployer import FILE
from ops.build.rules import RULES
from ops.cli.switches.formulas import POLLS_A_MONTH
from ops.cli.switches.table import ALARMS
from tests.service.packaged_service import PROJECT, Package

PAGE = (PROJECT / "docs" / "deploying.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w*)\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
SHELL = [text.replace("\\\n", " ") for language, text in BLOCKS if not language]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", PAGE, flags=re.MULTILINE | re.DOTALL))

POLL_SECONDS = 20


def example(language: str, holding: str) -> Any:
    (text,) = (text for name, text in BLOCKS if name == language and holding in text)
    return json.loads(text) if language == "json" else yaml.safe_load(text)


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

    assert faults(prod, stage="prod", region="eu-west-1", recipe_text=recipe) == []


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
