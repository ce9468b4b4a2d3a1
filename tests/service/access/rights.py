"""What policies allow on all places of a template, compared with what is needed there."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.local.eventbridge.policies import AccessRequest, allowed_by
from tests.service.access.arns import Resolver
from tests.service.access.places import ANYWHERE, Place, Samples, places
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


HOLDERS = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")


def holders(package: Package) -> list[str]:
    """The roles and the managed policies: all that a template has of IAM."""
    return [name for kind in HOLDERS for name in package.of_type(kind)]


def grants_elsewhere(template: Mapping[str, Any]) -> list[str]:
    """What gives rights to a role in another way than its own inline policy, where `statements_of` does not look."""
    found = []
    for name, each in template["Resources"].items():
        if not each["Type"].startswith("AWS::IAM::"):
            continue
        if each["Type"] not in HOLDERS:
            found.append(f"{name} is an {each['Type']}")
        found += [f"{name} has {given}" for given in ATTACHING if given in each["Properties"]]
    return found


ATTACHING = ("ManagedPolicyArns", "Roles", "Users", "Groups")
"""Properties of a role and of a managed policy that attach one to the other, or to somebody."""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_in(statements: Collection[Statement]) -> set[str]:
    return {action for each in statements for action in listed(each["Action"]) if each["Effect"] == "Allow"}


class Matrix:
    """All actions of a template on all places of it; what a statement allows there is found out once."""

    def __init__(self, package: Package) -> None:
        self._where: dict[str, dict[str, Samples]] = {}
        for name, samples in places(package).items():
            self._where.setdefault(samples[0].service, {})[name] = samples
        statements = [each for holder in holders(package) for each in statements_of(package, holder)]
        self.actions = actions_in(statements)
        self._known: dict[str, list[Grant]] = {}

    def faults(self, statements: Collection[Statement], needs: Collection[str]) -> list[str]:
        """What is needed and not allowed, allowed and not needed, allowed twice, in part, or without effect."""
        denials = [each for each in statements if each["Effect"] == "Deny"]
        grants = [grant for each in statements if each["Effect"] == "Allow" for grant in self._grants(each, denials)]
        found = Counter(f"{each.action} {name}" for each in grants for name in each.names)
        return [
            *(f"missing: {need}" for need in sorted({*needs} - {*found})),
            *(f"not needed: {need}" for need in sorted({*found} - {*needs})),
            *(f"twice: {need}" for need, times in sorted(found.items()) if times > 1),
            *(f"in part: {each.action} {name}" for each in grants for name in each.in_part),
            *(f"without effect: {each.action}" for each in grants if not each.names and not each.in_part),
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
            grant = Grant(action)
            for name, samples in self._places_of(action).items():
                allowed = {allowed_by(statements, _request(action, place)) for place in samples}
                if True in allowed:
                    (grant.in_part if False in allowed else grant.names).append(name)
            if grant.names or grant.in_part or action in own:
                yield grant

    def _places_of(self, action: str) -> dict[str, Samples]:
        """Where an action can be done at all."""
        if action in OF_NO_RESOURCE:
            return {ANYWHERE: self._where[""][ANYWHERE]}
        found = self._where.get(action.split(":")[0], {})
        return {"table": found["table"]} if action == "dynamodb:Scan" else found  # a scan names no key


@dataclass(frozen=True)
class Grant:
    """An action, and where it is allowed: everywhere in some places, and somewhere in others."""

    action: str
    names: list[str] = field(default_factory=list)
    in_part: list[str] = field(default_factory=list)


def _request(action: str, place: Place) -> AccessRequest:
    return AccessRequest(action, place.arn, place.context)
