"""What a deployed stage says of its switches, and what of the template their prices reckon with."""

from ops.cli.settings import switched_on
from ops.cli.switches import formulas
from ops.cli.switches.table import SWITCHES
from tests.service.conftest import ADOPTED, CHANGED
from tests.service.packaged_service import Package
from tests.service.test_parameters import PARAMS


def on(package: Package) -> set[str]:
    names = set(package.template["Outputs"]["Switches"]["Value"].split(","))
    ingest = package.template["Outputs"]["Ingest"]["Value"]
    return {switch.name for switch in SWITCHES} & {*names, f"ingest={ingest}"}


def test_a_stage_names_what_is_on_by_the_rule_of_the_estimate(
    default: Package, changed: Package, adopted: Package
) -> None:
    assert on(default) == switched_on(PARAMS["default"])
    assert on(changed) == switched_on(PARAMS["default"] | CHANGED)
    assert on(adopted) == switched_on(PARAMS["default"] | ADOPTED)


def test_the_output_has_names_of_parameters_and_no_values(changed: Package) -> None:
    names = changed.template["Outputs"]["Switches"]["Value"].split(",")

    assert {"alarmEmail", "cdnAlias", "removals"} <= set(names) <= PARAMS["default"].keys()


def test_as_many_methods_have_metrics_as_are_priced(changed: Package) -> None:
    assert len(changed.of_type("AWS::ApiGateway::Method")) == formulas.API_METHODS
