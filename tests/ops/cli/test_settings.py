"""The commands reckon with what a stage was deployed with, not with what this checkout says, and tell which it was."""

import json
from dataclasses import asdict, replace

import pytest
from typer.testing import CliRunner

from ops.cli.costs.batch import FunctionSettings
from ops.cli.main import make_app
from ops.cli.settings import Consumer, deployed_parameters, function_of, parameters, switched_on, switches_of
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


def test_the_switches_of_a_stage_are_those_that_its_outputs_name(stack):
    local = switches_of(stage_of(stack))

    assert local == frozenset({"events", "erasure", "pointInTimeRecovery", "pollQueue"})
    assert switches_of(stage_of(stack, Ingest="eventbridge", Switches="cdn")) == frozenset(
        {"cdn", "ingest=eventbridge"}
    )
    assert switches_of(stage_of(stack, Switches="")) == frozenset()


def test_without_a_stage_the_switches_are_the_defaults_of_serverless_yml():
    assert switches_of(None) == frozenset({"pointInTimeRecovery", "pollQueue"})


def test_a_parameter_is_off_by_false_nothing_none_or_zero():
    names = ("events", "cdn", "workflow", "removals")

    assert switched_on(dict(zip(names, ("false", "", "none", 0), strict=True))) == frozenset()
    assert switched_on(dict(zip(names, (True, "arn", "true", 30), strict=True))) == set(names)


def test_an_estimate_of_a_stage_prices_what_is_on_and_what_is_given(stack, monkeypatch):
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: stage_of(stack, Switches="events"))
    by_itself, more = (json.loads(run("estimate", "--json", *given).stdout) for given in ((), ("--with", "workflow")))

    assert by_itself["on"] == list(by_itself["dollars_by_switch"]) == ["events"]
    assert list(more["dollars_by_switch"]) == ["events", "workflow"]


def test_the_parameters_of_a_stage_are_those_that_its_outputs_name(stack):
    outputs = {"Parameters": '{"queueRetentionDays": "9"}', "ParameterDefaults": '{"apiDailyQuota": "77"}'}
    known = deployed_parameters(stage_of(stack, **outputs))
    older = deployed_parameters(replace(stage_of(stack, **outputs), defaults=None))

    assert (known["queueRetentionDays"], known["apiDailyQuota"]) == ("9", "77")
    assert (older["queueRetentionDays"], older["apiDailyQuota"]) == ("9", parameters()["apiDailyQuota"])
    assert older["batchSize"] == parameters()["batchSize"]  # not that of this stage's section in this checkout
    assert deployed_parameters(replace(stage_of(stack), given=None, defaults=None))["batchSize"] == 10  # which it is


def test_a_plan_of_a_stage_has_its_limits_and_says_where_it_has_this_checkouts(stack, monkeypatch):
    outputs = {"Parameters": '{"queueRetentionDays": "9"}', "ParameterDefaults": '{"apiDailyQuota": "77"}'}
    stage = stage_of(stack, **outputs)
    for known in (True, False):
        there = stage if known else replace(stage, defaults=None)
        monkeypatch.setattr("ops.cli.stage.find", lambda *_, there=there: there)
        result = run("estimate", "--plan", "--json")
        limits = {each["name"]: each["limit"] for each in json.loads(result.stdout)["quotas"]}

        assert limits["queue keeps a message"] == 24 * 9
        assert ("the others are those of this checkout" in result.stderr) is not known


def test_a_stage_that_does_not_say_what_is_on_is_estimated_without_and_told(stack, monkeypatch):
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: replace(stage_of(stack), switches=None))
    result = run("estimate", "--json")

    assert json.loads(result.stdout)["on"] == []
    assert "deploy it again" in result.stderr


def test_a_backfill_of_a_stage_with_a_workflow_pays_for_the_labels_of_what_gets_variants(stage, monkeypatch):
    put(stage, f"{prefix_of(stage)}cat.jpg", jpeg())
    labelling = replace(stage, switches=frozenset({"events", "workflow"}))
    monkeypatch.setattr("ops.cli.stage.find", lambda *_: labelling)

    result = run("backfill", "--dry-run")
    document = json.loads(run("backfill", "--dry-run", "--json").stdout)

    assert set(document["dollars_by_switch"]) == {"events", "workflow"}
    assert "0.00 for workflow" in result.stderr


def test_the_embedded_stack_has_concurrency_and_batches_of_its_stage_and_not_of_the_others(stack):
    stage = stage_of(stack)

    assert len(Consumer.of(stage).code_version) == 12
    assert function_of(stage) == replace(function_of(None), concurrency=2, batch=10)
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

    assert "limits of the stage local as it is deployed: 3,008 MB, 15 s a try" in result.stderr
    assert json.loads(result.stdout)["limits"] == {"memory": 3008, "seconds": 15.0}


def test_a_replay_in_this_process_has_no_limits_and_asks_for_none(stage):
    key = f"{prefix_of(stage)}cat.jpg"
    put(stage, key, jpeg())

    result = run("replay", key, "--json")

    assert "limits" not in result.stderr
    assert json.loads(result.stdout)["limits"] is None
