"""The options of ``darkroom estimate --plan``, and the plan that they make."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.cli.checkout import whose_defaults
from ops.cli.plan.quotas import Plan, StageLimits
from ops.cli.plan.view import as_document, print_plan
from ops.cli.settings import deployed_parameters, parameters
from ops.cli.stage import Stage
from ops.cli.terminal import print_json, stderr

if TYPE_CHECKING:
    from ops.cli.estimate.reckoning import Estimate  # whose command imports this module

HOURS_A_DAY: Final = 24.0

PlanOption = Annotated[
    bool, typer.Option("--plan", help="Print the quotas that are reached, and the hours needed to drain the queue.")
]
WithinOption = Annotated[
    float | None,
    typer.Option(min=0.1, help="With --plan: hours.", show_default="as long as the queue keeps a message"),
]


def plan_of(made: "Estimate", stage: Stage | None, within: float | None) -> Plan:
    """The plan for what an estimate is of, within so many hours."""
    given = deployed_parameters(stage) if stage else parameters()
    if stage and stage.defaults is None:
        stderr().print(f"the stage does not list all its parameters: the others are those of {whose_defaults()}")
    limits = StageLimits(int(given["queueRetentionDays"]), int(given["apiDailyQuota"]))
    return Plan(made.bill.work, limits, within or HOURS_A_DAY * limits.retention_days)


def show_plan(plan: Plan, made: "Estimate", *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(as_document(plan, made.dollars))
    else:
        print_plan(plan, made.dollars)
