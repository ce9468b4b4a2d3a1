"""The options of ``darkroom estimate --plan``, and the plan that they make."""

from typing import Annotated, Final

import typer

from ops.cli.costs import Bill, FunctionSettings
from ops.cli.plan.drain import TABLE_MOST, Workload
from ops.cli.plan.quotas import Plan, StageLimits
from ops.cli.plan.view import as_document, print_plan
from ops.cli.settings import parameters, parameters_of
from ops.cli.stage import Stage
from ops.cli.terminal import print_json

HOURS_A_DAY: Final = 24.0

PlanOption = Annotated[bool, typer.Option("--plan", help="Print which quotas bind, and the hours of a full queue.")]
WithinOption = Annotated[
    float | None,
    typer.Option(min=0.1, help="With --plan: hours.", show_default="as long as the queue keeps a message"),
]
WarmOption = Annotated[
    int, typer.Option(min=1, max=TABLE_MOST, help="With --plan: write units a second that the table is warm for.")
]


def plan_of(
    bill: Bill, function: FunctionSettings, writes: float, stage: Stage | None, within: float | None, warm: int
) -> Plan:
    """The plan for what a bill is of.

    Args:
        writes: units of the images table, of all images.
        within: hours.
        warm: write units a second.
    """
    given = parameters_of(stage.name) if stage else parameters()
    limits = StageLimits(int(given["queueRetentionDays"]), int(given["apiDailyQuota"]))
    seconds = bill.seconds * function.batch
    work = Workload(bill.images, function.batch, seconds, function.concurrency, writes / bill.images, warm)
    return Plan(work, limits, within or HOURS_A_DAY * limits.retention_days)


def show_plan(plan: Plan, bill: Bill, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(as_document(plan, bill.dollars))
    else:
        print_plan(plan, bill.dollars)
