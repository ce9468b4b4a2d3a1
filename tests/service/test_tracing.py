"""Traces as they are deployed: which functions have them, with which right, and nothing where they are off."""

import json

from tests.service.packaged_service import Package


def test_a_stage_without_traces_has_no_line_of_them(default: Package) -> None:
    text = json.dumps(default.template)

    assert "xray" not in text
    assert "TracingConfig" not in text
    assert "TRACING" not in text
    assert default.properties("ApiGatewayStage")["TracingEnabled"] is False


def test_the_api_and_every_function_are_traced(changed: Package) -> None:
    functions = changed.of_type("AWS::Lambda::Function")

    assert {name: each["Properties"]["TracingConfig"] for name, each in functions.items()} == {
        f"{name}LambdaFunction": {"Mode": "Active"} for name in ("Consumer", "Api", "Announcer", "Eraser")
    }
    assert changed.properties("ApiGatewayStage")["TracingEnabled"] is True
    assert changed.environment["TRACING"] == "true"


def test_every_role_of_a_function_may_send_traces_itself_and_nothing_else_of_x_ray(changed: Package) -> None:
    """In the role, which is there before its function: Lambda refuses a trace with a role that may not send it."""
    of_functions = {
        each["Properties"]["Role"]["Fn::Sub"].removeprefix("${").removesuffix(".Arn}")
        for each in changed.of_type("AWS::Lambda::Function").values()
    }
    granted = {
        name: statement
        for name, role in changed.of_type("AWS::IAM::Role").items()
        for statement in role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        if "xray" in json.dumps(statement)
    }

    assert granted.keys() == of_functions
    for statement in granted.values():
        assert statement == {
            "Sid": "SendTraces",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",  # IAM takes no other
        }
