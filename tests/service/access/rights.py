"""What policies allow on all places of a template, compared with what is needed there."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ops.local.eventbridge.policies import AccessRequest, allowed_by
from tests.service.access.arns import Resolver
from tests.service.access.places import ANYWHERE, Place, places
from tests.service.packaged_service import Package

Statement = dict[str, Any]

OF_NO_RESOURCE: Mapping[str, str] = {
    "cloudwatch:DescribeAlarms": "alarms are found by the prefix of their names",
    "cloudwatch:GetMetricData": "IAM knows no resource for metrics",
    "cloudwatch:ListMetrics": "IAM knows no resource for metrics",
    "ec2:DescribeNetworkInterfaces": "IAM takes no narrower resource for EC2's descriptions",
    "ec2:DescribeSubnets": "IAM takes no narrower resource for EC2's descriptions",
    "lambda:GetAccountSettings": "of the account and the region",
    "lambda:ListEventSourceMappings": "IAM takes no narrower resource",
    "logs:DescribeLogGroups": "log groups are found by the prefix of their names",
    "rekognition:DetectLabels": "an image is no resource",
    "xray:PutTelemetryRecords": "IAM takes no other resource",
    "xray:PutTraceSegments": "IAM takes no other resource",
}
"""Actions that are allowed on everything, and why."""


def statements_of(package: Package, holder: str) -> list[Statement]:
    """What the holder of a role or of a managed policy may do, without references."""
    resources = package.template["Resources"]
    documents = [resources[holder]["Properties"].get("PolicyDocument")]
    documents += [each["PolicyDocument"] for each in resources[holder]["Properties"].get("Policies", ())]
    resolver = Resolver(package.template)
    return [resolver.resolve(each) for document in documents if document for each in document["Statement"]]


def holders(package: Package) -> list[str]:
    """The roles and the managed policies."""
    return [*package.of_type("AWS::IAM::Role"), *package.of_type("AWS::IAM::ManagedPolicy")]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_in(statements: Collection[Statement]) -> set[str]:
    return {action for each in statements for action in listed(each["Action"]) if each["Effect"] == "Allow"}


class Matrix:
    """All actions of a template on all places of it; what a statement allows there is found out once."""

    def __init__(self, package: Package) -> None:
        self._where = places(package)
        statements = [each for holder in holders(package) for each in statements_of(package, holder)]
        self.actions = actions_in(statements)
        self._known: dict[str, list[Grant]] = {}

    def faults(self, statements: Collection[Statement], needs: Collection[str]) -> list[str]:
        """What is needed and not allowed, allowed and not needed, allowed twice, or allowed where it has no effect."""
        denials = [each for each in statements if each["Effect"] == "Deny"]
        grants = [grant for each in statements if each["Effect"] == "Allow" for grant in self._grants(each, denials)]
        found = Counter(f"{action} {name}" for action, names in grants for name in names)
        return [
            *(f"missing: {need}" for need in sorted({*needs} - {*found})),
            *(f"not needed: {need}" for need in sorted({*found} - {*needs})),
            *(f"twice: {need}" for need, times in sorted(found.items()) if times > 1),
            *(f"without effect: {action}" for action, names in grants if not names),
        ]

    def _grants(self, statement: Statement, denials: list[Statement]) -> list["Grant"]:
        key = json.dumps([statement, denials])
        if key not in self._known:
            resources = listed(statement["Resource"])
            alone = [[{**statement, "Resource": resource}, *denials] for resource in resources]
            self._known[key] = [grant for each in alone for grant in self._of_one_resource(each)]
        return self._known[key]

    def _of_one_resource(self, statements: list[Statement]) -> Iterator["Grant"]:
        """What the first statement allows on its resource."""
        own = actions_in(statements[:1])
        services = {action.split(":")[0] for action in own}
        for action in sorted(own | {each for each in self.actions if each.split(":")[0] in services or "*" in own}):
            names = [name for name, place in self._where.items() if _can_be(action, name, place)]
            allowed = [name for name in names if allowed_by(statements, _request(action, self._where[name]))]
            if allowed or action in own:
                yield action, allowed


Grant = tuple[str, list[str]]
"""An action, and the places where it is allowed."""


def _can_be(action: str, name: str, place: Place) -> bool:
    if action in OF_NO_RESOURCE or name == ANYWHERE:
        return action in OF_NO_RESOURCE and name == ANYWHERE
    if action == "dynamodb:Scan":
        return name == "table"  # it names no key
    return place.service == action.split(":")[0]


def _request(action: str, place: Place) -> AccessRequest:
    return AccessRequest(action, place.arn, place.context)
