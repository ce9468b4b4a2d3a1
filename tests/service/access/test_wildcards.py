"""Wherever a template allows more than it names, the reason stands here; and no reason outlives its wildcard."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.service.access.arns import ACCOUNT, Resolver
from tests.service.access.rights import OF_NO_RESOURCE, listed
from tests.service.packaged_service import Package
from tests.service.test_access import statements

RESOURCES: Mapping[str, str] = {
    r"arn:aws:s3:::[^*]+/\*": "whoever uploads names the objects, and the recipe the variants",
    r"arn:aws:logs:[^*]+:log-group:[^*]+:\*": "the streams of one group, which Lambda names",
    r"arn:aws:dynamodb:[^*]+:table/[^*]+/stream/\*": "the name of a stream is the time when it was made",
    r"arn:aws:ec2:[^*]+:\*/\*": "Lambda refuses a role that may delete some interfaces and not others",
}
"""Resources with a wildcard, as expressions."""

IN_A_KEYS_POLICY: Mapping[str, str] = {
    "kms:*": "AWS's own first statement: without it no policy of the account could allow anything",
    "kms:ReEncrypt*": "as CloudWatch Logs documents it: to another key and from one",
    "kms:GenerateDataKey*": "as CloudWatch documents it: with the plain key and without",
}
"""Actions with a wildcard, which nothing but the policy of a key has; its resource is the key itself."""


def allowed(package: Package) -> Iterator[dict[str, Any]]:
    resolver = Resolver(package.template)
    return (resolver.resolve(each) for each in statements(package) if each["Effect"] == "Allow")


def wildcards(package: Package) -> Iterator[str]:
    """The reasons that a template has need of, by what they are for; what has none is itself."""
    for each in allowed(package):
        actions = listed(each["Action"])
        yield from (action for action in actions if "*" in action)
        for resource in listed(each.get("Resource", [])):
            if resource == "*" and not all(action.startswith("kms:") for action in actions):
                yield from actions
            elif "*" in resource and resource != "*":
                yield next((reason for reason in RESOURCES if re.fullmatch(reason, resource)), resource)


def test_every_wildcard_has_a_reason_and_every_reason_a_wildcard(
    default: Package, changed: Package, hardened: Package, adopted: Package
) -> None:
    found = {each for package in (default, changed, hardened, adopted) for each in wildcards(package)}

    assert found == {*RESOURCES, *IN_A_KEYS_POLICY, *OF_NO_RESOURCE}


def test_a_wildcard_in_an_action_is_in_the_policy_of_a_key(hardened: Package) -> None:
    key = Resolver(hardened.template).resolve(hardened.properties("Key")["KeyPolicy"]["Statement"])

    assert [each for each in allowed(hardened) if "*" in str(each["Action"]) and each not in key] == []


def test_nothing_is_allowed_to_everybody_or_to_all_but_somebody(
    default: Package, changed: Package, hardened: Package, adopted: Package
) -> None:
    for package in (default, changed, hardened, adopted):
        for each in allowed(package):
            assert "*" not in listed(each.get("Principal"))
            assert "*" not in listed((each.get("Principal") or {}).get("AWS"))
            assert not each.keys() & {"NotAction", "NotResource", "NotPrincipal"}


def test_no_policy_of_a_resource_allows_anything_to_a_person_or_an_account_but_the_keys_to_its_own(
    default: Package, changed: Package, hardened: Package, adopted: Package
) -> None:
    (own,) = (each for each in allowed(hardened) if each["Action"] == "kms:*")

    for package in (default, changed, hardened, adopted):
        named = [each for each in allowed(package) if "Principal" in each and [*each["Principal"]] != ["Service"]]
        assert [each for each in named if each != own] == []
    assert own["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
