"""The upload API as it is deployed: who may call what, what its function may do, and within which limits."""

import json
import re
import subprocess
from typing import Any

import pytest

from api.routes import ROUTES
from api.service import MAX_DIRECT_BYTES
from ops.local.serve.routes import DEFAULT_STATUS
from tests.service.packaged_service import PROJECT, Package

FOR_CALLERS = {"/uploads", "/upload", "/images", "/images/{id}", "/images/{id}/{variant}"}
FOR_ALL = {"/", "/{proxy+}"}
SCRIPT = """
const given = JSON.parse(process.argv[1]);
const resolveVariable = async (name) => given[name.replace(/^(param|self:custom.derived.arns)[:.]/, '')];
require('./resources/api.cjs')({ resolveVariable }).then((it) => console.log(JSON.stringify(it)));
"""


def path_of(package: Package, resource: Any) -> str:
    """A resource's path, by its parents."""
    if "Fn::GetAtt" in resource:
        return "/"
    properties = package.properties(resource["Ref"])
    return f"{path_of(package, properties['ParentId']).rstrip('/')}/{properties['PathPart']}"


def methods(package: Package) -> dict[tuple[str, str], dict[str, Any]]:
    found = package.of_type("AWS::ApiGateway::Method").values()
    every = [method["Properties"] for method in found]
    return {(path_of(package, each["ResourceId"]), each["HttpMethod"]): each for each in every}


def test_every_route_of_the_code_is_deployed_and_no_other(default: Package) -> None:
    deployed = methods(default)

    assert {path for path, _ in deployed} == set(ROUTES) == FOR_CALLERS | FOR_ALL
    assert {path for path, method in deployed if method == "ANY"} == set(ROUTES)
    assert {path for path, method in deployed if method == "OPTIONS"} == FOR_CALLERS


def test_callers_need_a_key_and_browsers_that_ask_first_need_none(default: Package) -> None:
    for (path, method), properties in methods(default).items():
        assert properties["ApiKeyRequired"] is (path in FOR_CALLERS and method == "ANY"), (path, method)
        assert properties["AuthorizationType"] == "NONE"


def test_with_jwt_callers_need_a_token_of_the_user_pool_and_there_is_no_key(changed: Package) -> None:
    (authorizer,) = changed.of_type("AWS::ApiGateway::Authorizer").values()

    for (path, method), properties in methods(changed).items():
        wanted = "COGNITO_USER_POOLS" if path in FOR_CALLERS and method == "ANY" else "NONE"
        assert (properties["AuthorizationType"], properties["ApiKeyRequired"]) == (wanted, False)
    assert authorizer["Properties"]["ProviderARNs"] == [
        "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Example"
    ]
    assert not changed.of_type("AWS::ApiGateway::ApiKey")


def derived(**changes: object) -> dict[str, Any]:
    defaults: dict[str, object] = {
        "authorizer": "api-key",
        "userPoolArn": "",
        "corsOrigins": "",
        "apiDailyQuota": 1,
        "apiRate": 1,
        "apiBurst": 1,
        "uploadMinutes": 15,
        "linkMinutes": 60,
        "apiKeys": "uploads",
        "operators": "",
        "publicRate": 1,
        "publicBurst": 33,
        "apiMetrics": False,
        "apiAccessLog": False,
        "tracing": False,
        "logRetentionDays": 30,
        "self:service": "darkroom",
        "sls:stage": "dev",
    }
    command = ["node", "-e", SCRIPT, json.dumps(defaults | changes)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    values: dict[str, Any] = json.loads(run.stdout)
    return values


def of_type(made: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in made["resources"]["Resources"].items() if each["Type"] == kind}


def test_with_iam_callers_sign_their_requests() -> None:
    made = derived(authorizer="iam")

    guarded = [event["http"]["path"] for event in made["events"] if event["http"].get("authorizer")]
    assert {f"/{path}" for path in guarded} == FOR_CALLERS
    assert {json.dumps(e["http"]["authorizer"]) for e in made["events"] if "authorizer" in e["http"]} == {
        '{"type": "aws_iam"}'
    }
    assert not of_type(made, "AWS::ApiGateway::ApiKey")
    assert not of_type(made, "AWS::ApiGateway::UsagePlan")


def test_the_function_answers_before_api_gateway_gives_up(default: Package, changed: Package) -> None:
    function = default.properties("ApiLambdaFunction")

    assert (function["Handler"], function["Timeout"], function["MemorySize"]) == ("handlers.api.handler", 28, 1024)
    assert changed.properties("ApiLambdaFunction")["MemorySize"] == 512


def test_the_function_is_told_what_the_stage_is(default: Package, changed: Package) -> None:
    told, other = (
        package.properties("ApiLambdaFunction")["Environment"]["Variables"] for package in (default, changed)
    )

    assert told == {
        "UPLOADS_BUCKET": {"Fn::Sub": "darkroom-dev-uploads-${AWS::AccountId}-${AWS::Region}"},
        "UPLOADS_PREFIX": "images/",
        "VARIANTS_BUCKET": {"Fn::Sub": "darkroom-dev-variants-${AWS::AccountId}-${AWS::Region}"},
        "IMAGES_TABLE": "darkroom-dev-images",
        "CONSUMER_MEMORY": "1769",
        "AUTHORIZER": "api-key",
        "OPERATORS": "",
        "CORS_ORIGINS": "",
        "CDN_URL": "",
        "UPLOAD_SECONDS": "900",
        "LINK_SECONDS": "3600",
        "LOG_LEVEL": "INFO",
    }
    assert {name: value for name, value in other.items() if isinstance(value, str)} == {
        "UPLOADS_BUCKET": "holiday-originals",
        "UPLOADS_PREFIX": "incoming/raw/",
        "VARIANTS_BUCKET": "holiday-variants",
        "IMAGES_TABLE": "darkroom-local-images",
        "CONSUMER_MEMORY": "3008",
        "AUTHORIZER": "jwt",
        "OPERATORS": "curators,staff",
        "CORS_ORIGINS": "https://photos.example.com, https://www.example.com",
        "CDN_URL": "https://pictures.example.com",
        "UPLOAD_SECONDS": "300",
        "LINK_SECONDS": "1800",
        "LOG_LEVEL": "DEBUG",
    }


def test_pictures_reach_the_function_and_its_clients_as_they_were_sent(default: Package) -> None:
    """API Gateway decodes a response by the request's first Accept, which for most clients is ``*/*``."""
    assert default.properties("ApiGatewayRestApi")["BinaryMediaTypes"] == ["*/*"]


def test_an_operators_key_is_known_to_the_function_by_its_id() -> None:
    made = derived(apiKeys="uploads, kiosk", operators="kiosk")

    assert made["operators"] == {"Fn::Join": [",", [{"Ref": "ApiKeyKiosk"}]]}
    assert "ApiKeyKiosk" in of_type(made, "AWS::ApiGateway::ApiKey")
    assert derived(apiKeys="uploads")["operators"] == ""
    assert derived(authorizer="iam", operators="AROA1, AIDA2")["operators"] == "AROA1,AIDA2"


def test_the_page_and_the_configured_origins_may_send_files_to_s3(default: Package, changed: Package) -> None:
    own = {"Fn::Sub": "https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
    others = ["https://photos.example.com", "https://www.example.com"]

    for package, origins in ((default, [own]), (changed, [own, *others])):
        (rule,) = package.properties("UploadsBucket")["CorsConfiguration"]["CorsRules"]
        assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == (origins, ["POST"])


def test_api_gateways_own_refusals_are_problems_too(default: Package) -> None:
    responses = default.of_type("AWS::ApiGateway::GatewayResponse")
    for response in responses.values():
        properties = response["Properties"]
        template = properties["ResponseTemplates"]["application/json"]
        problem = json.loads(template.replace("$context.error.messageString", '"whatever it is"'))

        assert properties["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert set(problem) - {"status"} == {"type", "title", "detail"}
        assert str(problem.get("status")) == properties.get("StatusCode", "None")
    kinds = {each["Properties"]["ResponseType"]: each["Properties"].get("StatusCode") for each in responses.values()}
    assert {kind: int(status) for kind, status in kinds.items() if kind in DEFAULT_STATUS and status} == {
        kind: status for kind, status in DEFAULT_STATUS.items() if status < 500
    }
    assert kinds["DEFAULT_4XX"] is None  # a type that is new keeps its own status


def test_a_refusal_names_the_limit_that_was_met(default: Package) -> None:
    made = default.of_type("AWS::ApiGateway::GatewayResponse").values()
    details = {
        each["Properties"]["ResponseType"]: each["Properties"]["ResponseTemplates"]["application/json"] for each in made
    }

    assert "20 a second and 50 at once for each API key" in details["THROTTLED"]
    assert "10 a second and 50 at once for the page" in details["THROTTLED"]
    assert "100000 requests" in details["QUOTA_EXCEEDED"]
    assert f"{MAX_DIRECT_BYTES} bytes" in details["REQUEST_TOO_LARGE"]


def refusals(resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The headers of API Gateway's own answers, by what they are given for."""
    return {
        each["Properties"]["ResponseType"]: each["Properties"]["ResponseParameters"]
        for each in resources.values()
        if each["Type"] == "AWS::ApiGateway::GatewayResponse"
    }


def test_pages_of_other_origins_may_read_api_gateways_own_refusals_if_there_are_such_origins(
    default: Package, changed: Package
) -> None:
    nobody, several = (refusals(package.template["Resources"]) for package in (default, changed))
    one = refusals(derived(corsOrigins="https://photos.example.com")["resources"]["Resources"])

    assert nobody.keys() == several.keys() == one.keys()
    assert not [name for headers in nobody.values() for name in headers if "Access-Control" in name]
    for found, origin in ((several, "'*'"), (one, "'https://photos.example.com'")):
        for headers in found.values():
            assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == origin
            assert headers["gatewayresponse.header.Access-Control-Expose-Headers"] == "'Retry-After'"


def test_who_is_turned_away_for_a_while_is_told_for_how_long(default: Package) -> None:
    waits = {
        kind: headers.get("gatewayresponse.header.Retry-After")
        for kind, headers in refusals(default.template["Resources"]).items()
    }

    assert {kind: wait for kind, wait in waits.items() if wait} == {
        "THROTTLED": "'2'",
        "QUOTA_EXCEEDED": "'3600'",
        "DEFAULT_5XX": "'5'",
    }


def test_the_deployment_waits_for_what_api_gateway_answers_itself(default: Package) -> None:
    responses = set(default.of_type("AWS::ApiGateway::GatewayResponse"))
    (deployment,) = default.of_type("AWS::ApiGateway::Deployment").values()

    assert "ApiGatewayMethodUploadsAny" in deployment["DependsOn"]
    assert set(default.template["Resources"]["ApiGatewayMethodUploadsAny"]["DependsOn"]) >= responses


@pytest.mark.parametrize("name", ["openapi.json"])
def test_the_description_is_in_the_package(default: Package, name: str) -> None:
    assert re.match(rb'\{\s*"openapi": "3\.1', default.read(f"api/{name}"))
