"""``serverless invoke local`` runs a function here on a deployed stage, or says in one line what is missing."""

import json
import os
import subprocess

import pytest

from ops.local.deployment import FRAMEWORK
from ops.local.emulator import PROJECT

SETTINGS = {
    "httpMethod": "GET",
    "resource": "/{proxy+}",
    "pathParameters": {"proxy": "settings.json"},
    "requestContext": {"path": "/local/settings.json"},
}

LEAST: dict[str, list[str]] = {"Records": []}
"""The smallest event of the consumer, which it takes: the first test."""


def invoke(stack, function, event, *, stage="local", **changes):
    """The exit code, and all that was said."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [
            *("node", str(FRAMEWORK), "invoke", "local", "--stage", stage),
            *("-f", function, "--data", event if isinstance(event, str) else json.dumps(event)),
        ],
        cwd=PROJECT,
        env={name: value for name, value in (environ | stack.environ() | changes).items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_consumer_takes_a_minimal_event(stack):
    code, said = invoke(stack, "consumer", LEAST)

    assert code == 0, said
    assert json.loads(said[said.index("{\n") :]) == {"batchItemFailures": []}  # behind what it logged


def test_the_api_answers_a_request(stack):
    code, said = invoke(stack, "api", SETTINGS)

    assert code == 0, said
    answer = json.loads(said[said.index("{\n") :])
    assert (answer["statusCode"], json.loads(answer["body"])["authorizer"]) == (200, "api-key")


@pytest.mark.parametrize(
    ("function", "event", "lacks"),
    [
        ("consumer", {}, "Records"),
        ("consumer", "no JSON", "Records"),
        ("api", {"resource": "/"}, "httpMethod, requestContext"),
    ],
)
def test_an_event_that_aws_would_never_send_is_refused_with_what_it_lacks(stack, function, event, lacks):
    code, said = invoke(stack, function, event)

    assert code == 2
    (line,) = (line for line in said.splitlines() if "The event" in line)
    assert line.startswith(f"The event has no {lacks}: give all that AWS sends with --data or --path, at least {{")
    least = line[line.index("{") :].removesuffix(".")
    assert json.loads(least) == LEAST or invoke(stack, function, least)[0] == 0


def test_a_stage_that_is_not_deployed_is_named_with_what_to_run(stack):
    code, said = invoke(stack, "consumer", {"Records": []}, stage="nowhere")

    assert code == 2
    (line,) = (line for line in said.splitlines() if "darkroom-nowhere" in line)
    assert line.startswith("invoke local works on a deployed stage")
    assert line.endswith("run npm run deploy -- --stage nowhere first, or name another --stage or --region.")


def test_without_the_emulator_the_local_stage_is_refused(stack):
    code, said = invoke(stack, "consumer", {}, AWS_ENDPOINT_URL=None)

    assert code == 2
    assert "The stage local is for the AWS on this machine: run npm run local" in said
