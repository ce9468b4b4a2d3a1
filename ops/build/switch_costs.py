"""What each switch costs, as a table of docs/parameters.md: ``python -m ops.build.switch_costs --write``.

The only place in the docs that states these prices; a test compares it with `ops.cli.switches`.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from ops.build.generated import print_or_write, with_section
from ops.cli.checkout import ROOT
from ops.cli.costs.bill import BillLine
from ops.cli.estimate.reckoning import Estimate, Photos, estimated
from ops.cli.item_size import ItemSizes
from ops.cli.prices import ALARM, FREE_ALARMS, MILLION, PRICES_OF
from ops.cli.recipes import VariantPlan, read_recipe
from ops.cli.settings import function_of, parameters
from ops.cli.switches.priced import month
from ops.cli.switches.table import SWITCHES, SwitchCost

PAGE: Final = ROOT / "docs" / "parameters.md"
BEGIN: Final = "<!-- switches: begin -->"
END: Final = "<!-- switches: end -->"
REGENERATE: Final = "python -m ops.build.switch_costs --write"

SECTION: Final = """\
Dollars at list prices ({prices}), for a million photos of 12 megapixels with `recipe.toml` and the defaults of
`serverless.yml`. For tiered prices, the first tier is used.
For your own numbers, use `darkroom estimate`: `--stage` includes the switches of a stage, and `--with` adds others.

| switch | a million images | each month | notes |
|---|---|---|---|
{rows}

The table is generated (`{regenerate}`) from `ops/cli/prices.py`, which has the prices,
and `ops/cli/switches`, which has the formulas. Tests count the requests. The run times of the announcer, of the
state machine and of the eraser are assumed: nothing here has run on AWS yet. *Every stage* excludes the {free}
alarms that are free in an account; no other free quota is subtracted, such as the first million requests to
SQS in a month. Lambda, API Gateway and DynamoDB's requests cost nothing while nothing is uploaded, and a paused stage
does not poll."""


def section() -> str:
    """What stands in docs/parameters.md between the markers."""
    made = estimated(Photos(MILLION, 12.0), function_of(None), _sizes(), SWITCHES)
    rows = [_every_stage(made), *(_row(made, switch) for switch in SWITCHES)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return SECTION.format(prices=PRICES_OF, rows=table, regenerate=REGENERATE, free=FREE_ALARMS)


def page(text: str) -> str:
    """The page with the section as it is now."""
    return with_section(text, BEGIN, END, section())


def _sizes() -> ItemSizes:
    return ItemSizes.of(VariantPlan(read_recipe(), parameters()["uploadsPrefix"]))


def _every_stage(made: Estimate) -> Sequence[str]:
    originals, variants = made.usage.original_bytes / 1e6, made.usage.variant_bytes / 1e6
    monthly = _sum([each.line for each in month((), made.usage)])
    besides = f"each month to store {originals:.2f} MB of each original and {variants:.2f} MB of its variants"
    return "*every stage*", _sum(made.bill.lines), monthly, besides


def _row(made: Estimate, switch: SwitchCost) -> Sequence[str]:
    alarms = BillLine("CloudWatch", f"{switch.alarms} alarms", switch.alarms, ALARM)
    besides = [f"needs `{name}`" for name in switch.needs]
    besides += [f"{each.dollars:,.2f} for a million {each.of}" for each in made.millions if each.switch == switch.name]
    name, _, value = switch.name.partition("=")
    return (
        f"`{name}: {value}`" if value else f"`{name}`",
        _sum(switch.images(made.usage)),
        _sum([*switch.month(made.usage), alarms]),
        "; ".join(filter(None, (*besides, switch.note))),
    )


def _sum(lines: Iterable[BillLine]) -> str:
    """Dollars, and of several services those of each; nothing where nothing is charged."""
    services: dict[str, float] = {}
    for line in lines:
        services[line.service] = services.get(line.service, 0.0) + line.dollars
    charged = {name: dollars for name, dollars in services.items() if dollars}
    if len(charged) < 2:
        return "".join(f"{dollars:,.2f} ({name})" for name, dollars in charged.items()) or "nothing"
    each = ", ".join(f"{name} {dollars:,.2f}" for name, dollars in charged.items())
    return f"{sum(charged.values()):,.2f} ({each})"


def main(arguments: Sequence[str]) -> int:
    """Write the section, or with no arguments print it."""
    return print_or_write(
        arguments,
        usage=REGENERATE,
        shown=lambda: section() + "\n",
        files={PAGE: lambda: page(PAGE.read_text(encoding="utf-8"))},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
