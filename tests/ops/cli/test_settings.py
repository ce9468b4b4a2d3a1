"""The commands reckon with what a stage was deployed with, not with what this checkout says, and tell which it was."""

import json
from dataclasses import asdict, replace

import pytest
from typer.testing import CliRunner

from ops.cli.costs import FunctionSettings
from ops.cli.main import make_app
from ops.cli.settings import Consumer, function_of
from ops.local.deployed import DEFAULT_CONCURRENCY
from tests.ops.cli.embedded import deploy, jpeg, prefix_of, put, quiet_stage, stage_of

DEPLOYED = FunctionSettings(memory=3008, architecture="arm64", concurrency=7, batch=5)
SAID = "settings of the stage local as it is deployed: 3,008 MB, arm64, 7 at once, 5 a batch"


@pytest.fixture
def stage(stack, monkeypatch):
    """A stage that was deployed with other settings than those of serverless.yml."""
    mapping = {"BatchSize": 5, "ScalingConfig": {"MaximumConcurrency": 7}}
    stage = deploy(quiet_stage(stack), memory=3008, timeout=20, architecture="arm64", **mapping)
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage)
    return stage


def run(*arguments):
    result = CliRunner().invoke(make_app(), [*arguments, "--stage", "local"])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_the_settings_are_those_of_the_function_and_of_its_mapping(stage):
    assert function_of(stage) == DEPLOYED
    assert Consumer.of(stage).timeout == 20


def test_the_events_of_a_stage_are_charged_where_its_outputs_name_eventbridge(stage, stack):
    assert function_of(stage_of(stack)).ingest == "s3"
    assert function_of(stage_of(stack, Ingest="eventbridge")).ingest == "eventbridge"


def test_the_embedded_stack_has_the_concurrency_of_its_stage_and_not_of_the_others(stack):
    stage = stage_of(stack)

    assert len(Consumer.of(stage).code_version) == 12
    assert function_of(stage) == replace(function_of(None), concurrency=2)
    assert function_of(None).concurrency == 5


def test_a_mapping_without_a_limit_is_bounded_by_the_account(stack):
    assert function_of(deploy(quiet_stage(stack), BatchSize=10)).concurrency == DEFAULT_CONCURRENCY


def test_an_estimate_is_of_the_stage_that_was_named(stage):
    result = run("estimate")
    document = json.loads(run("estimate", "--json").stdout)

    assert SAID in result.stderr
    assert {name: document[name] for name in ("memory", "architecture", "concurrency", "batch")} == {
        "memory": 3008,
        "architecture": "arm64",
        "concurrency": 7,
        "batch": 5,
    }


def test_an_option_of_an_estimate_takes_the_place_of_what_is_deployed(stage):
    document = json.loads(run("estimate", "--memory", "2048", "--json").stdout)

    assert (document["memory"], document["concurrency"]) == (2048, 7)


def test_a_dry_backfill_reckons_with_what_is_deployed(stage):
    put(stage, f"{prefix_of(stage)}cat.jpg", jpeg())

    result = run("backfill", "--dry-run", "--json")

    assert SAID in result.stderr
    assert json.loads(result.stdout)["settings"] == asdict(DEPLOYED)


def test_a_contained_replay_has_the_limits_of_what_is_deployed(stage):
    key = f"{prefix_of(stage)}cat.jpg"
    put(stage, key, jpeg())

    result = run("replay", key, "--sandbox", "--json")

    assert "limits of the stage local as it is deployed: 3,008 MB, 20 s a try" in result.stderr
    assert json.loads(result.stdout)["limits"] == {"memory": 3008, "seconds": 20.0}


def test_a_replay_in_this_process_has_no_limits_and_asks_for_none(stage):
    key = f"{prefix_of(stage)}cat.jpg"
    put(stage, key, jpeg())

    result = run("replay", key, "--json")

    assert "limits" not in result.stderr
    assert json.loads(result.stdout)["limits"] is None
