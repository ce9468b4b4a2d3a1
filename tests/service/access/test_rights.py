"""Each role and policy of the packaged template allows what its holder does, no less and no more, with every switch."""

import pytest
import yaml

from tests.service.access.arns import ACCOUNT, Resolver
from tests.service.access.changes import with_less, with_more
from tests.service.access.holders import NEEDS_OF, needs_in
from tests.service.access.needs import needs_of
from tests.service.access.rights import Matrix, holders, statements_of
from tests.service.packaged_service import PROJECT, Package

PACKAGES = ("default", "changed", "hardened", "taken_up", "adopted")


@pytest.fixture(params=PACKAGES)
def each(request: pytest.FixtureRequest) -> Package:
    """The service with its defaults, and with all switches in turn."""
    package: Package = request.getfixturevalue(request.param)
    return package


def test_everybody_may_do_what_they_do_and_nothing_else(each: Package) -> None:
    matrix = Matrix(each)

    found = {name: matrix.faults(statements_of(each, name), needs_in(each, name)) for name in holders(each)}

    assert found == {name: [] for name in found}


def test_every_holder_is_in_some_template(default: Package, hardened: Package) -> None:
    assert {*holders(default)} < {*holders(hardened)} == NEEDS_OF.keys()


def test_no_role_has_rights_that_are_not_in_the_template(each: Package) -> None:
    roles = each.of_type("AWS::IAM::Role").values()

    assert [role["Properties"].get("ManagedPolicyArns") for role in roles] == [None] * len(roles)


@pytest.mark.parametrize("change", ["less", "more"])
def test_one_grant_less_and_one_grant_more_are_noticed(default: Package, hardened: Package, change: str) -> None:
    tried = 0
    for package in (default, hardened):
        matrix = Matrix(package)
        for holder in holders(package):
            statements, needs = statements_of(package, holder), needs_in(package, holder)
            changed = with_less(statements) if change == "less" else with_more(statements, matrix.actions)
            for title, others in changed:
                tried += 1
                assert matrix.faults(others, needs), f"{holder}: {title}"
    assert tried > 200


@pytest.mark.parametrize("removals", [False, True])
def test_the_containers_task_may_do_what_it_does_and_nothing_else(default: Package, removals: bool) -> None:
    template = yaml.safe_load((PROJECT / "resources" / "worker" / "service.yml").read_text(encoding="utf-8"))
    resolver = Resolver(
        template,
        {
            "Stage": "dev",
            "UploadsBucket": f"darkroom-dev-uploads-{ACCOUNT}-eu-west-1",
            "UploadsPrefix": "images/",
            "VariantsBucket": f"darkroom-dev-variants-{ACCOUNT}-eu-west-1",
            "Removals": str(removals).lower(),
        },
    )
    (policy,) = template["Resources"]["TaskRole"]["Properties"]["Policies"]
    needs = needs_of("TaskRole", {"removals"} if removals else set())
    needs |= {f"{need} of the doctor" for need in needs if need.endswith(" upload")}

    statements = resolver.resolve(policy["PolicyDocument"]["Statement"])

    assert Matrix(default).faults(statements, needs) == []
