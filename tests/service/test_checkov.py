"""checkov finds nothing in the packaged templates that has no reason, where its environment is made."""

import pytest
import yaml

from ops.build.checkov import FailedCheck, findings, skips, stale, unexplained
from ops.build.environments import folder_of
from tests.service.conftest import CHANGED, HARDENED
from tests.service.packaged_service import PROJECT, Package

DEFAULTS = yaml.safe_load((PROJECT / "serverless.yml").read_text())["params"]["default"]
OFF = ("", "false", False, 0, "none")


@pytest.fixture(scope="module")
def found(default: Package, changed: Package, hardened: Package) -> list[FailedCheck]:
    environment = folder_of("checkov")
    if not environment.is_dir():
        pytest.skip("THE TEMPLATE IS NOT CHECKED BY CHECKOV: npm run checkov installs it in 30 seconds")
    templates = [package.template_path for package in (default, changed, hardened)]
    return findings(templates, environment / "bin" / "python")


@pytest.mark.parametrize(("stage", "given"), [("default", {}), ("changed", CHANGED), ("hardened", HARDENED)])
def test_every_finding_in_a_template_has_a_reason_that_no_parameter_has_ended(
    request: pytest.FixtureRequest, found: list[FailedCheck], stage: str, given: dict[str, object]
) -> None:
    package: Package = request.getfixturevalue(stage)
    own = [each for each in found if each.template == package.template_path]
    on = [name for name, value in (DEFAULTS | given).items() if value not in OFF]

    assert own
    assert unexplained(own, skips(on=on)) == []


def test_every_reason_has_a_finding(found: list[FailedCheck]) -> None:
    assert stale(found, skips()) == []
