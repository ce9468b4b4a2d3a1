"""The deployed REST API, read from its CloudFormation template: paths, who needs a key, and its own answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ops.errors import StackError

_VARIABLE = re.compile(r"\$context\.([\w.]+)")

DEFAULT_STATUS = {
    "ACCESS_DENIED": 403,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "EXPIRED_TOKEN": 403,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "API_CONFIGURATION_ERROR": 500,
}
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""


@dataclass(frozen=True, slots=True)
class Match:
    """A route that a path leads to: its resource, what its parameters are, and who may use it."""

    resource: str
    parameters: dict[str, str]
    private: bool


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What API Gateway itself answers for one kind of failure."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Routes:
    """Every resource by its path, with whether each of its methods asks for a key."""

    resources: Mapping[str, Mapping[str, bool]]
    binary_media_types: tuple[str, ...]
    own_answers: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, template: Mapping[str, Any]) -> "Routes":
        """Out of a packaged template.

        Raises:
            StackError: it has no REST API, or asks for an authorizer that is not played here.
        """
        made = template["Resources"]
        apis = [each for each in made.values() if each["Type"] == "AWS::ApiGateway::RestApi"]
        if len(apis) != 1:
            raise StackError(f"the template has {len(apis)} REST APIs: darkroom local serves exactly one")
        resources: dict[str, dict[str, bool]] = {}
        for logical, method in _of_type(made, "AWS::ApiGateway::Method"):
            if method.get("AuthorizationType", "NONE") != "NONE":
                raise StackError(
                    f"{logical} asks for {method['AuthorizationType']}, and darkroom local checks API keys only: "
                    "leave the parameter authorizer of the local stage at api-key"
                )
            path = _path(made, method["ResourceId"])
            resources.setdefault(path, {})[method["HttpMethod"]] = bool(method.get("ApiKeyRequired"))
        answers = {answer["ResponseType"]: answer for _, answer in _of_type(made, "AWS::ApiGateway::GatewayResponse")}
        return cls(resources, tuple(apis[0].get("Properties", {}).get("BinaryMediaTypes", [])), answers)

    def match(self, method: str, path: str) -> Match | None:
        """The route of a request: what is written out goes before a parameter, and that before ``{proxy+}``."""
        parts = path.removeprefix("/").split("/")
        found = [
            (_rank(resource), resource, parameters)
            for resource in self.resources
            if (parameters := _parameters(resource.removeprefix("/").split("/"), parts)) is not None
        ]
        for _, resource, parameters in sorted(found):
            methods = self.resources[resource]
            if method in methods or "ANY" in methods:
                private = methods[method] if method in methods else methods["ANY"]
                return Match(resource, {name: unquote(value) for name, value in parameters.items()}, private)
        return None

    def is_binary(self, content_type: str) -> bool:
        """Whether content of this type is passed on in base64."""
        essence = content_type.partition(";")[0].strip().lower()
        kind = essence.partition("/")[0]
        return any(known in (essence, f"{kind}/*", "*/*") for known in self.binary_media_types)

    def own_answer(self, kind: str, message: str) -> OwnAnswer:
        """API Gateway's answer to a failure of this kind, as the template words it."""
        status = DEFAULT_STATUS[kind]
        said = self.own_answers.get(kind) or self.own_answers.get(f"DEFAULT_{status // 100}XX") or {}
        ((media_type, text),) = said.get(
            "ResponseTemplates", {"application/json": '{"message":$context.error.messageString}'}
        ).items()
        variables = {"error.messageString": f'"{message}"', "error.message": message, "error.responseType": kind}
        headers = {
            name.removeprefix("gatewayresponse.header."): value.strip("'")
            for name, value in said.get("ResponseParameters", {}).items()
        }
        body = _VARIABLE.sub(lambda found: variables.get(found[1], ""), text)
        return OwnAnswer(int(said.get("StatusCode", status)), {"Content-Type": media_type, **headers}, body)


def _of_type(resources: Mapping[str, Any], kind: str) -> list[tuple[str, dict[str, Any]]]:
    return [(logical, each["Properties"]) for logical, each in resources.items() if each["Type"] == kind]


def _path(resources: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    if "Fn::GetAtt" in reference:
        return "/"  # RootResourceId
    resource = resources[reference["Ref"]]["Properties"]
    return f"{_path(resources, resource['ParentId']).rstrip('/')}/{resource['PathPart']}"


def _rank(resource: str) -> list[int]:
    return [2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in resource.split("/")]


def _parameters(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    """The parameters with which a path fits a resource; None when it does not."""
    parameters: dict[str, str] = {}
    for position, wanted in enumerate(pattern):
        if wanted.endswith("+}"):
            rest = "/".join(parts[position:])
            return {**parameters, wanted[1:-2]: rest} if rest else None
        if position >= len(parts):
            return None
        if wanted.startswith("{"):
            if not parts[position]:
                return None
            parameters[wanted[1:-1]] = parts[position]
        elif wanted != parts[position]:
            return None
    return parameters if len(parts) == len(pattern) else None
