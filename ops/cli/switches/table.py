"""What each switch costs: a row for each parameter of serverless.yml that switches something on.

::

    name       as in serverless.yml; "ingest=eventbridge" where it is one value that costs
    images     the lines for the images of an estimate
    million    what else is charged by the million, and the lines for a million of it
    month      the lines for a month
    alarms     the metrics that its alarms watch, in resources/switches/NAME.yml
    needs      switches that must be on with it
    note       what the figures leave out, or why there are none

Most rows have few of these. A row without figures must have a note.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ops.cli.costs.bill import BillLine
from ops.cli.switches import formulas
from ops.cli.switches.formulas import Formula
from ops.cli.switches.usage import Usage
from ops.errors import UsageError

ALARMS: Final = 13  # metrics that the alarms of every stage watch: resources/observability.yml


def no_lines(_: Usage) -> list[BillLine]:
    """Nothing is charged."""
    return []


@dataclass(frozen=True, slots=True)
class SwitchCost:
    """One row; see above."""

    name: str
    images: Formula = no_lines
    million: tuple[str, Formula] | None = None
    month: Formula = no_lines
    alarms: int = 0
    needs: tuple[str, ...] = ()
    note: str = ""


SWITCHES: Final = (
    SwitchCost(
        "ingest=eventbridge",
        images=formulas.s3_events,
        note="for all events of the bucket, even outside the prefix; some guides call them free",
    ),
    SwitchCost(
        "removals",
        million=("originals deleted", formulas.removals),
        note="deleting the variants itself costs nothing",
    ),
    SwitchCost(
        "events",
        images=formulas.events,
        alarms=3,
        note="with a backlog; if images arrive one by one, the function is invoked for each: about 0.60 more",
    ),
    SwitchCost(
        "erasure",
        million=("images erased", formulas.erasures),
        month=formulas.erasures_polls,
        alarms=3,
        note="most of it for listings: variants are searched under all names that a recipe can produce",
    ),
    SwitchCost(
        "workflow",
        images=formulas.workflow,
        alarms=1,
        needs=("events",),
        note="deliveries to the topic's subscribers are extra, except to queues",
    ),
    SwitchCost("pointInTimeRecovery", month=formulas.recovery),
    SwitchCost("pollQueue", month=formulas.uploads_polls),
    SwitchCost(
        "cdn",
        million=("views of 60 KB", formulas.views),
        note="replaces traffic and requests to S3; traffic from S3 to CloudFront costs nothing",
    ),
    SwitchCost(
        "apiMetrics",
        month=formulas.method_metrics,
        note="if all methods are called every hour; metrics of a method that is not called cost nothing",
    ),
    SwitchCost("apiAccessLog", million=("requests to the API", formulas.access_log)),
    SwitchCost(
        "dashboard",
        month=formulas.dashboard,
        note="an account's first three cost nothing, if each has at most 50 metrics, as this one does",
    ),
    SwitchCost(
        "tracing",
        images=formulas.batch_traces,
        million=("requests to the API", formulas.traces),
        note="if every request is traced; by default X-Ray samples the first of each second and 5 % of the others",
    ),
    SwitchCost(
        "kmsKey",
        month=formulas.key,
        note="for a new key, plus a few requests a minute, because services cache a data key for minutes",
    ),
    SwitchCost(
        "originalsTieringDays",
        images=formulas.tiering,
        month=formulas.tiered,
        note="an original that is not read for 30 days costs 46 % less, and after 90 days 83 % less",
    ),
    SwitchCost("originalsExpireDays", note="deletion by a lifecycle rule costs nothing"),
    SwitchCost("uploadsVersioning", note="overwritten and deleted originals are stored for `noncurrentDays` more"),
    SwitchCost("accessLogs", month=formulas.bucket_logs, note="until the logs expire; delivery costs nothing"),
    SwitchCost(
        "webAclArn",
        million=("requests to the API", formulas.filtered),
        note="your web ACL itself costs 5 dollars a month, and 1 for each of its rules",
    ),
    SwitchCost(
        "cdnWebAclArn",
        million=("views", formulas.filtered),
        needs=("cdn",),
        note="the web ACL itself costs as for `webAclArn`",
    ),
    SwitchCost("permissionsBoundary", note="policies cost nothing"),
    SwitchCost("tags", note="tags cost nothing"),
    SwitchCost(
        "vpcSubnets",
        note="the functions cost the same; NAT gateways and interface endpoints are charged by the hour and the GB",
    ),
    SwitchCost("vpcRouteTables", note="gateway endpoints cost nothing"),
)


def switches_named(names: Collection[str]) -> tuple[SwitchCost, ...]:
    """The rows of these names and of the switches that they need, in the order of the table.

    Raises:
        UsageError: a name is not in the table.
    """
    by_name = {switch.name: switch for switch in SWITCHES}
    if unknown := sorted(set(names) - by_name.keys()):
        raise UsageError(f"{', '.join(unknown)}: no such switch: give one of {', '.join(by_name)}")
    on = set(names) | {needed for name in names for needed in by_name[name].needs}
    return tuple(switch for switch in SWITCHES if switch.name in on)
