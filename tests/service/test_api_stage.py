"""The API's stage: a resource of its own, with limits for every caller, and keys that no deployment prints."""

import json
import re
from typing import Any

import pytest

from tests.service.packaged_service import Package
from tests.service.test_api import FOR_ALL, FOR_CALLERS, derived, methods, of_type


def stage(package: Package) -> dict[str, Any]:
    return package.properties("ApiGatewayStage")


def limits(settings: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Rate and burst, by route and method, of what differs from all the others and of ``/*``."""
    return {
        (re.sub("^/(?=/)", "", each["ResourcePath"].replace("~1", "/")), each["HttpMethod"]): (
            each["ThrottlingRateLimit"],
            each["ThrottlingBurstLimit"],
        )
        for each in settings
    }


def test_the_stage_is_a_resource_and_not_made_by_the_deployment(default: Package, changed: Package) -> None:
    """One that a deployment has made can never become a resource: CloudFormation finds it there already."""
    for package, name in ((default, "dev"), (changed, "local")):
        ((deployment, made),) = package.of_type("AWS::ApiGateway::Deployment").items()

        assert "StageName" not in made["Properties"]
        assert stage(package)["DeploymentId"] == {"Ref": deployment}
        assert (stage(package)["StageName"], stage(package)["RestApiId"]) == (name, {"Ref": "ApiGatewayRestApi"})


def test_every_method_has_a_limit_whoever_its_callers_are(default: Package, changed: Package) -> None:
    for package, callers, everybody in ((default, (20, 50), (10, 50)), (changed, (7, 9), (3, 33))):
        found = limits(stage(package)["MethodSettings"])
        deployed = {key: found.get(key, found["/*", "*"]) for key in methods(package)}

        assert deployed == {
            (path, method): callers if path in FOR_CALLERS and method == "ANY" else everybody
            for path, method in methods(package)
        }
        assert found.keys() - {("/*", "*")} <= methods(package).keys()


@pytest.mark.parametrize(
    ("authorizer", "keys", "callers"),
    [
        ("iam", "uploads", (20, 50)),
        ("jwt", "uploads, kiosk", (20, 50)),
        ("api-key", "uploads", (20, 50)),
        ("api-key", "uploads, kiosk,press2", (60, 150)),
    ],
)
def test_no_key_can_use_up_what_is_anothers(authorizer: str, keys: str, callers: tuple[int, int]) -> None:
    made = derived(authorizer=authorizer, apiKeys=keys, apiRate=20, apiBurst=50, publicRate=10, publicBurst=50)

    assert limits(made["methodSettings"])["/*", "*"] == callers


def test_the_root_is_written_as_api_gateway_wants_it() -> None:
    paths = {each["ResourcePath"] for each in derived()["methodSettings"]}

    assert {"/*", "/", "/~1{proxy+}", "/~1images~1{id}~1{variant}"} <= paths
    assert len(paths) == 1 + len(FOR_CALLERS) + len(FOR_ALL)


def test_metrics_log_and_traces_are_off_and_can_be_switched_on(default: Package, changed: Package) -> None:
    off, on = stage(default), stage(changed)

    assert {each["MetricsEnabled"] for each in off["MethodSettings"]} == {off["TracingEnabled"]} == {False}
    assert {each["MetricsEnabled"] for each in on["MethodSettings"]} == {on["TracingEnabled"]} == {True}
    assert off["AccessLogSetting"] == {"Ref": "AWS::NoValue"}
    assert on["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}


def test_the_access_log_is_json_and_tells_no_secret(changed: Package) -> None:
    written = json.loads(stage(changed)["AccessLogSetting"]["Format"])

    assert {"$context.requestId", "$context.status", "$context.resourcePath"} <= set(written.values())
    assert not [value for value in written.values() if "apiKey" in value and value != "$context.identity.apiKeyId"]
    assert "$context.path" not in written.values()  # which holds the names of files


def test_each_key_has_a_rate_a_burst_and_a_quota(default: Package) -> None:
    plan = default.properties("ApiUsagePlan")

    assert plan["Throttle"] == {"RateLimit": 20, "BurstLimit": 50}
    assert plan["Quota"] == {"Limit": 100_000, "Period": "DAY"}
    assert plan["ApiStages"] == [{"ApiId": {"Ref": "ApiGatewayRestApi"}, "Stage": {"Ref": "ApiGatewayStage"}}]


def keys(package: Package) -> dict[str, str]:
    return {name: each["Properties"]["Name"] for name, each in package.of_type("AWS::ApiGateway::ApiKey").items()}


def test_each_program_has_a_key_in_the_plan(default: Package, taken_up: Package) -> None:
    assert keys(default) == {"ApiKeyUploads": "darkroom-dev-uploads"}
    assert keys(taken_up) == {
        "ApiKeyUploads": "darkroom-prod-uploads",
        "ApiKeyKiosk": "darkroom-prod-kiosk",
        "ApiKeyPress2": "darkroom-prod-press2",
    }
    planned = [each["Properties"] for each in taken_up.of_type("AWS::ApiGateway::UsagePlanKey").values()]
    assert [each["KeyId"]["Ref"] for each in planned] == list(keys(taken_up))
    assert {each["UsagePlanId"]["Ref"] for each in planned} == {"ApiUsagePlan"}


def test_a_key_stays_when_another_one_goes() -> None:
    """A resource that is numbered would become another key, and its program would be refused."""
    before, after = (of_type(derived(apiKeys=names), "AWS::ApiGateway::ApiKey") for names in ("a, b, c", "b, c"))

    assert {name: before[name] for name in after} == after


def test_no_deployment_prints_a_key(default: Package) -> None:
    """The framework prints those that it makes."""
    state = json.loads((default.folder / "serverless-state.json").read_text())

    assert not state["service"]["provider"]["apiGateway"].keys() & {"apiKeys", "usagePlan"}
    assert not [value for value in default.template["Outputs"].values() if "ApiKey" in json.dumps(value)]
    assert "Value" not in default.properties("ApiKeyUploads")
