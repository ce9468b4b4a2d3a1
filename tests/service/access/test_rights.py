"""Each role of the packaged template allows what its function does, no less and no more, with every switch."""

import pytest

from tests.service.access.needs import NEEDS
from tests.service.access.places import places
from tests.service.access.rights import actions_in, faults, needs_in, roles, statements_of
from tests.service.packaged_service import Package

PACKAGES = ("default", "changed", "hardened", "taken_up", "adopted")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_role_allows_what_its_function_does_and_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    package: Package = request.getfixturevalue(name)
    where = places(package)

    found = {
        role: faults(statements_of(package, role), needs_in(package, role), every_action(package), where)
        for role in roles(package)
        if role in NEEDS
    }

    assert found == {role: [] for role in found}
    assert {"ConsumerRole", "ApiRole"} <= found.keys()


def every_action(package: Package) -> set[str]:
    return {action for role in roles(package) for action in actions_in(statements_of(package, role))}
