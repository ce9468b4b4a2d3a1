"""What policies allow on all places of a template, compared with what is needed there."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ops.local.eventbridge.policies import AccessRequest, allowed_by
from tests.service.access.arns import Resolver
from tests.service.access.needs import BY_AWS, IN_A_NETWORK, needs_of
from tests.service.access.places import ANYWHERE, Place, switches
from tests.service.packaged_service import Package
from tests.service.test_hardened import RIGHTS

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
}
"""Actions that are allowed on everything, and why."""


def statements_of(package: Package, holder: str) -> list[Statement]:
    """What the holder of a role or of a managed policy may do, without references."""
    resources = package.template["Resources"]
    documents = [resources[holder]["Properties"].get("PolicyDocument")]
    documents += [each["PolicyDocument"] for each in resources[holder]["Properties"].get("Policies", ())]
    attached = package.of_type("AWS::IAM::Policy").values()
    documents += [
        each["Properties"]["PolicyDocument"] for each in attached if {"Ref": holder} in each["Properties"]["Roles"]
    ]
    resolver = Resolver(package.template)
    return [resolver.resolve(each) for document in documents if document for each in document["Statement"]]


def roles(package: Package) -> list[str]:
    return list(package.of_type("AWS::IAM::Role"))


def managed_policies(package: Package) -> list[str]:
    return list(package.of_type("AWS::IAM::ManagedPolicy"))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions_in(statements: Collection[Statement]) -> set[str]:
    return {action for each in statements for action in listed(each["Action"]) if each["Effect"] == "Allow"}


def granted(statements: Collection[Statement], actions: Collection[str], where: Mapping[str, Place]) -> Iterator[str]:
    """Each need that these statements allow, once for each of them that does."""
    denials = [each for each in statements if each["Effect"] == "Deny"]
    for each in statements:
        if each["Effect"] == "Allow":
            for action in sorted(set(actions) | actions_in([each])):
                for name, place in where.items():
                    if _can_be(action, name, place) and allowed_by([each, *denials], _request(action, place)):
                        yield f"{action} {name}"


def faults(
    statements: Collection[Statement], needs: Collection[str], actions: Collection[str], where: Mapping[str, Place]
) -> list[str]:
    """What is not allowed and needed, allowed and not needed, or allowed twice.

    Args:
        actions: that are tried besides those of the statements.
    """
    found = list(granted(statements, {*actions, *(need.split(" ", 1)[0] for need in needs)}, where))
    missing = [f"missing: {need}" for need in sorted({*needs} - {*found})]
    needless = [f"not needed: {need}" for need in sorted({*found} - {*needs})]
    return [*missing, *needless, *(f"twice: {need}" for need in sorted({each for each in found if found.count(each) > 1}))]


def needs_in(package: Package, role: str) -> set[str]:
    """What a role of the template needs: for its code, for AWS in its name, for the key and the network."""
    on = switches(package)
    needs = {*needs_of(role, on), *BY_AWS[role]}
    if "kmsKey" in on:
        policies = [role, *(["ApiErasurePolicy"] if role == "ApiRole" and "erasure" in on else [])]
        rights = [RIGHTS[each] for each in policies]
        needs |= {f"{action} key through {each}" for right in rights for action in right for each in right[action]}
    return needs | ({*IN_A_NETWORK} if "vpcSubnets" in on else set())


def _can_be(action: str, name: str, place: Place) -> bool:
    if action in OF_NO_RESOURCE or name == ANYWHERE:
        return action in OF_NO_RESOURCE and name == ANYWHERE
    return place.service == action.split(":")[0]


def _request(action: str, place: Place) -> AccessRequest:
    return AccessRequest(action, place.arn, place.context)
